package storetest

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"sync"
	"testing"

	"nightjar/keys"
	"nightjar/store"
)

// workers is how many callers the concurrent cases have.
const workers = 8

// together runs f in every worker.
func together(f func(w uint64)) {
	var wg sync.WaitGroup
	for w := range uint64(workers) {
		wg.Go(func() { f(w) }) // ends with f; together waits
	}
	wg.Wait()
}

func quotaUnderLoad(t *testing.T, impl Impl) {
	const self = keys.Location(12345)
	s := open(t, impl, 12, self)
	var pool []keys.Block
	for n := range uint64(40) {
		pool = append(pool, Data(1, n))
	}
	var recs []keys.Block
	for v := range uint64(20) {
		recs = append(recs, Record(t, "doc", v, int(v)*100))
	}
	together(func(w uint64) {
		rnd := rand.New(rand.NewPCG(1, w))
		var last uint64
		for range 100 {
			b := pool[rnd.IntN(len(pool))]
			switch rnd.IntN(6) {
			case 0, 1:
				got, err := s.Get(b.ID())
				if err == nil && (got.ID() != b.ID() || !bytes.Equal(got.Data(), b.Data())) || err != nil && !errors.Is(err, store.ErrNotFound) {
					t.Errorf("Get: %v", err)
				}
			case 2:
				r := recs[rnd.IntN(len(recs))]
				if err := s.Put(r, store.Sink, self); err == nil {
					last = max(last, keys.RecordVersion(r))
				} else if !errors.Is(err, store.ErrStale) && !errors.Is(err, store.ErrFull) {
					t.Errorf("Put: %v", err)
				}
				if got, err := s.Get(r.ID()); err == nil && keys.RecordVersion(got) < last {
					t.Errorf("version %d after %d: invariant 3", keys.RecordVersion(got), last)
				}
			default:
				err := s.Put(b, store.Class(1+rnd.IntN(2)), b.ID().Location(uint8(rnd.IntN(4))))
				if err != nil && !errors.Is(err, store.ErrFull) {
					t.Errorf("Put: %v", err)
				}
			}
			withinQuota(t, s)
		}
	})
	var bytes, blocks int64
	for _, b := range append(pool, recs[0]) {
		if got, err := s.Get(b.ID()); err == nil {
			blocks++
			bytes += int64(len(got.Data())) + store.Overhead
		}
	}
	if st := s.Stats(); st.Blocks != blocks || st.Bytes != bytes {
		t.Errorf("%+v, but %d blocks with %d bytes are there", st, blocks, bytes)
	}
}

func sameBlock(t *testing.T, impl Impl) {
	s := open(t, impl, 100, 0)
	for n := range uint64(10) {
		b := Data(1, n)
		together(func(w uint64) {
			put(t, s, b, store.Class(1+w%2), keys.Location(w))
			mustHold(t, s, b)
		})
		if st := s.Stats(); st.Blocks != int64(n+1) || st.Bytes != int64(n+1)*charged {
			t.Fatalf("%+v", st)
		}
	}
}

func sameRecord(t *testing.T, impl Impl) {
	s := open(t, impl, 100, 0)
	var versions []keys.Block
	for v := range uint64(5 * workers) {
		versions = append(versions, Record(t, "doc", v, int(v)))
	}
	together(func(w uint64) {
		for v := w; v < uint64(len(versions)); v += workers {
			if err := s.Put(versions[v], store.Cache, 0); err != nil && !errors.Is(err, store.ErrStale) {
				t.Errorf("Put: %v", err)
			}
		}
	})
	mustHold(t, s, versions[len(versions)-1])
}

func closeUnderLoad(t *testing.T, impl Impl) {
	s := open(t, impl, 50, 0)
	first := Data(1, 0)
	put(t, s, first, store.Sink, 0)
	started := make(chan struct{}, 2*workers) // nobody waits to send
	var wg sync.WaitGroup
	for w := range uint64(workers) {
		// ends when the store is closed
		wg.Go(func() {
			defer func() { started <- struct{}{} }()
			for n := uint64(0); ; n++ {
				_, err := s.Get(first.ID())
				if err == nil {
					err = s.Put(Data(10+w, n), store.Cache, 0)
				}
				if errors.Is(err, store.ErrClosed) {
					return
				}
				if err != nil {
					t.Errorf("%v", err)
					return
				}
				if n == 2 {
					started <- struct{}{}
				}
			}
		})
	}
	<-started
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	wg.Wait()
}
