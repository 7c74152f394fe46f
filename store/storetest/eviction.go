package storetest

import (
	"errors"
	"testing"

	"nightjar/keys"
	"nightjar/store"
)

// far is the point of the ring opposite to a node at 0.
const far = keys.Location(1 << 63)

func cacheFirst(t *testing.T, impl Impl) {
	s := open(t, impl, 20, 0)
	var sink, cache []keys.Block
	for n := range uint64(10) {
		sink, cache = append(sink, Data(1, n)), append(cache, Data(2, n))
		put(t, s, sink[n], store.Sink, far) // nothing is less worth keeping among sink blocks
		put(t, s, cache[n], store.Cache, 0)
	}
	for n := range uint64(20) { // passes through the cache and no further
		put(t, s, Data(3, n), store.Cache, 0)
		withinQuota(t, s)
	}
	mustHold(t, s, sink...)
	for n := range uint64(10) { // takes the whole cache
		put(t, s, Data(4, n), store.Sink, far)
	}
	mustHold(t, s, sink...)
	for n := range uint64(10) {
		mustHold(t, s, Data(4, n))
	}
	wantErr(t, "a cached block among sink blocks only", s.Put(Data(5, 0), store.Cache, 0), store.ErrFull)
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
		wantErr(t, "Put", s.Put(Data(2, n), store.Cache, 0), store.ErrFull)
	}
	if after := s.Stats(); after != before {
		t.Errorf("%+v became %+v", before, after)
	}
	mustHold(t, s, all...)
	if held(t, s, Data(2, 0)) {
		t.Error("what was refused is held")
	}
}
