package content

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"nightjar/keys"

	"pgregory.net/rapid"
)

// sinks is a network that keeps records as nodes do: one replaces another only if its version is larger.
type sinks struct {
	*network
	before func(b keys.Block) // what happens before a block arrives
	hide   func(id keys.ID) bool
}

func newSinks() *sinks { return &sinks{network: newNetwork()} }

func (s *sinks) Insert(ctx context.Context, b keys.Block, top bool) error {
	if s.before != nil {
		s.before(b)
	}
	s.mu.Lock()
	held, ok := s.blocks[b.ID()]
	s.mu.Unlock()
	if ok && b.ID().Kind == keys.KindRecord && keys.RecordVersion(b) <= keys.RecordVersion(held) {
		return nil
	}
	return s.network.Insert(ctx, b, top)
}

func (s *sinks) Fetch(ctx context.Context, id keys.ID, top bool) (keys.Block, error) {
	if s.hide != nil && s.hide(id) {
		return keys.Block{}, fmt.Errorf("double: hidden: %w", ErrNotFound)
	}
	return s.network.Fetch(ctx, id, top)
}

func editionURI(n int64) keys.URI {
	u := author(keys.USK, "site")
	u.Edition = n
	return u
}

func tryPut(dst Sink, data []byte, o PutOptions) error {
	_, err := PutFile(context.Background(), dst, bytes.NewReader(data), o)
	return err
}

// F13 and SPEC §2.2: before anything is inserted.
func TestAnEditionThatExistsIsAConflict(t *testing.T) {
	for _, size := range []int{100, 200_000} {
		s := newSinks()
		first, other := noise(size, 1), noise(size, 2)
		uri := put(t, s, first, PutOptions{Target: editionURI(4), Check: s})
		before := len(s.order)
		for name, o := range map[string]PutOptions{"random": {}, "salted": {Salt: &[32]byte{1}}, "convergent": {Convergent: true}} {
			o.Target, o.Check = editionURI(4), s
			if err := tryPut(s, other, o); !errors.Is(err, ErrConflict) {
				t.Errorf("%d bytes, %s: %v, want ErrConflict", size, name, err)
			}
		}
		if len(s.order) != before {
			t.Errorf("%d bytes: %d blocks were inserted", size, len(s.order)-before)
		}
		if err := tryPut(s, other, PutOptions{Target: editionURI(4)}); err != nil {
			t.Errorf("without looking: %v", err)
		}
		if !bytes.Equal(get(t, s, uri, GetOptions{}), first) {
			t.Errorf("%d bytes: the edition was overwritten", size)
		}
		if err := tryPut(s, other, PutOptions{Target: editionURI(5), Check: s}); err != nil {
			t.Errorf("the next edition: %v", err)
		}
	}
}

// An insert that was interrupted after its record was stored is done again and finds itself.
func TestAnEditionThatExistsWithTheSameContentIsNone(t *testing.T) {
	for _, size := range []int{100, 200_000} {
		for name, o := range map[string]PutOptions{"salted": {Salt: &[32]byte{1}}, "convergent": {Convergent: true}} {
			s := newSinks()
			o.Target, o.Check = editionURI(0), s
			first := put(t, s, noise(size, 1), o)
			before := len(s.order)
			if again := put(t, s, noise(size, 1), o); again != first || len(s.order) != before {
				t.Errorf("%s, %d bytes: %d more blocks, same URI: %v", name, size, len(s.order)-before, again == first)
			}
		}
	}
}

// Two machines at once: whoever comes second to the nodes that keep the record learns of it.
func TestTwoMachinesAtOnceAreAConflict(t *testing.T) {
	s := newSinks()
	doc, err := editionURI(4).Document()
	if err != nil {
		t.Fatal(err)
	}
	var once sync.Once
	slow := &sinks{network: s.network, before: func(b keys.Block) {
		if b.ID() == doc.ID() {
			once.Do(func() { put(t, s, []byte("first"), PutOptions{Target: editionURI(4), Check: s}) })
		}
	}}
	if err := tryPut(slow, []byte("second"), PutOptions{Target: editionURI(4), Check: slow}); !errors.Is(err, ErrConflict) {
		t.Errorf("%v, want ErrConflict", err)
	}
	public, _ := editionURI(4).Public()
	if got := get(t, s, public, GetOptions{}); string(got) != "first" {
		t.Errorf("%q is there", got)
	}
}

// A record that another holder of the key, or nobody, can make sense of is there all the same.
func TestARecordThatIsNoManifestIsAConflict(t *testing.T) {
	s := newSinks()
	a, err := editionURI(4).Author()
	if err != nil {
		t.Fatal(err)
	}
	b, err := a.Seal("site-4", keys.Record{Version: 1, Payload: []byte("hello")}, fixedRandom())
	if err != nil {
		t.Fatal(err)
	}
	s.blocks[b.ID()], s.top[b.ID()] = b, true
	for _, salt := range []*[32]byte{nil, {1}} {
		if err := tryPut(s, []byte("x"), PutOptions{Target: editionURI(4), Check: s, Salt: salt}); !errors.Is(err, ErrConflict) {
			t.Errorf("%v, want ErrConflict", err)
		}
	}
}

