package store

import (
	"errors"
	"math"
	"testing"

	"pgregory.net/rapid"

	"nightjar/keys"
)

// record is block as one.
func record(n int, c Class, at keys.Location, size int) Entry {
	e := block(n, c, at, size)
	e.ID.Kind = keys.KindRecord
	return e
}

// TestQuota holds invariants 2 and 5 under random operations, and Room to its word: it names enough, nothing twice, never the
// newcomer, and changes nothing that is held.
func TestQuota(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		quota := rapid.Int64Range(0, 400_000).Draw(t, "quota")
		l := NewLedger(quota, keys.Location(rapid.Uint64().Draw(t, "self")), rnd(1))
		for range rapid.IntRange(0, 200).Draw(t, "operations") {
			n := rapid.IntRange(0, 99).Draw(t, "block")
			e := block(n, Class(rapid.IntRange(1, 2).Draw(t, "class")), keys.Location(rapid.Uint64().Draw(t, "at")), rapid.IntRange(1, 9000).Draw(t, "size"))
			if n%4 == 0 {
				e.ID.Kind, e.Size = keys.KindRecord, 1+e.Size/3
			}
			link := rapid.Uint64Range(0, 3).Draw(t, "link")
			if rapid.Bool().Draw(t, "asked") {
				l.Use(e.ID)
			}
			before := l.Stats()
			victims, err := l.RoomFor(e, link)
			if l.Stats() != before {
				t.Fatal("Room changed what is held")
			}
			if err == nil {
				displace(t, l, e, victims, link)
			}
			if l.Stats().Bytes > quota {
				t.Fatalf("%d bytes of %d", l.Stats().Bytes, quota)
			}
			sound(t, l)
		}
	})
}

// displace enters e and holds what goes for it to invariant 5.
func displace(t *rapid.T, l *Ledger, e Entry, victims []Entry, link uint64) {
	if old, ok := l.Find(e.ID); ok {
		l.count(poolOf(old), 0, -old.Charge()) // what a newcomer gives up itself, Room does not count
		defer l.count(poolOf(old), 0, old.Charge())
	}
	in := poolOf(e)
	for _, v := range victims {
		p := poolOf(v)
		over := l.pools[p].bytes > l.budget(p)
		nearer := p == inCache || l.self.Distance(v.At) > l.self.Distance(e.At)
		switch {
		case v.ID == e.ID:
			t.Fatal("the newcomer is its own victim")
		case p != in && !over:
			t.Fatalf("pool %d gives way to %d within its budget", p, in)
		case p != in && p != inCache && l.pools[in].bytes >= l.budget(in):
			t.Fatalf("pool %d, above its budget, displaces what %d has borrowed", in, p)
		case p == in && !nearer:
			t.Fatal("a sink block displaces a nearer one")
		}
		if _, held := l.Find(v.ID); !held {
			t.Fatal("a victim is not held, or is named twice")
		}
		l.Yield(v.ID, e, link)
	}
	if old, ok := l.Find(e.ID); ok {
		l.count(poolOf(old), 0, old.Charge())
		defer l.count(poolOf(old), 0, -old.Charge())
	}
	l.SetFrom(e, link)
}

// sound compares what the books say of pools, links and queues with what is in the slots.
func sound(t *rapid.T, l *Ledger) {
	var held [poolCount]int64
	var of [maxLinks][poolCount]int64
	for p := range l.pools {
		for i := range l.pools[p].n {
			s := l.pools[p].at(i)
			c := s.entry(classOf(uint8(p))).Charge()
			held[p] += c
			of[s.link][p] += c
			if p == inCache && *l.cache.queues[s.queue()].at(s.place()) != i+1 {
				t.Fatal("a cached block is not in its queue")
			}
		}
		if held[p] != l.pools[p].bytes {
			t.Fatalf("pool %d has %d bytes, says %d", p, held[p], l.pools[p].bytes)
		}
	}
	for i := range l.links.all {
		if of[i] != l.links.all[i].held {
			t.Fatalf("link %d holds %v, says %v", i, of[i], l.links.all[i].held)
		}
	}
	if n := l.cache.queues[small].n + l.cache.queues[main].n; n != int(l.pools[inCache].n) {
		t.Fatalf("%d in queues, %d cached", n, l.pools[inCache].n)
	}
}

// classLedger is full with what fill says: so many blocks of 1000 bytes of each pool.
func classLedger(sink, cached, records int) *Ledger {
	l := NewLedger(int64(sink+cached+records)*(1000+Overhead), 0, rnd(1))
	for n := range sink {
		l.Set(block(n, Sink, math.MaxInt64, 1000)) // as far as can be
	}
	for n := range cached {
		l.Set(block(1000+n, Cache, 0, 1000))
	}
	for n := range records {
		l.Set(record(2000+n, Sink, math.MaxInt64, 1000))
	}
	return l
}

