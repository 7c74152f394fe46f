package keys

import (
	"bytes"
	"crypto/rand"
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"nightjar/crypto"

	"pgregory.net/rapid"
)

func newAuthorURI(t testing.TB) URI {
	t.Helper()
	u, err := NewAuthor(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return u
}

func authorOf(t testing.TB, u URI) Author {
	t.Helper()
	a, err := u.Author()
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func documentOf(t testing.TB, u URI) Document {
	t.Helper()
	d, err := u.Document()
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func sealed(t testing.TB, u URI, r Record) Block {
	t.Helper()
	b, err := authorOf(t, u).Seal(u.DocName(), r, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestNewAuthorIsANamespaceThatCanWrite(t *testing.T) {
	u := newAuthorURI(t)
	if u.Type != SSK || !u.Insert || u.Doc != "" || u.Check() != nil {
		t.Errorf("got %+v", u)
	}
	if newAuthorURI(t) == u {
		t.Error("two authors are one")
	}
	if again, err := ParseURI(u.Encode()); err != nil || again != u {
		t.Errorf("it does not read back: %v", err)
	}
	broken := errors.New("broken")
	for _, r := range []*bytes.Reader{bytes.NewReader(nil), bytes.NewReader(make([]byte, 32))} {
		if _, err := NewAuthor(r); err == nil {
			t.Error("an author was drawn from too few bytes")
		}
	}
	if _, err := NewAuthor(iotest.ErrReader(broken)); !errors.Is(err, broken) {
		t.Errorf("got %v", err)
	}
}

func TestRecordSealedWithAnInsertURIOpensWithTheRequestURI(t *testing.T) {
	site := newAuthorURI(t)
	site.Type, site.Doc, site.Edition = USK, "site", 3
	diary := newAuthorURI(t)
	diary.Doc = "diary"
	for _, u := range []URI{site, diary, {Type: KSK, Doc: "word"}} {
		b := sealed(t, u, Record{Version: 7, Expiry: 9, Payload: []byte("hello")})
		public, err := u.Public()
		if err != nil || public.Insert {
			t.Fatalf("no request URI: %v", err)
		}
		if u.Insert && (public.Routing == u.Routing || strings.Contains(public.Encode(), u.Encode()[4:47])) {
			t.Error("the request URI holds the seed")
		}
		read, err := ParseURI(public.Encode())
		if err != nil || read != public {
			t.Fatalf("the request URI does not read back: %v", err)
		}
		d := documentOf(t, read)
		v, err := Verify(d.ID(), b.Data())
		if err != nil {
			t.Fatal(err)
		}
		r, err := d.Open(v)
		if err != nil || string(r.Payload) != "hello" || r.Version != 7 || r.Expiry != 9 {
			t.Errorf("got %v, %v", r, err)
		}
		if again, err := public.Public(); err != nil || again != public {
			t.Errorf("a request URI is not its own: %v", err)
		}
		if public.Insert == u.Insert && u.Type != KSK {
			t.Error("the request URI can write")
		}
		if _, err := public.Author(); u.Type != KSK && !errors.Is(err, ErrBadURI) {
			t.Errorf("a request URI gives an author: %v", err)
		}
	}
}

func TestURIsThatNameNoRecord(t *testing.T) {
	author := newAuthorURI(t)
	for name, u := range map[string]URI{
		"zero":           {},
		"CHK":            {Type: CHK},
		"namespace":      author,
		"newest edition": with(author, USK, "site", -1, ""),
		"invalid":        with(author, SSK, "..", 0, ""),
	} {
		if _, err := u.Document(); !errors.Is(err, ErrBadURI) {
			t.Errorf("%s: got %v", name, err)
		}
	}
	for name, u := range map[string]URI{"zero": {}, "CHK": {Type: CHK}, "invalid": with(author, SSK, "a/b", 0, "")} {
		if _, err := u.Author(); !errors.Is(err, ErrBadURI) {
			t.Errorf("%s: Author gives %v", name, err)
		}
	}
	if _, err := (URI{Type: 9}).Public(); !errors.Is(err, ErrBadURI) {
		t.Errorf("Public gives %v", err)
	}
}

func TestDocName(t *testing.T) {
	for want, u := range map[string]URI{
		"diary": {Type: SSK, Doc: "diary"}, "word": {Type: KSK, Doc: "word"},
		"site-0": {Type: USK, Doc: "site"}, "site-12": {Type: USK, Doc: "site", Edition: 12},
	} {
		if got := u.DocName(); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

func TestSealRefusesWhatNoReaderCouldFind(t *testing.T) {
	a := authorOf(t, newAuthorURI(t))
	for _, doc := range []string{"", "..", "a/b", "a\x00b", "\xff", repeat(MaxDoc+22, "d")} {
		if _, err := a.Seal(doc, Record{}, rand.Reader); !errors.Is(err, ErrBadURI) {
			t.Errorf("%q: got %v", doc, err)
		}
	}
	if _, err := a.Seal(repeat(MaxDoc, "d")+"--9223372036854775808", Record{}, rand.Reader); err != nil {
		t.Errorf("the longest name of an edition: %v", err)
	}
	if _, err := a.Seal("d", Record{Payload: make([]byte, MaxPayload+1)}, rand.Reader); !errors.Is(err, ErrTooLarge) {
		t.Errorf("got %v", err)
	}
	if _, err := (Author{}).Seal("d", Record{}, rand.Reader); !errors.Is(err, ErrBadURI) {
		t.Errorf("no author seals: %v", err)
	}
	broken := errors.New("broken")
	for n := range crypto.NonceSize + 32 {
		r := iotest.TimeoutReader(iotest.OneByteReader(bytes.NewReader(make([]byte, n))))
		if _, err := a.Seal("d", Record{}, r); err == nil {
			t.Errorf("a record was sealed with %d random bytes", n)
		}
	}
	if _, err := a.Seal("d", Record{}, iotest.ErrReader(broken)); !errors.Is(err, broken) {
		t.Errorf("got %v", err)
	}
}

func TestK5RecordsOfOneAuthorShareNothing(t *testing.T) {
	u := newAuthorURI(t)
	public, err := u.Public()
	if err != nil {
		t.Fatal(err)
	}
	payload := []byte(repeat(256, "p"))
	one := sealed(t, with(u, SSK, "one", 0, ""), Record{Version: 1 << 40, Payload: payload})
	two := sealed(t, with(u, SSK, "two", 0, ""), Record{Version: 1 << 41, Payload: payload})
	if one.ID() == two.ID() {
		t.Fatal("two documents have one name")
	}
	oneID, twoID := one.ID().Append(nil), two.ID().Append(nil)
	seen := map[string]bool{}
	for _, b := range [][]byte{oneID[1:], one.Data()[:72], one.Data()[80:], public.Routing[:], u.Routing[:], u.Read[:]} {
		for w := range slices.Values(windows(b)) {
			seen[w] = true
		}
	}
	for _, b := range [][]byte{twoID[1:], two.Data()[:72], two.Data()[80:]} {
		for _, w := range windows(b) {
			if seen[w] {
				t.Fatalf("both records, or a record and its author's keys, hold %x", w)
			}
		}
	}
}

// windows are the runs of 8 bytes in b.
func windows(b []byte) (ws []string) {
	for i := 0; i+8 <= len(b); i++ {
		ws = append(ws, string(b[i:i+8]))
	}
	return ws
}

func TestK6SizeSaysOnlyTheClass(t *testing.T) {
	u := with(newAuthorURI(t), SSK, "d", 0, "")
	rapid.Check(t, func(rt *rapid.T) {
		n := rapid.IntRange(0, MaxPayload).Draw(rt, "n")
		b := sealed(t, u, Record{Payload: make([]byte, n)})
		want := 378
		switch {
		case n > 1024:
			want = 3962
		case n > 256:
			want = 1146
		}
		if len(b.Data()) != want || want > MaxRecordSize {
			rt.Fatalf("a payload of %d bytes makes %d", n, len(b.Data()))
		}
		if r, err := documentOf(t, u).Open(b); err != nil || len(r.Payload) != n {
			rt.Fatalf("it opens to %d bytes, %v", len(r.Payload), err)
		}
	})
}

// SPEC §4.3: an author may hide a short payload among long ones.
func TestALargerClassThanNeededOpens(t *testing.T) {
	m := newRecordMaker(with(newAuthorURI(t), SSK, "d", 0, ""))
	for _, class := range recordClasses {
		block := m.signed(m.body(Record{Version: 1}, padded(5, []byte("hello"), class), m.doc.key, nil))
		b, err := Verify(m.id(), block)
		if err != nil {
			t.Fatal(err)
		}
		if r, err := documentOf(t, m.uri).Open(b); err != nil || string(r.Payload) != "hello" {
			t.Errorf("class %d: got %q, %v", class, r.Payload, err)
		}
	}
}

func TestOneDocumentDoesNotOpenAnother(t *testing.T) {
	u := newAuthorURI(t)
	b := sealed(t, with(u, SSK, "one", 0, ""), Record{Payload: []byte("hello")})
	for name, other := range map[string]URI{
		"document": with(u, SSK, "two", 0, ""), "author": with(newAuthorURI(t), SSK, "one", 0, ""),
	} {
		d := documentOf(t, other)
		if _, err := d.Open(b); err != ErrWrongKey {
			t.Errorf("another %s opens it: %v", name, err)
		}
		// Even under the right name the key decides.
		if _, err := d.Open(Restore(d.ID(), b.Data())); err != ErrWrongKey {
			t.Errorf("another %s opens it under its own name: %v", name, err)
		}
	}
	d := documentOf(t, with(u, SSK, "one", 0, ""))
	if _, err := d.Open(Restore(ID{KindRecord, [32]byte{1}}, b.Data())); err != ErrWrongKey {
		t.Errorf("it opens under another name: %v", err)
	}
	if _, err := (Document{}).Open(Block{}); err != ErrWrongKey {
		t.Errorf("nothing opens nothing: %v", err)
	}
}

func TestFirstVersionIsDrawnAndLeavesRoom(t *testing.T) {
	seen := map[uint64]bool{}
	for range 100 {
		v, err := FirstVersion(rand.Reader)
		if err != nil || v == 0 || v > 1<<48 {
			t.Fatalf("got %d, %v", v, err)
		}
		seen[v] = true
	}
	if len(seen) != 100 {
		t.Errorf("%d versions of 100 differ", len(seen))
	}
	if v, err := FirstVersion(bytes.NewReader(bytes.Repeat([]byte{0xff}, 6))); err != nil || v != 1<<48 {
		t.Errorf("the largest is %d, %v", v, err)
	}
	if _, err := FirstVersion(bytes.NewReader(make([]byte, 5))); err == nil {
		t.Error("a version was drawn from too few bytes")
	}
}
