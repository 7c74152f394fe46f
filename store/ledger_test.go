package store

import (
	"encoding/binary"
	"errors"
	"math"
	"math/rand/v2"
	"runtime"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"nightjar/keys"
)

func rnd(seed uint64) *rand.Rand { return rand.New(rand.NewPCG(seed, 0)) }

// block n is a block that the ledger has not seen under another n.
func block(n int, c Class, at keys.Location, size int) Entry {
	e := Entry{ID: keys.ID{Kind: keys.KindData}, Class: c, At: at, Size: size}
	binary.LittleEndian.PutUint64(e.ID.Name[8:], uint64(n)*0x9e3779b97f4a7c15)
	return e
}

// TestLedgerIsAMap compares the pools and the table with a map under random operations.
func TestLedgerIsAMap(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		l := NewLedger(math.MaxInt64, 0, rnd(rapid.Uint64().Draw(t, "seed")))
		model := map[keys.ID]Entry{}
		// Few homes: names that differ elsewhere crowd the same bucket.
		crowd := rapid.IntRange(1, 1000).Draw(t, "crowd")
		for range rapid.IntRange(0, 400).Draw(t, "operations") {
			n := rapid.IntRange(0, 300).Draw(t, "block")
			e := block(n%crowd, Class(rapid.IntRange(1, 2).Draw(t, "class")), keys.Location(n), rapid.IntRange(1, MaxSize).Draw(t, "size"))
			e.ID.Name[0], e.ID.Name[1] = byte(n), byte(n>>8)
			e.ID.Kind = keys.Kind(1 + n%2)
			if rapid.IntRange(0, 2).Draw(t, "operation") == 0 {
				_, held := model[e.ID]
				if l.Remove(e.ID) != held {
					t.Fatalf("Remove says %v for a block held: %v", !held, held)
				}
				delete(model, e.ID)
			} else {
				l.Set(e)
				model[e.ID] = e
			}
			check(t, l, model)
		}
	})
}

func check(t *rapid.T, l *Ledger, model map[keys.ID]Entry) {
	want := Stats{Blocks: int64(len(model)), Quota: l.quota, Usable: l.quota}
	for id, e := range model {
		want.Bytes += e.Charge()
		if got, ok := l.Find(id); !ok || got != e {
			t.Fatalf("Find: %+v %v, want %+v", got, ok, e)
		}
	}
	if got := l.Stats(); got != want {
		t.Fatalf("Stats: %+v, want %+v", got, want)
	}
	if _, ok := l.Find(block(1<<40, Sink, 0, 1).ID); ok {
		t.Fatal("found what was never entered")
	}
}

// room makes room for e, enters it and returns the victims.
func room(t *testing.T, l *Ledger, e Entry) []Entry {
	t.Helper()
	victims, err := l.Room(e)
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range victims {
		l.Remove(v.ID)
	}
	l.Set(e)
	return victims
}

func TestSinkKeepsWhatIsNear(t *testing.T) {
	const self, n = keys.Location(1 << 63), 1000
	l := NewLedger(n*(100+Overhead), self, rnd(1))
	src := rnd(2)
	for i := range n {
		l.Set(block(i, Sink, keys.Location(src.Uint64()), 100))
	}
	refused := 0
	for i := n; i < 20*n; i++ {
		e := block(i, Sink, keys.Location(src.Uint64()), 100)
		victims, err := l.Room(e)
		if errors.Is(err, ErrFull) {
			refused++
			continue
		}
		for _, v := range victims {
			l.Remove(v.ID)
		}
		l.Set(e)
	}
	var sum float64
	for i := range l.pools[inSink].n {
		sum += keys.Location(self.Distance(l.pools[inSink].at(i).at)).Float()
	}
	// 20 000 blocks at random came by: of the 1 000 nearest the mean distance is 1/80 of the ring; of 1 000 at random, 1/4.
	if mean := sum / n; mean > 2.0/80 {
		t.Errorf("mean distance %.4f", mean)
	}
	if refused < 10*n {
		t.Errorf("only %d refused", refused)
	}
}

func TestCacheKeepsWhatIsAskedFor(t *testing.T) {
	const n = 100
	l := NewLedger(n*(100+Overhead), 0, rnd(1))
	for i := range n {
		l.Set(block(i, Cache, 0, 100))
	}
	for i := n; i < 5*n; i++ {
		for k := range 10 {
			l.Use(block(k, Cache, 0, 0).ID)
		}
		room(t, l, block(i, Cache, 0, 100))
	}
	for k := range 10 {
		if _, ok := l.Find(block(k, Cache, 0, 0).ID); !ok {
			t.Errorf("block %d went although it is asked for all the time", k)
		}
	}
}

