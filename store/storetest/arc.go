package storetest

import (
	"bytes"
	"cmp"
	"errors"
	"slices"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"

	"nightjar/keys"
	"nightjar/store"
)

// walk lists an arc in pages.
func walk(t testing.TB, s store.Store, from, last keys.Location, page int) []store.Entry {
	t.Helper()
	all := []store.Entry{}
	var after keys.ID
	for at := from; ; {
		part, err := s.Arc(at, last, after, page)
		if err != nil || len(part) > page {
			t.Fatalf("Arc: %d entries of at most %d, %v", len(part), page, err)
		}
		if len(part) == 0 {
			return all
		}
		all = append(all, part...)
		at, after = part[len(part)-1].At, part[len(part)-1].ID
	}
}

// sunk is the entry of a block of class Sink.
func sunk(b keys.Block, at keys.Location) store.Entry {
	return store.Entry{ID: b.ID(), Class: store.Sink, At: at, Size: len(b.Data())}
}

func arcInOrder(t *testing.T, impl Impl) {
	const self = keys.Location(1 << 63)
	s := open(t, impl, 100, self)
	var want []store.Entry
	for n := range uint64(12) { // four of each place, the first and the last of the ring among them
		at := []keys.Location{^keys.Location(0), 0, self}[n%3]
		put(t, s, Data(1, n), store.Sink, at)
		want = append(want, sunk(Data(1, n), at))
		put(t, s, Data(2, n), store.Cache, at)
	}
	r := Record(t, "doc", 1, 10)
	put(t, s, r, store.Sink, 0)
	want = append(want, sunk(r, 0))

	arc := func(from, last keys.Location) []store.Entry {
		in := slices.DeleteFunc(slices.Clone(want), func(e store.Entry) bool { return e.At-from > last-from })
		slices.SortFunc(in, func(a, b store.Entry) int {
			return cmp.Or(cmp.Compare(a.At-from, b.At-from), bytes.Compare(a.ID.Append(nil), b.ID.Append(nil)))
		})
		return in
	}
	for _, c := range []struct{ from, last keys.Location }{
		{0, ^keys.Location(0)}, {self, self - 1}, {^keys.Location(0), 0}, {0, 0}, {self, self}, {1, self - 1}, {1, self}, {self + 1, self},
	} {
		for _, page := range []int{1, 3, store.MaxArc} {
			if diff := gocmp.Diff(arc(c.from, c.last), walk(t, s, c.from, c.last, page)); diff != "" {
				t.Errorf("from %x to %x, %d at a time: %s", uint64(c.from), uint64(c.last), page, diff)
			}
		}
	}
	if got, err := s.Arc(0, ^keys.Location(0), keys.ID{}, 0); len(got) != 0 || err != nil {
		t.Errorf("nothing was asked for: %d entries, %v", len(got), err)
	}
}

// arcFollows holds Arc to what becomes of a block: a better class, a nearer place, another version, eviction.
func arcFollows(t *testing.T, impl Impl) {
	s := open(t, impl, 5, 0)
	b := Data(1, 0)
	put(t, s, b, store.Cache, 5)
	mustList(t, s)
	put(t, s, b, store.Sink, 9)
	mustList(t, s, sunk(b, 9))
	put(t, s, b, store.Sink, 4)
	mustList(t, s, sunk(b, 4))
	put(t, s, b, store.Sink, 9)
	put(t, s, b, store.Cache, 1)
	mustList(t, s, sunk(b, 4))
	small, large := Record(t, "doc", 1, 10), Record(t, "doc", 2, 2000)
	put(t, s, small, store.Sink, 6)
	mustList(t, s, sunk(b, 4), sunk(small, 6))
	put(t, s, large, store.Sink, 6)
	mustList(t, s, sunk(b, 4), sunk(large, 6))
	for n := range uint64(60) {
		if err := s.Put(Data(2, n), store.Sink, 0); err != nil && !errors.Is(err, store.ErrFull) {
			t.Fatal(err)
		}
	}
	for _, e := range walk(t, s, 0, ^keys.Location(0), store.MaxArc) {
		if b, err := s.Get(e.ID); err != nil || len(b.Data()) != e.Size {
			t.Errorf("what is listed is not held: %v", err)
		}
	}
}

func mustList(t *testing.T, s store.Store, want ...store.Entry) {
	t.Helper()
	if diff := gocmp.Diff(append([]store.Entry{}, want...), walk(t, s, 0, ^keys.Location(0), store.MaxArc)); diff != "" {
		t.Error(diff)
	}
}

func reopenArc(t *testing.T, impl Impl) {
	cfg := Config{Quota: 100 * charged}
	s := impl.Open(t, cfg)
	var want []store.Entry
	for n := range uint64(20) {
		at := keys.Location(n << 58)
		put(t, s, Data(1, n), store.Sink, at)
		put(t, s, Data(2, n), store.Cache, at)
		want = append(want, sunk(Data(1, n), at))
	}
	mustList(t, again(t, impl, s, cfg), want...)
}
