package store

import (
	"bytes"
	"cmp"
	"math"
	"slices"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"nightjar/keys"
)

// arcOf is what Arc should list, from a model.
func arcOf(model map[keys.ID]Entry, from, last keys.Location) []Entry {
	var all []Entry
	for _, e := range model {
		if e.Class == Sink && e.At-from <= last-from {
			all = append(all, e)
		}
	}
	slices.SortFunc(all, func(a, b Entry) int {
		return cmp.Or(cmp.Compare(a.At-from, b.At-from), bytes.Compare(a.ID.Append(nil), b.ID.Append(nil)))
	})
	return all
}

// walkArc lists an arc page by page, as the comment of Store.Arc says.
func walkArc(t *rapid.T, l *Ledger, from, last keys.Location, page int) (all []Entry) {
	var after keys.ID
	for at := from; ; {
		part := l.Arc(at, last, after, page)
		if len(part) > page {
			t.Fatalf("%d entries where %d were asked for", len(part), page)
		}
		if len(part) == 0 {
			return all
		}
		all = append(all, part...)
		at, after = part[len(part)-1].At, part[len(part)-1].ID
	}
}

// TestArcListsSinkBlocksInOrder compares Arc with a sorted map under random operations, across the zero of the ring too.
func TestArcListsSinkBlocksInOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		l := NewLedger(math.MaxInt64, 0, rnd(rapid.Uint64().Draw(t, "seed")))
		model := map[keys.ID]Entry{}
		places := rapid.Uint64Range(1, 3000).Draw(t, "places") // few of them: many blocks of one place
		place := func(name string) keys.Location {
			return keys.Location(rapid.Uint64Range(0, places-1).Draw(t, name) * (math.MaxUint64 / places))
		}
		src := rnd(rapid.Uint64().Draw(t, "blocks"))
		operations, first := rapid.IntRange(0, 3000).Draw(t, "operations"), rapid.IntRange(0, 3000).Draw(t, "first")
		for i := range operations {
			if i == first { // what was there before is sorted, what follows is inserted
				l.Arc(0, 0, keys.ID{}, 1)
			}
			e := block(src.IntN(2000), Class(1+src.IntN(6)/5), keys.Location(src.Uint64N(places)*(math.MaxUint64/places)), 1)
			if e.ID.Name[9]%3 == 0 {
				e.ID.Kind = keys.KindRecord
			}
			if src.IntN(3) == 0 {
				l.Remove(e.ID)
				delete(model, e.ID)
			} else {
				l.Set(e)
				model[e.ID] = e
			}
		}
		from, last := place("from"), place("last")
		got := walkArc(t, l, from, last, rapid.IntRange(1, 500).Draw(t, "page"))
		if diff := gocmp.Diff(arcOf(model, from, last), got); diff != "" {
			t.Fatal(diff)
		}
		if got := walkArc(t, l, from, from-1, MaxArc); len(got) != int(l.pools[inSink].n+l.pools[inRecords].n) {
			t.Fatalf("%d of %d and %d on the whole ring", len(got), l.pools[inSink].n, l.pools[inRecords].n)
		}
		for i, u := range l.order.runs {
			if len(u.pos) == 0 || len(u.pos) > maxRun || u.first != l.slot(u.pos[0]).at {
				t.Fatalf("run %d has %d slots, or does not begin where it says", i, len(u.pos))
			}
		}
	})
}

func TestArcIsBounded(t *testing.T) {
	l := NewLedger(math.MaxInt64, 0, rnd(1))
	for i := range 2 * MaxArc {
		l.Set(block(i, Sink, 7, 1))
	}
	for _, c := range []struct{ limit, want int }{{-1, 0}, {0, 0}, {1, 1}, {MaxArc, MaxArc}, {math.MaxInt, MaxArc}} {
		if got := len(l.Arc(0, 7, keys.ID{}, c.limit)); got != c.want {
			t.Errorf("limit %d: %d entries, want %d", c.limit, got, c.want)
		}
	}
}

// TestOrderShrinksWithItsPool removes most blocks of a large ledger and holds the runs to a few times what is left.
func TestOrderShrinksWithItsPool(t *testing.T) {
	l := NewLedger(math.MaxInt64, 0, rnd(1))
	const n = 100_000
	for i := range n {
		l.Set(block(i, Sink, keys.Location(uint64(i)*0x9e3779b97f4a7c15), 1))
	}
	l.Arc(0, 0, keys.ID{}, 1)
	for i := range n {
		if i%100 != 0 {
			l.Remove(block(i, Sink, 0, 1).ID)
		}
	}
	if runs := len(l.order.runs); runs > 40 {
		t.Errorf("%d runs for %d blocks", runs, n/100)
	}
}

func BenchmarkArc(b *testing.B) {
	const n = 1 << 20
	l := NewLedger(n*(MaxSize+Overhead), 0, rnd(1))
	src := rnd(2)
	for i := range n {
		l.Set(block(i, Sink, keys.Location(src.Uint64()), MaxSize))
	}
	b.Run("first", func(b *testing.B) {
		for b.Loop() {
			l.order = order{}
			l.Arc(0, 0, keys.ID{}, 1)
		}
	})
	b.Run("page of 1024", func(b *testing.B) {
		for b.Loop() {
			l.Arc(keys.Location(src.Uint64()), keys.Location(src.Uint64()), keys.ID{}, 1024)
		}
	})
	b.Run("1M blocks", func(b *testing.B) {
		for b.Loop() {
			var at keys.Location
			var after keys.ID
			seen := 0
			for part := l.Arc(0, math.MaxUint64, after, 1024); len(part) > 0; part = l.Arc(at, math.MaxUint64, after, 1024) {
				seen += len(part)
				at, after = part[len(part)-1].At, part[len(part)-1].ID
			}
			if seen != n {
				b.Fatal(seen)
			}
		}
	})
}
