package content

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"nightjar/keys"

	"pgregory.net/rapid"
)

// editions stands for the records of a site.
type editions struct {
	mu             sync.Mutex
	has            func(int64) bool
	asked          map[int64]int
	inFlight, most int
}

// enter counts a request until the function returned is called.
func (e *editions) enter() func() {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.inFlight++
	e.most = max(e.most, e.inFlight)
	return func() {
		e.mu.Lock()
		defer e.mu.Unlock()
		e.inFlight--
	}
}

// search looks for the newest of e from an edition on, with date hints that say so.
func (e *editions) search(from int64, hints ...int64) (*search, error) {
	e.asked = map[int64]int{}
	s := newSearch(from)
	s.fetch = func(_ context.Context, edition int64) (keys.Block, error) {
		defer e.enter()()
		e.mu.Lock()
		defer e.mu.Unlock()
		e.asked[edition]++
		if !e.has(edition) {
			return keys.Block{}, fmt.Errorf("double: %w", ErrNotFound)
		}
		return keys.Restore(keys.ID{Kind: keys.KindRecord}, []byte{1}), nil
	}
	for _, h := range hints {
		if h == 0 {
			h = noGuess
		}
		s.hints = append(s.hints, func(context.Context) int64 {
			defer e.enter()()
			return h
		})
	}
	return s, s.run(context.Background())
}

// §2.3, for any set of editions and any losses: what is found exists, nothing is behind it that three losses in a row could hide, no
// edition is asked for twice, and there are never more than 16 requests at once.
func TestNewestIsBehindNothingThatThreeLossesCouldHide(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		newest := rapid.OneOf(rapid.Int64Range(0, 40), rapid.Int64Range(0, 20_000), rapid.Int64Range(0, math.MaxInt64)).Draw(t, "newest")
		share := rapid.SampledFrom([]float64{0, 0.05, 0.3, 0.6, 0.95}).Draw(t, "lost")
		seed := rapid.Uint64().Draw(t, "seed")
		from := newest - rapid.OneOf(rapid.Int64Range(-3, 30), rapid.Int64Range(0, newest)).Draw(t, "known")
		from = max(0, from)
		e := &editions{has: func(i int64) bool {
			return i >= 0 && i <= newest && (i == newest || rand.New(rand.NewPCG(seed, uint64(i))).Float64() >= share)
		}}
		var hints []int64
		if rapid.Bool().Draw(t, "hints") { // some true, some of something older or newer
			hints = []int64{newest, rapid.Int64Range(0, newest).Draw(t, "stale"), 0, 0}
			if rapid.Bool().Draw(t, "false") {
				hints[0] = newest - min(newest, 9) + rapid.Int64Range(0, 9).Draw(t, "ahead")
			}
		}
		s, err := e.search(from, hints...)
		if err != nil {
			t.Fatal(err)
		}
		found := s.newest.edition
		if s.newest.block.IsZero() {
			found = from - 1
		} else if found < from || !e.has(found) {
			t.Fatalf("edition %d was found, which does not exist", found)
		}
		for i := range int64(lookAhead) {
			if found <= math.MaxInt64-1-i && e.has(found+1+i) && s.rounds < maxRounds {
				t.Fatalf("edition %d was found from %d on, and %d exists", found, from, found+1+i)
			}
		}
		if e.most > probesAtOnce {
			t.Fatalf("%d requests at once", e.most)
		}
		for i, n := range e.asked {
			if n > 1 && !e.has(i) {
				t.Fatalf("edition %d, which is absent, was asked for %d times", i, n)
			}
		}
		if share == 0 && newest <= 20_000 && from <= newest && s.rounds > 16 {
			t.Fatalf("%d rounds", s.rounds)
		}
	})
}

