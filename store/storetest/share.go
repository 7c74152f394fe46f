package storetest

import (
	"errors"
	"testing"

	"nightjar/keys"
	"nightjar/store"
)

// filled is a store of so many blocks that eight links have filled with blocks that are worth nothing.
func filled(t *testing.T, impl Impl, n uint64) (s store.Store, honest []keys.Block) {
	s = open(t, impl, int64(n), 0)
	for i := range n {
		b := Data(1, i)
		if err := s.PutFrom(b, store.Sink, far, 1+i%8); err != nil {
			t.Fatal(err)
		}
		honest = append(honest, b)
	}
	return s, honest
}

func count(t *testing.T, s store.Store, blocks []keys.Block) (n int) {
	for _, b := range blocks {
		if held(t, s, b) {
			n++
		}
	}
	return n
}

// floodOfLink has one link bring more than the store holds, each block nearer to the node than any other: it displaces a few of others',
// and then its own. Who is bound to no share displaces everything.
func floodOfLink(t *testing.T, impl Impl) {
	const n = 60
	s, honest := filled(t, impl, n)
	for i := range uint64(2 * n) {
		if err := s.PutFrom(Data(2, i), store.Sink, keys.Location(10*n-i), 99); err != nil && !errors.Is(err, store.ErrFull) {
			t.Fatal(err)
		}
		withinQuota(t, s)
	}
	if left := count(t, s, honest); left < n-3 {
		t.Errorf("a link that floods left %d of %d blocks of others", left, n)
	}
	if !held(t, s, Data(2, 2*n-1)) {
		t.Error("the flood's last block, the nearest of all, was not kept")
	}
	for i := range uint64(4 * n) {
		if err := s.Put(Data(3, i), store.Sink, keys.Location(4*n-i)); err != nil {
			t.Fatal(err)
		}
	}
	if left := count(t, s, honest); left > n/4 {
		t.Errorf("who is bound to no share left %d of %d blocks", left, n)
	}
}

// claim has a link bring what others brought, as better blocks, and then flood: what it brought again is not its own to displace, and
// it has a place all the same.
func claim(t *testing.T, impl Impl) {
	const n = 40
	s, honest := filled(t, impl, n)
	for _, b := range honest {
		if err := s.PutFrom(b, store.Sink, far-1, 99); err != nil {
			t.Fatal(err)
		}
	}
	for i := range uint64(2 * n) {
		if err := s.PutFrom(Data(2, i), store.Sink, keys.Location(2*n-i), 99); err != nil && !errors.Is(err, store.ErrFull) {
			t.Fatal(err)
		}
	}
	if left := count(t, s, honest); left < n-3 {
		t.Errorf("a link that brought all again left %d of %d blocks", left, n)
	}
}