func TestMerge(t *testing.T) {
	at := func(c Class, at keys.Location) Entry { return block(1, c, at, 500) }
	for _, c := range []struct {
		name            string
		held, put, want Entry
	}{
		{"a better class brings its position", at(Cache, 1), at(Sink, 9), at(Sink, 9)},
		{"a worse class changes nothing", at(Sink, 9), at(Cache, 1), at(Sink, 9)},
		{"a nearer position is taken", at(Sink, 9), at(Sink, 1), at(Sink, 1)},
		{"a farther position is not", at(Cache, 1), at(Cache, 9), at(Cache, 1)},
		{"nearness wraps around the ring", at(Sink, 9), at(Sink, math.MaxUint64), at(Sink, math.MaxUint64)},
	} {
		l := NewLedger(math.MaxInt64, 0, rnd(1))
		l.Set(c.held)
		if got, held := l.Merge(c.put); got != c.want || !held {
			t.Errorf("%s: %+v", c.name, got)
		}
	}
	e := at(Cache, 3)
	if got, held := NewLedger(1, 0, rnd(1)).Merge(e); got != e || held {
		t.Errorf("a new block: %+v %v", got, held)
	}
}

// TestSameSeedSameVictims: a simulation with the same seed evicts the same blocks.
func TestSameSeedSameVictims(t *testing.T) {
	run := func() (ids []keys.ID) {
		l := NewLedger(100_000, 0, rnd(7))
		src := rnd(8)
		for n := range 1000 {
			for _, v := range room(t, l, block(n, Cache, keys.Location(src.Uint64()), 1000)) {
				ids = append(ids, v.ID)
			}
		}
		return ids
	}
	if a, b := run(), run(); !slices.Equal(a, b) || len(a) == 0 {
		t.Error("two runs differ")
	}
}

func TestNewEntry(t *testing.T) {
	of := func(k keys.Kind, size int) keys.Block {
		return keys.Restore(keys.ID{Kind: k, Name: [32]byte{1}}, make([]byte, size))
	}
	b := of(keys.KindData, keys.DataSize)
	got, err := NewEntry(b, Cache, 5)
	want := Entry{ID: b.ID(), Class: Cache, At: 5, Size: keys.DataSize}
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Error(diff, err)
	}
	for _, c := range []struct {
		b     keys.Block
		class Class
		want  error
	}{
		{of(keys.KindRecord, 1), Sink, nil}, {of(keys.KindRecord, keys.MaxRecordSize), Sink, nil},
		{keys.Block{}, Sink, ErrInvalid}, {b, 0, ErrInvalid}, {b, 3, ErrInvalid},
		{of(keys.KindData, keys.DataSize-1), Sink, ErrInvalid}, {of(keys.KindData, keys.DataSize+1), Sink, ErrInvalid},
		{of(keys.KindRecord, 0), Sink, ErrInvalid}, {of(keys.KindRecord, keys.MaxRecordSize+1), Sink, ErrInvalid},
		{of(0, 100), Sink, ErrInvalid}, {of(3, keys.DataSize), Sink, ErrInvalid},
	} {
		if _, err := NewEntry(c.b, c.class, 0); !errors.Is(err, c.want) {
			t.Errorf("%d bytes of kind %d as %v: %v", len(c.b.Data()), c.b.ID().Kind, c.class, err)
		}
	}
}

// TestMemoryPerBlock holds the figure in Ledger's comment, at the worst moment: just after the table has doubled.
func TestMemoryPerBlock(t *testing.T) {
	const n = 3*(1<<17)/4 + 1
	heap := func() uint64 {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	before := heap()
	l := NewLedger(math.MaxInt64, 0, rnd(1))
	for i := range n {
		l.Set(block(i, Sink, 0, MaxSize))
	}
	l.Arc(0, 0, keys.ID{}, 1)
	per := float64(heap()-before) / n
	runtime.KeepAlive(l)
	t.Logf("%.1f bytes a block", per)
	if per > 75 { // all are of class Sink
		t.Errorf("%.1f bytes a block", per)
	}
}

func BenchmarkLedger(b *testing.B) {
	const n = 1 << 20
	l := NewLedger(n*(MaxSize+Overhead), 0, rnd(1))
	src := rnd(2)
	for i := range n {
		l.Set(block(i, Sink, keys.Location(src.Uint64()), MaxSize))
	}
	b.Run("hit", func(b *testing.B) {
		for i := 0; b.Loop(); i++ {
			l.Find(block(i*7919%n, Sink, 0, 0).ID)
		}
	})
	b.Run("miss", func(b *testing.B) {
		for i := 0; b.Loop(); i++ {
			l.Find(block(n+i, Sink, 0, 0).ID)
		}
	})
	b.Run("exchange", func(b *testing.B) {
		for i := n; b.Loop(); i++ {
			e := block(i, Sink, keys.Location(i), MaxSize)
			v, _ := l.Room(e)
			for _, v := range v {
				l.Remove(v.ID)
			}
			l.Set(e)
		}
	})
}