// Every run of three losses, wherever it is.
func TestThreeLossesInARowHideNothing(t *testing.T) {
	t.Parallel()
	for newest := int64(0); newest < sized[int64](120, 30); newest++ {
		for gap := int64(0); gap <= newest-3; gap++ {
			e := &editions{has: func(i int64) bool { return i >= 0 && i <= newest && (i < gap || i >= gap+3) }}
			s, err := e.search(0)
			if err != nil || s.newest.edition != newest {
				t.Fatalf("%d to %d are lost: %d was found, want %d (%v)", gap, gap+2, s.newest.edition, newest, err)
			}
		}
	}
	// Four in a row may hide what is behind them; this says where the promise ends.
	e := &editions{has: func(i int64) bool { return i == 0 || i == 5 }}
	if s, err := e.search(0); err != nil || s.newest.edition != 0 {
		t.Errorf("edition %d, %v, want 0", s.newest.edition, err)
	}
}

// Finding the newest of many is a matter of few rounds; for who knows it, of one.
func TestNewestTakesFewRounds(t *testing.T) {
	for _, c := range []struct {
		newest, from int64
		hints        []int64
		rounds       int
	}{
		{10_000, 0, nil, 8}, {10_000, 9_999, nil, 2}, {10_000, 10_000, nil, 1}, {10_000, 9_996, nil, 2}, {100, 0, nil, 5}, {0, 0, nil, 1},
		{10_000, 0, []int64{10_000, 10_000, 0, 9_000}, 3}, {10_000, 0, []int64{9_998}, 4}, {1 << 40, 0, nil, 18}, {math.MaxInt64, 0, nil, 30},
		{10_000, 10_001, nil, 2},
	} {
		e := &editions{has: func(i int64) bool { return i >= 0 && i <= c.newest }}
		s, err := e.search(c.from, c.hints...)
		if err != nil || s.newest.edition != c.newest && c.from <= c.newest {
			t.Errorf("%d from %d: %d, %v", c.newest, c.from, s.newest.edition, err)
		}
		t.Logf("%d from %d: %d rounds, %d requests", c.newest, c.from, s.rounds, len(e.asked))
		if s.rounds > c.rounds {
			t.Errorf("%d from %d, hints %v: %d rounds, want %d", c.newest, c.from, c.hints, s.rounds, c.rounds)
		}
	}
}

// Who leaves gaps on purpose keeps nobody busy for ever.
func TestASearchEnds(t *testing.T) {
	e := &editions{has: func(i int64) bool { return i%4 == 3 || i == 0 }}
	s, err := e.search(0, math.MaxInt64)
	if err != nil || s.rounds > maxRounds {
		t.Errorf("%d rounds, %v", s.rounds, err)
	}
}

// publishSite inserts the listed editions of a site, long ago: their date hints are no help.
func publishSite(t testing.TB, n *network, name string, list ...int64) keys.URI {
	t.Helper()
	target := author(keys.USK, name)
	for _, e := range list {
		target.Edition = e
		put(t, n, fmt.Append(nil, e), PutOptions{Target: target, Now: func() time.Time { return time.Unix(0, 0) }})
	}
	uri, err := target.Public()
	if err != nil {
		t.Fatal(err)
	}
	return uri
}

// putHint inserts a date hint of the site called site.
func putHint(t testing.TB, n *network, day time.Time, format string, payload []byte) {
	t.Helper()
	a, err := author(keys.SSK, "x").Author()
	if err != nil {
		t.Fatal(err)
	}
	defer a.Wipe()
	b, err := a.Seal(hintDocument("site", day, format), keys.Record{Version: 1, Payload: payload}, fixedRandom())
	if err != nil {
		t.Fatal(err)
	}
	n.blocks[b.ID()], n.top[b.ID()] = b, true
}

