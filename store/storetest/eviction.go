package storetest

import (
	"errors"
	"testing"

	"nightjar/keys"
	"nightjar/store"
)

// far is the point of the ring opposite to a node at 0.
const far = keys.Location(1 << 63)

// budgets holds a store of 20 blocks, 14 of them for sink data and 5 for the cache, to what each has when the others want it.
func budgets(t *testing.T, impl Impl) {
	s := open(t, impl, 20, 0)
	var sink []keys.Block
	for n := range uint64(10) {
		sink = append(sink, Data(1, n))
		put(t, s, sink[n], store.Sink, far) // nothing is less worth keeping among sink blocks
		put(t, s, Data(2, n), store.Cache, 0)
	}
	for n := range uint64(20) { // passes through the cache and no further
		put(t, s, Data(3, n), store.Cache, 0)
		withinQuota(t, s)
	}
	mustHold(t, s, sink...)
	for n := range uint64(5) { // takes what the cache has borrowed
		put(t, s, Data(4, n), store.Sink, far)
		sink = append(sink, Data(4, n))
	}
	wantErr(t, "a sink block among sink blocks as near", s.Put(Data(5, 0), store.Sink, far), store.ErrFull)
	mustHold(t, s, sink...)
	cached := 0
	for n := range uint64(20) {
		if held(t, s, Data(3, n)) {
			cached++
		}
	}
	if cached != 5 {
		t.Errorf("%d cached blocks are left of the 5 that are the cache's own", cached)
	}
}

// returned holds a store that only sink blocks have filled to giving the cache its budget back.
func returned(t *testing.T, impl Impl) {
	s := open(t, impl, 20, 0)
	var kept, cached []keys.Block
	for n := range uint64(20) {
		put(t, s, Data(1, n), store.Sink, keys.Location(n+1))
		kept = append(kept, Data(1, n))
	}
	for n := range uint64(5) {
		put(t, s, Data(2, n), store.Cache, far)
		cached = append(cached, Data(2, n))
	}
	mustHold(t, s, cached...)
	left := 0
	for _, b := range kept {
		if held(t, s, b) {
			left++
		}
	}
	if left != 15 {
		t.Errorf("%d of 20 sink blocks are left", left)
	}
	put(t, s, Data(2, 9), store.Cache, far) // in the place of a cached one
	for n, b := range kept {
		if held(t, s, b) {
			left--
		} else if n == 0 {
			t.Error("the nearest of all has gone")
		}
	}
	if left != 0 {
		t.Errorf("the cache took more than its budget: %d sink blocks", left)
	}
}

func nearKept(t *testing.T, impl Impl) {
	const self, n = keys.Location(3 << 62), 20
	s := open(t, impl, n, self)
	var near []keys.Block
	for i := range uint64(n) {
		near = append(near, Data(1, i))
		put(t, s, near[i], store.Sink, self+keys.Location(i))
	}
	for i := range uint64(30) {
		wantErr(t, "Put of a far block", s.Put(Data(2, i), store.Sink, (self^far)-keys.Location(i)), store.ErrFull)
	}
	mustHold(t, s, near...)

	// Blocks on the other side of the node, nearer than any, displace all of them in the end.
	var nearer []keys.Block
	for i := range uint64(4 * n) {
		b := Data(3, i)
		if err := s.Put(b, store.Sink, self); err == nil {
			nearer = append(nearer, b)
		} else if !errors.Is(err, store.ErrFull) {
			t.Fatal(err)
		}
		withinQuota(t, s)
	}
	if len(nearer) < n-1 { // the first one is at the same place
		t.Errorf("only %d nearer blocks got in", len(nearer))
	}
	mustHold(t, s, nearer...)
}

func betterClass(t *testing.T, impl Impl) {
	s := open(t, impl, 10, 0)
	up, down := Data(1, 0), Data(1, 1)
	put(t, s, up, store.Cache, 0)
	put(t, s, up, store.Sink, far)
	put(t, s, down, store.Sink, far)
	put(t, s, down, store.Cache, 0)
	if st := s.Stats(); st.Blocks != 2 {
		t.Fatalf("%+v", st)
	}
	for n := range uint64(60) {
		put(t, s, Data(2, n), store.Cache, 0)
	}
	mustHold(t, s, up, down)
}

func staleClass(t *testing.T, impl Impl) {
	s := open(t, impl, 10, 0)
	same, older := Record(t, "same", 7, 10), Record(t, "older", 7, 10)
	put(t, s, same, store.Cache, 0)
	put(t, s, older, store.Cache, 0)
	wantErr(t, "Put", s.Put(same, store.Sink, far), store.ErrStale)
	wantErr(t, "Put", s.Put(Record(t, "older", 6, 2000), store.Sink, far), store.ErrStale)
	for n := range uint64(60) {
		put(t, s, Data(2, n), store.Cache, 0)
	}
	mustHold(t, s, same, older)
}

func nearestPosition(t *testing.T, impl Impl) {
	s := open(t, impl, 10, 0)
	b := Data(1, 0)
	put(t, s, b, store.Sink, far)
	put(t, s, b, store.Sink, 1)
	put(t, s, b, store.Sink, far-1)
	for n := range uint64(9) {
		put(t, s, Data(2, n), store.Sink, 1000)
	}
	for n := range uint64(60) {
		put(t, s, Data(3, n), store.Sink, keys.Location(999-n))
	}
	mustHold(t, s, b)
}

func refusal(t *testing.T, impl Impl) {
	s := open(t, impl, 5, 0)
	all := []keys.Block{Data(1, 0), Data(1, 1), Data(1, 2), Data(1, 3), Record(t, "a", 1, 10), Record(t, "b", 1, 10)}
	for _, b := range all {
		put(t, s, b, store.Sink, 10)
	}
	before := s.Stats()
	for n := range uint64(20) {
		wantErr(t, "Put", s.Put(Data(2, n), store.Sink, 11), store.ErrFull)
		wantErr(t, "PutFrom", s.PutFrom(Data(2, n), store.Sink, 11, n), store.ErrFull)
	}
	if after := s.Stats(); after != before {
		t.Errorf("%+v became %+v", before, after)
	}
	mustHold(t, s, all...)
	if held(t, s, Data(2, 0)) {
		t.Error("what was refused is held")
	}
}
