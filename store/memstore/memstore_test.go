package memstore_test

import (
	"errors"
	"testing"

	"nightjar/keys"
	"nightjar/store"
	"nightjar/store/memstore"
	"nightjar/store/storetest"
)

func TestContract(t *testing.T) {
	storetest.Run(t, storetest.Impl{
		Open: func(_ testing.TB, cfg storetest.Config) store.Store {
			return memstore.New(memstore.Config{Quota: cfg.Quota, Self: cfg.Self})
		},
	})
}

func TestZeroConfigWorks(t *testing.T) {
	s := memstore.New(memstore.Config{})
	if err := s.Put(storetest.Data(1, 1), store.Sink, 0); err != nil {
		t.Fatal(err)
	}
	if got := s.Stats(); got.Quota != memstore.DefaultQuota || got.Blocks != 1 {
		t.Errorf("%+v", got)
	}
}

// TestSameSeedSameBlocks is the promise of Config.Seed.
func TestSameSeedSameBlocks(t *testing.T) {
	run := func(seed uint64) (held string) {
		s := memstore.New(memstore.Config{Quota: 20 * (32768 + store.Overhead), Seed: seed})
		for n := range uint64(100) {
			at := keys.Location(n * 0x9e3779b97f4a7c15)
			if err := s.Put(storetest.Data(1, n), store.Sink, at); err != nil && !errors.Is(err, store.ErrFull) {
				t.Fatal(err)
			}
		}
		for n := range uint64(100) {
			if _, err := s.Get(storetest.Data(1, n).ID()); err == nil {
				held += "1"
			} else {
				held += "0"
			}
		}
		return held
	}
	first, second := run(1), run(1)
	if first != second {
		t.Error("two runs with one seed differ")
	}
	if first == run(2) {
		t.Error("the seed draws nothing")
	}
}