// settle puts many of e's class and returns how many blocks each pool has then.
func settle(t *testing.T, l *Ledger, e Entry) (sink, cached, records int) {
	t.Helper()
	for n := range 500 {
		e.At-- // each nearer than the one before, so that none is refused for its place
		e.ID.Name[1] = byte(n)
		e.ID.Name[2] = byte(n >> 8)
		room(t, l, e)
	}
	return int(l.pools[inSink].n), int(l.pools[inCache].n), int(l.pools[inRecords].n)
}

// Invariant 5: a class gets what others leave empty, gives it back to who is below its budget, and never less than its budget.
func TestInvariant5Budgets(t *testing.T) {
	far := keys.Location(math.MaxInt64 - 1)
	for _, c := range []struct {
		name                  string
		sink, cached, records int
		put                   Entry
		want                  [3]int
	}{
		{"sink takes what the cache has borrowed", 10, 90, 0, block(5000, Sink, far, 1000), [3]int{75, 25, 0}},
		{"and no more", 0, 25, 75, block(5000, Sink, far, 1000), [3]int{70, 25, 5}},
		{"the cache takes what sink has borrowed", 100, 0, 0, block(5000, Cache, far, 1000), [3]int{75, 25, 0}},
		{"but not when it has its budget", 70, 30, 0, block(5000, Cache, far, 1000), [3]int{70, 30, 0}},
		{"records take their budget of sink", 100, 0, 0, record(5000, Sink, far, 1000), [3]int{95, 0, 5}},
		{"and of the cache what it has borrowed", 50, 50, 0, record(5000, Sink, far, 1000), [3]int{50, 25, 25}},
		{"records have no more than their budget of what sink needs", 0, 0, 100, block(5000, Sink, far, 1000), [3]int{70, 0, 30}},
	} {
		l := classLedger(c.sink, c.cached, c.records)
		sink, cached, records := settle(t, l, c.put)
		if got := [3]int{sink, cached, records}; got != c.want {
			t.Errorf("%s: sink, cache, records %v, want %v", c.name, got, c.want)
		}
	}
}

func TestInvariant5ASinkBlockGivesWayToNearerOnes(t *testing.T) {
	l := classLedger(75, 25, 0)
	if _, err := l.Room(block(5000, Sink, math.MaxInt64, 1000)); !errors.Is(err, ErrFull) {
		t.Errorf("one as far: %v", err)
	}
	if v, err := l.Room(block(5000, Sink, 5, 1000)); err != nil || len(v) != 1 || poolOf(v[0]) != inSink {
		t.Errorf("a nearer one: %v %v", v, err)
	}
	l = classLedger(50, 0, 50)
	if _, err := l.Room(record(5000, Sink, math.MaxInt64, 1000)); !errors.Is(err, ErrFull) {
		t.Errorf("a record as far: %v", err)
	}
}

func TestRoomForOneLargeBlock(t *testing.T) {
	l := NewLedger(100_000, 0, rnd(1))
	for n := range 250 {
		l.Set(block(n, Cache, 0, 144))
	}
	v := room(t, l, block(1000, Sink, 0, MaxSize))
	if got := l.Stats(); got.Bytes > got.Quota || len(v) < 80 {
		t.Errorf("%d victims, %d of %d bytes", len(v), got.Bytes, got.Quota)
	}
	if _, err := NewLedger(MaxSize, 0, rnd(1)).Room(block(0, Sink, 0, MaxSize)); !errors.Is(err, ErrFull) {
		t.Errorf("a block larger than the quota: %v", err)
	}
}

// TestRoomIsAllOrNothing: of ten sink blocks half are nearer than the newcomer, and it needs seven.
func TestRoomIsAllOrNothing(t *testing.T) {
	l := NewLedger(10*(1000+Overhead), 0, rnd(1))
	for n := range 10 {
		l.Set(block(n, Sink, keys.Location(10+n%2*90), 1000))
	}
	before := l.Stats()
	if v, err := l.Room(block(99, Sink, 20, 7*(1000+Overhead)-Overhead)); !errors.Is(err, ErrFull) || l.Stats() != before {
		t.Errorf("%v %v", v, err)
	}
	if v, err := l.Room(block(99, Sink, 5, 7*(1000+Overhead)-Overhead)); err != nil || len(v) != 7 {
		t.Errorf("%v %v", v, err)
	}
}

// TestShrink has a ledger become smaller: each class loses what it had beyond its new budget.
func TestShrink(t *testing.T) {
	l := NewLedger(math.MaxInt64, 0, rnd(1))
	model := map[keys.ID]Entry{}
	for n := range 3000 {
		e := block(n, Class(1+n%2), keys.Location(n), 1000)
		l.Set(e)
		model[e.ID] = e
	}
	l.SetQuota(1000 * (1000 + Overhead))
	for _, e := range l.Shrink() {
		delete(model, e.ID)
	}
	if s := l.Stats(); s.Blocks != 1000 || len(model) != 1000 || l.pools[inCache].n != 250 {
		t.Errorf("%+v, %d not named, %d cached", s, len(model), l.pools[inCache].n)
	}
	for _, e := range model {
		if got, ok := l.Find(e.ID); !ok || got != e {
			t.Fatalf("%+v is lost", e)
		}
	}
}