// Nobody who could look is not the same as nothing there; nothing is inserted then. What was stored and cannot be seen
// at once is stored.
func TestAnEditionThatCannotBeLookedFor(t *testing.T) {
	broken := errors.New("no peers")
	s := newSinks()
	s.lose = func(keys.ID) error { return broken }
	if err := tryPut(s, []byte("x"), PutOptions{Target: editionURI(4), Check: s}); !errors.Is(err, broken) || len(s.order) > 0 {
		t.Errorf("%v after %d blocks, want what the source said after none", err, len(s.order))
	}
	s = newSinks()
	s.before = func(keys.Block) {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.lose = func(keys.ID) error { return broken }
	}
	if err := tryPut(s, []byte("x"), PutOptions{Target: editionURI(4), Check: s}); !errors.Is(err, broken) {
		t.Errorf("%v, want what the source said", err)
	}
	s = newSinks()
	s.hide = func(keys.ID) bool { return true }
	if err := tryPut(s, []byte("x"), PutOptions{Target: editionURI(4), Check: s}); err != nil {
		t.Error(err)
	}
	s = newSinks()
	if err := tryPut(s, []byte("x"), PutOptions{Target: author(keys.SSK, "doc"), Check: s}); err != nil || len(s.fetched) > 0 {
		t.Errorf("an SSK was looked for: %v", err)
	}
}

// divided is a network in which another machine came first at one position of every record.
type divided struct {
	*sinks
	at    uint8
	other keys.Block
}

func (d *divided) FetchAt(ctx context.Context, id keys.ID, position uint8) (keys.Block, error) {
	if position == d.at {
		return d.other, nil
	}
	return d.Fetch(ctx, id, true)
}

// F13: whoever is told that his edition is there is believed by readers at every position.
func TestAnotherMachineMayComeFirstAtOnePosition(t *testing.T) {
	uri := editionURI(4)
	elsewhere := newSinks()
	if err := tryPut(elsewhere, []byte("theirs"), PutOptions{Target: uri}); err != nil {
		t.Fatal(err)
	}
	doc, err := uri.Document()
	if err != nil {
		t.Fatal(err)
	}
	other, ok := elsewhere.blocks[doc.ID()]
	if !ok {
		t.Fatal("there is no other record")
	}
	for at := range uint8(keys.Rotations) {
		d := &divided{newSinks(), at, other}
		if err := tryPut(d, []byte("ours"), PutOptions{Target: uri, Check: d}); !errors.Is(err, ErrConflict) {
			t.Errorf("position %d has another's record: %v, want ErrConflict", at, err)
		}
	}
	whole := &divided{sinks: newSinks(), at: keys.Rotations}
	if err := tryPut(whole, []byte("ours"), PutOptions{Target: uri, Check: whole}); err != nil {
		t.Error(err)
	}
}

// hintAt is the edition that a date hint names, or -1.
func hintAt(t rapid.TB, n *network, doc string) int64 {
	t.Helper()
	u := author(keys.SSK, doc)
	d, err := u.Document()
	if err != nil {
		t.Fatal(err)
	}
	b, ok := n.blocks[d.ID()]
	if !ok {
		return -1
	}
	r, err := d.Open(b)
	if err != nil {
		t.Fatal(err)
	}
	e, ok := decodeHint(r.Payload)
	if !ok {
		t.Fatalf("%s is no date hint", doc)
	}
	return e
}

// SPEC §2.4: the hints of a day, a month and a year name the newest edition of it, in whatever order editions were written.
func TestDateHintsNameTheNewestEdition(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := newSinks()
		want := map[string]int64{}
		zone := time.FixedZone("", rapid.IntRange(-12, 12).Draw(t, "zone")*3600)
		for range rapid.IntRange(1, 8).Draw(t, "editions") {
			e := rapid.Int64Range(0, 20).Draw(t, "edition")
			at := time.Date(2026, 12, 30, 23, 59, 59, 0, time.UTC).AddDate(0, 0, rapid.IntRange(-31, 3).Draw(t, "day")).In(zone)
			if err := tryPut(s, []byte("x"), PutOptions{Target: editionURI(e), Salt: &[32]byte{1}, Check: s, Now: func() time.Time { return at }}); err != nil {
				t.Fatal(err)
			}
			for _, format := range []string{"2006", "2006-01", "2006-01-02"} {
				doc := "site-hint-" + at.UTC().Format(format)
				want[doc] = max(want[doc], e)
			}
		}
		for doc, e := range want {
			if got := hintAt(t, s.network, doc); got != e {
				t.Fatalf("%s names %d, want %d", doc, got, e)
			}
		}
	})
}