// §2.4: hints of the day, month and year and of the year before lead to an edition that cannot be found otherwise; what is no hint is none.
func TestDateHintsLeadToEditions(t *testing.T) {
	now := time.Date(2026, 3, 1, 0, 30, 0, 0, time.FixedZone("east", 3600)) // still February in UTC
	const newest = 7_000_000
	good, err := encodeHint(newest)
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		day     time.Time
		format  string
		payload []byte
		found   int64
	}{
		"day":              {now, hintDay, good, newest},
		"month":            {time.Date(2026, 2, 3, 0, 0, 0, 0, time.UTC), hintMonth, good, newest},
		"year":             {time.Date(2026, 12, 3, 0, 0, 0, 0, time.UTC), hintYear, good, newest},
		"the year before":  {time.Date(2025, 12, 3, 0, 0, 0, 0, time.UTC), hintYear, good, newest},
		"two years before": {time.Date(2024, 12, 3, 0, 0, 0, 0, time.UTC), hintYear, good, 0},
		"another day":      {time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC), hintDay, good, 0},
		"no CBOR":          {now, hintDay, []byte("7000000"), 0},
		"something behind": {now, hintDay, append(bytes.Clone(good), 0), 0},
		"another kind":     {now, hintDay, []byte{0xa3, 0, 1, 1, 6, 8, 0x1a, 0, 0x6a, 0xcf, 0xc0}, 0},
		"another version":  {now, hintDay, []byte{0xa3, 0, 2, 1, 5, 8, 0x1a, 0, 0x6a, 0xcf, 0xc0}, 0},
		"too large":        {now, hintDay, []byte{0xa3, 0, 1, 1, 5, 8, 0x1b, 0x80, 0, 0, 0, 0, 0, 0, 0}, 0},
		"not shortest":     {now, hintDay, []byte{0xa3, 0, 1, 1, 5, 8, 0x1b, 0, 0, 0, 0, 0, 0x6a, 0xcf, 0xc0}, 0},
	} {
		n := newNetwork()
		uri := publishSite(t, n, "site", newest) // too far from 0 to be found without
		putHint(t, n, c.day, c.format, c.payload)
		uri.Edition = -1
		obj, err := Open(context.Background(), n, uri, GetOptions{Now: func() time.Time { return now }})
		switch {
		case c.found == 0:
			if !errors.Is(err, ErrNotFound) {
				t.Errorf("%s: %v, want ErrNotFound", name, err)
			}
		case err != nil || obj.URI().Edition != c.found:
			t.Errorf("%s: %v", name, err)
		}
	}
}

// A name that leaves no room for a date has no hints, and is found all the same.
func TestSitesWithLongNamesHaveNoHints(t *testing.T) {
	for length, want := range map[int]int{255 - len("-hint-2026-01-02"): 4, 255 - len("-hint-2026-01-02") + 1: 3, 255: 0} {
		name := string(bytes.Repeat([]byte("x"), length))
		f := &finder{}
		if got := f.hintDocuments(keys.URI{Type: keys.USK, Doc: name}); len(got) != want {
			t.Errorf("a name of %d bytes has %d hints, want %d", length, len(got), want)
		}
		n := newNetwork()
		uri := publishSite(t, n, name, 0, 1, 2)
		if got, err := Newest(context.Background(), n, uri, 0); err != nil || got.Edition != 2 {
			t.Errorf("a name of %d bytes: %v", length, err)
		}
	}
}

func TestNewestKeepsThePathAndRefusesWhatIsNoSite(t *testing.T) {
	n := newNetwork()
	uri := publishSite(t, n, "site", 0, 1, 2, 3, 4, 5, 6)
	uri.Path = "a/b"
	got, err := Newest(context.Background(), n, uri, -7)
	if err != nil || got.Edition != 6 || got.Path != "a/b" || got.Insert {
		t.Errorf("%d, %v", got.Edition, err)
	}
	if _, err := Newest(context.Background(), n, uri, 7); !errors.Is(err, ErrNotFound) {
		t.Errorf("%v, want ErrNotFound", err)
	}
	for _, u := range []keys.URI{author(keys.KSK, "word"), author(keys.SSK, "doc"), {Type: keys.CHK}} {
		if _, err := Newest(context.Background(), n, u, 0); !errors.Is(err, keys.ErrBadURI) {
			t.Errorf("%v: %v, want ErrBadURI", u.Type, err)
		}
	}
}

func FuzzDateHint(f *testing.F) {
	for _, e := range []int64{0, 1, 10_000, math.MaxInt64} {
		b, err := encodeHint(e)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		e, ok := decodeHint(b)
		if !ok {
			return
		}
		if again, err := encodeHint(e); err != nil || !bytes.Equal(again, b) {
			t.Error("a date hint has two encodings")
		}
	})
}
