package badgerstore

import (
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"nightjar/keys"
	"nightjar/store"
)

// The benchmarks run the store beside Badger alone with the same options, in the same run:
//
//	go test -run xxx -bench . -benchtime 2s ./store/badgerstore
//
// Badger alone has unsealed values, writes them in the same batches with the same sync, and reads with ValueCopy.

const (
	benchQuota = 16 << 30 // the largest files
	callers    = 64
)

func mustBare(b *testing.B) *bare {
	r, err := openBare(b.TempDir(), benchQuota, true)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		if err := r.close(); err != nil {
			b.Error(err)
		}
	})
	return r
}

func BenchmarkPut(b *testing.B) {
	data := make([]byte, keys.DataSize)
	for _, n := range []int{1, callers} {
		run := func(name string, put func(n uint64) error) {
			b.Run(fmt.Sprintf("%s/callers=%d", name, n), func(b *testing.B) {
				var next atomic.Uint64
				b.SetBytes(keys.DataSize)
				each := func() {
					if err := put(next.Add(1)); err != nil {
						b.Error(err)
					}
				}
				if n == 1 {
					for b.Loop() {
						each()
					}
					return
				}
				b.SetParallelism(n / 2)
				b.RunParallel(func(pb *testing.PB) {
					for pb.Next() {
						each()
					}
				})
			})
		}
		var base atomic.Uint64
		raw := mustBare(b)
		run("badger", func(uint64) error { return raw.put(benchKey(base.Add(1)), data) })
		s := mustOpen(b, Config{Dir: b.TempDir(), Quota: benchQuota})
		run("badgerstore", func(uint64) error {
			return s.Put(benchBlock(base.Add(1), data), store.Sink, 0)
		})
	}
}

func BenchmarkGet(b *testing.B) {
	data := make([]byte, keys.DataSize)
	raw := mustBare(b)
	s := mustOpen(b, Config{Dir: b.TempDir(), Quota: benchQuota})
	fill(b, func(n uint64) error { return raw.put(benchKey(n), data) })
	fill(b, func(n uint64) error { return s.Put(benchBlock(n, data), store.Sink, 0) })
	run := func(name string, get func(n uint64) error) {
		b.Run(name+"/callers=1", func(b *testing.B) {
			b.SetBytes(keys.DataSize)
			for n := uint64(0); b.Loop(); n++ {
				if err := get(n * 2654435761 % benchHeld); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run(name+"/callers=8", func(b *testing.B) {
			var next atomic.Uint64
			b.SetBytes(keys.DataSize)
			b.SetParallelism(4)
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					if err := get(next.Add(1) * 2654435761 % benchHeld); err != nil {
						b.Error(err)
					}
				}
			})
		})
	}
	run("badger", func(n uint64) error { _, err := raw.get(benchKey(n)); return err })
	run("badgerstore", func(n uint64) error { _, err := s.Get(benchBlock(n, data).ID()); return err })
}

func BenchmarkMiss(b *testing.B) {
	data := make([]byte, keys.DataSize)
	raw := mustBare(b)
	s := mustOpen(b, Config{Dir: b.TempDir(), Quota: benchQuota})
	fill(b, func(n uint64) error { return raw.put(benchKey(n), data) })
	fill(b, func(n uint64) error { return s.Put(benchBlock(n, data), store.Sink, 0) })
	b.Run("badger", func(b *testing.B) {
		for n := uint64(benchHeld); b.Loop(); n++ {
			if _, err := raw.get(benchKey(n)); err == nil {
				b.Fatal("found")
			}
		}
	})
	b.Run("badgerstore", func(b *testing.B) {
		for n := uint64(benchHeld); b.Loop(); n++ {
			if _, err := s.Get(benchBlock(n, data).ID()); err == nil {
				b.Fatal("found")
			}
		}
	})
}

// BenchmarkPutHeld is a Put of what is held already.
func BenchmarkPutHeld(b *testing.B) {
	s := mustOpen(b, Config{Dir: b.TempDir(), Quota: benchQuota})
	block := benchBlock(1, make([]byte, keys.DataSize))
	for b.Loop() {
		if err := s.Put(block, store.Sink, 0); err != nil {
			b.Fatal(err)
		}
	}
}

func fill(b *testing.B, put func(n uint64) error) {
	b.Helper()
	errs := make(chan error, callers)
	for w := range uint64(callers) {
		go func() { // ends with its share
			var err error
			for n := w; n < benchHeld && err == nil; n += callers {
				err = put(n)
			}
			errs <- err
		}()
	}
	for range callers {
		if err := <-errs; err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkBeside takes turns, so that both have the same share of a machine that others use too, and reports the ratio:
//
//	go test -run xxx -bench Beside -benchtime 2s ./store/badgerstore
func BenchmarkBeside(b *testing.B) {
	data := make([]byte, keys.DataSize)
	raw := mustBare(b)
	s := mustOpen(b, Config{Dir: b.TempDir(), Quota: benchQuota})
	fill(b, func(n uint64) error { return raw.put(benchKey(n), data) })
	fill(b, func(n uint64) error { return s.Put(benchBlock(n, data), store.Sink, 0) })
	const turn = 64
	// beside has bare and ours do turns of the same numbers, and returns the time of each.
	beside := func(b *testing.B, bare, ours func(n uint64) error) {
		var took [2]time.Duration
		first, turns := uint64(0), 0
		for b.Loop() {
			for side, do := range []func(uint64) error{bare, ours} {
				start := time.Now()
				if err := do(first); err != nil {
					b.Fatal(err)
				}
				took[side] += time.Since(start)
			}
			first, turns = first+turn, turns+1
		}
		b.ReportMetric(float64(took[0].Nanoseconds())/float64(turns*turn), "ns/badger")
		b.ReportMetric(float64(took[1].Nanoseconds())/float64(turns*turn), "ns/badgerstore")
		b.ReportMetric(100*float64(took[0])/float64(took[1]), "%ofbadger")
		b.ReportMetric(0, "ns/op")
	}
	alone := func(do func(n uint64) error) func(uint64) error {
		return func(first uint64) error {
			for n := first; n < first+turn; n++ {
				if err := do(n * 2654435761 % benchHeld); err != nil {
					return err
				}
			}
			return nil
		}
	}
	b.Run("get", func(b *testing.B) {
		beside(b, alone(func(n uint64) error { _, err := raw.get(benchKey(n)); return err }),
			alone(func(n uint64) error { _, err := s.Get(benchBlock(n, data).ID()); return err }))
	})
	b.Run("miss", func(b *testing.B) {
		missing := func(err error) error {
			if err == nil {
				return errors.New("found")
			}
			return nil
		}
		beside(b, alone(func(n uint64) error { _, err := raw.get(benchKey(1<<40 + n)); return missing(err) }),
			alone(func(n uint64) error { _, err := s.Get(benchBlock(1<<40+n, data).ID()); return missing(err) }))
	})
	together := func(do func(n uint64) error) func(uint64) error {
		return func(first uint64) error {
			errs := make(chan error, turn)
			for n := first; n < first+turn; n++ {
				go func() { errs <- do(1<<41 + n) }() // ends with the put
			}
			var err error
			for range turn {
				err = errors.Join(err, <-errs)
			}
			return err
		}
	}
	b.Run("put", func(b *testing.B) {
		beside(b, together(func(n uint64) error { return raw.put(benchKey(n), data) }),
			together(func(n uint64) error { return s.Put(benchBlock(n, data), store.Sink, 0) }))
	})
}
