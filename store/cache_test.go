package store

import (
	"runtime"
	"testing"
)

// TestCacheMemory holds the figure in Ledger's comment for class Cache, in a full store through which ten times as much has passed.
func TestCacheMemory(t *testing.T) {
	const n = 3 * (1 << 15) / 4
	heap := func() uint64 {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	before := heap()
	l := NewLedger(n*(MaxSize+Overhead), 0, rnd(1))
	src := rnd(2)
	for i := range 10 * n {
		room(t, l, block(i, Cache, 0, MaxSize))
		for range 3 {
			l.Use(block(max(0, i-src.IntN(2*n)), Cache, 0, 0).ID)
		}
		if i%3 == 0 {
			l.Remove(block(max(0, i-src.IntN(n)), Cache, 0, 0).ID) // from the middle of a queue
		}
	}
	per := float64(heap()-before) / float64(l.pools[inCache].n)
	t.Logf("%.1f bytes a block, rings of %d and %d for %d", per, len(l.cache.queues[small].ring), len(l.cache.queues[main].ring), l.pools[inCache].n)
	if per > 67+16+18000.0/n {
		t.Errorf("%.1f bytes a block", per)
	}
	runtime.KeepAlive(l)
}

// TestCacheIsNotWalkedThrough asks for all that is cached, as often as counts, and then for room.
func TestCacheIsNotWalkedThrough(t *testing.T) {
	const n = 4 * maxMoves
	l := NewLedger(n*(1000+Overhead), 0, rnd(1))
	for i := range n {
		l.Set(block(i, Cache, 0, 1000))
	}
	for range maxAsked {
		for i := range n {
			l.Use(block(i, Cache, 0, 0).ID)
		}
	}
	head := l.cache.queues[small].head + l.cache.queues[main].head
	if v, err := l.Room(block(n, Cache, 0, 1000)); err != nil || len(v) != 1 {
		t.Fatalf("%v, %v", v, err)
	}
	if moved := l.cache.queues[small].head + l.cache.queues[main].head - head; moved > maxMoves {
		t.Errorf("%d blocks were moved to find one", moved)
	}
}

// TestQueuesWrapAround has a queue's counters pass their largest value.
func TestQueuesWrapAround(t *testing.T) {
	l := NewLedger(50*(1000+Overhead), 0, rnd(1))
	wrapped := [2]bool{}
	for i := range 1000 {
		room(t, l, block(i, Cache, 0, 1000))
		l.Use(block(i-i%7, Cache, 0, 0).ID)
		for q := range l.cache.queues {
			f := &l.cache.queues[q]
			if size := uint32(len(f.ring)); i == 100 { // the same places, a round before the counters wrap
				f.head, f.tail = f.head%size-size, f.head%size-size+(f.tail-f.head)
			}
			wrapped[q] = wrapped[q] || i > 100 && f.tail < 1<<31
		}
	}
	if wrapped != [2]bool{true, true} {
		t.Fatalf("the counters wrapped: %v", wrapped)
	}
	for i := range l.pools[inCache].n {
		if s := l.pools[inCache].at(i); *l.cache.queues[s.queue()].at(s.place()) != i+1 {
			t.Fatal("a cached block is not in its queue")
		}
	}
	if n := l.cache.queues[small].n + l.cache.queues[main].n; n != 50 || l.pools[inCache].n != 50 {
		t.Errorf("%d in queues, %d cached", n, l.pools[inCache].n)
	}
}