// Hints help and are not needed: an insert succeeds without, and a name that is too long has fewer.
func TestAnEditionIsWrittenEvenIfItsHintsAreNot(t *testing.T) {
	s := newSinks()
	doc, err := editionURI(4).Document()
	if err != nil {
		t.Fatal(err)
	}
	s.refuse = func(id keys.ID, _ int) error {
		if id != doc.ID() {
			return errors.New("disk full")
		}
		return nil
	}
	if err := tryPut(s, []byte("x"), PutOptions{Target: editionURI(4), Check: s}); err != nil || len(s.order) != 1 {
		t.Errorf("%v after %d blocks", err, len(s.order))
	}
	for length, want := range map[int]int{255 - len("-hint-2026-11-24"): 4, 255 - len("-hint-2026-11-24") + 1: 3, 255 - len("-hint-2026") + 1: 1} {
		s, target := newSinks(), editionURI(4)
		target.Doc = strings.Repeat("x", length)
		if put(t, s, []byte("x"), PutOptions{Target: target}); len(s.order) != want {
			t.Errorf("a name of %d bytes: %d records, want %d", length, len(s.order), want)
		}
	}
}

func TestSitesAreNotCalledLikeDateHints(t *testing.T) {
	for name, want := range map[string]bool{
		"x-hint": false, "-hint": false, "x-hint-2026": false, "x-hint-2026-11": false, "x-hint-2026-hint": false,
		"hint": true, "x-hints": true, "x-hint-1": true, "x-hint-2026-13": true, "x-hint-2026-11-24": true, "x-hint-": true, "site": true,
	} {
		target := editionURI(1)
		target.Doc = name
		if err := tryPut(newSinks(), []byte("x"), PutOptions{Target: target}); (err == nil) != want || err != nil && !errors.Is(err, keys.ErrBadURI) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// keys SPEC §4.7: an edition's version says neither the time nor the edition.
func TestVersionsOfEditionsSayNothing(t *testing.T) {
	version := func(e int64, at time.Time) uint64 {
		n := newNetwork()
		put(t, n, []byte("x"), PutOptions{Target: editionURI(e), Now: func() time.Time { return at }})
		return keys.RecordVersion(n.blocks[n.order[0]])
	}
	now := time.UnixMilli(1_800_000_000_000)
	a, b, c := version(3, now), version(3, now.Add(time.Hour)), version(4, now)
	if a != b || a == c || a+1 == c || a >= 1<<48 {
		t.Errorf("versions %d, %d an hour later, and %d of the next edition", a, b, c)
	}
}

// What an insert writes leads a reader to an edition that is too far to be found without.
func TestReadersFindWhatTheHintsSay(t *testing.T) {
	s := newSinks()
	put(t, s, []byte("x"), PutOptions{Target: editionURI(900), Check: s})
	public, err := editionURI(0).Public()
	if err != nil {
		t.Fatal(err)
	}
	if got, err := Newest(context.Background(), s, public, 0); err != nil || got.Edition != 900 {
		t.Errorf("edition %d, %v", got.Edition, err)
	}
}

// An edition's mark is told before its record is inserted, and found with it; who cannot note it inserts no record.
func TestAnEditionIsMarked(t *testing.T) {
	uri := editionURI(4)
	doc, err := uri.Document()
	if err != nil {
		t.Fatal(err)
	}
	s := newSinks()
	if _, err := EditionMarks(t.Context(), s, uri); !errors.Is(err, ErrNotFound) {
		t.Errorf("of nothing: %v", err)
	}
	full := errors.New("disk full")
	if err := tryPut(s, []byte("ours"), PutOptions{Target: uri, Check: s, Writing: func([32]byte) error { return full }}); !errors.Is(err, full) {
		t.Errorf("%v, want what Writing said", err)
	}
	var told [][32]byte
	o := PutOptions{Target: uri, Check: s, Salt: &[32]byte{1}, Writing: func(mark [32]byte) error {
		if _, ok := s.blocks[doc.ID()]; ok {
			t.Error("the record is there before its mark is told")
		}
		told = append(told, mark)
		return nil
	}}
	for range 2 { // the second finds its own
		if err := tryPut(s, []byte("ours"), o); err != nil {
			t.Fatal(err)
		}
	}
	request, _ := uri.Public()
	if got, err := EditionMarks(t.Context(), s, request); err != nil || len(told) != 1 || !slices.Equal(got, told) {
		t.Errorf("%d marks were told, %d found: %v", len(told), len(got), err)
	}
	// Another machine's record at one position has another mark, and one that is no record none.
	elsewhere := newSinks()
	if err := tryPut(elsewhere, []byte("theirs"), PutOptions{Target: uri}); err != nil {
		t.Fatal(err)
	}
	if got, err := EditionMarks(t.Context(), &divided{s, 2, elsewhere.blocks[doc.ID()]}, request); err != nil || len(got) != 2 || !slices.Contains(got, told[0]) {
		t.Errorf("divided: %d marks, %v", len(got), err)
	}
	if got, err := EditionMarks(t.Context(), &divided{s, 2, keys.Block{}}, request); err != nil || !slices.Contains(got, [32]byte{}) {
		t.Errorf("with what cannot be read: %d marks, %v", len(got), err)
	}
	broken := errors.New("no peers")
	s.lose = func(keys.ID) error { return broken }
	if _, err := EditionMarks(t.Context(), s, request); !errors.Is(err, broken) {
		t.Errorf("%v, want what the source said", err)
	}
}
