package storetest

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"testing"

	"nightjar/keys"
	"nightjar/store"
)

// again closes s and opens what it left.
func again(t *testing.T, impl Impl, s store.Store, cfg Config) store.Store {
	t.Helper()
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s, err := impl.Reopen(t, s, cfg)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func reopen(t *testing.T, impl Impl) {
	cfg := Config{Quota: 30 * charged}
	s := impl.Open(t, cfg)
	s = again(t, impl, s, cfg) // an empty one
	var all []keys.Block
	for round := range uint64(4) {
		for n := range uint64(5) {
			all = append(all, Data(round, n))
			put(t, s, Data(round, n), store.Class(1+n%2), 0)
		}
		put(t, s, Record(t, "doc", 1+round, int(round)*700), store.Sink, 0)
		before := s.Stats()
		s = again(t, impl, s, cfg)
		if after := s.Stats(); after != before {
			t.Errorf("round %d: %+v became %+v", round, before, after)
		}
		mustHold(t, s, append(all, Record(t, "doc", 1+round, int(round)*700))...)
		wantErr(t, "an old record", s.Put(Record(t, "doc", round, 0), store.Sink, 0), store.ErrStale)
		if held(t, s, Data(9, round)) {
			t.Error("what was not put is held")
		}
	}
	// Full: what goes is gone after reopening as well.
	for n := range uint64(60) {
		put(t, s, Data(20, n), store.Cache, 0)
		all = append(all, Data(20, n))
	}
	var kept []bool
	for _, b := range all {
		kept = append(kept, held(t, s, b))
	}
	s = again(t, impl, s, cfg)
	for i, b := range all {
		if held(t, s, b) != kept[i] {
			t.Errorf("block %d: was held: %v, and is not so now", i, kept[i])
		}
	}
	withinQuota(t, s)
}

func reopenClasses(t *testing.T, impl Impl) {
	cfg := Config{Quota: 10 * charged}
	s := impl.Open(t, cfg)
	up, near, rec := Data(1, 0), Data(1, 1), Record(t, "doc", 7, 10)
	put(t, s, up, store.Cache, 0)
	put(t, s, up, store.Sink, 5)
	put(t, s, near, store.Sink, far)
	put(t, s, near, store.Sink, 5)
	put(t, s, rec, store.Cache, 0)
	wantErr(t, "Put", s.Put(rec, store.Sink, 5), store.ErrStale)
	s = again(t, impl, s, cfg)
	for n := range uint64(30) {
		put(t, s, Data(2, n), store.Cache, 0)
	}
	s = again(t, impl, s, cfg)
	for n := range uint64(8) {
		if err := s.Put(Data(3, n), store.Sink, 1000); err != nil && !errors.Is(err, store.ErrFull) {
			t.Fatal(err)
		}
	}
	for n := range uint64(30) {
		if err := s.Put(Data(4, n), store.Sink, keys.Location(999-n)); err != nil && !errors.Is(err, store.ErrFull) {
			t.Fatal(err)
		}
	}
	mustHold(t, s, up, near, rec)
}

func reopenSmaller(t *testing.T, impl Impl) {
	s := impl.Open(t, Config{Quota: 30 * charged})
	for n := range uint64(15) {
		put(t, s, Data(1, n), store.Sink, keys.Location(n))
		put(t, s, Data(2, n), store.Cache, 0)
	}
	small := Config{Quota: 10 * charged}
	for range 2 {
		s = again(t, impl, s, small)
		if st := withinQuota(t, s); st.Blocks != 10 || st.Usable != small.Quota {
			t.Errorf("%+v", st)
		}
		var sink, cached int
		for i := range uint64(15) {
			if held(t, s, Data(1, i)) {
				sink++
			}
			if held(t, s, Data(2, i)) {
				cached++
			}
		}
		if sink+cached != 10 || sink < 7 || cached < 2 { // of the 7 and 2½ that the budgets of 10 are
			t.Errorf("%d sink blocks and %d cached ones of 10", sink, cached)
		}
	}
}

// damageRounds is how many bits are flipped, each in a store of its own.
const damageRounds = 16

// damage flips a bit per round: the store opens or says why not, and what it then returns is right.
func damage(t *testing.T, impl Impl) {
	cfg := Config{Quota: 100 * charged}
	var opened, served, lost int
	for round := range uint64(damageRounds) {
		rnd := rand.New(rand.NewPCG(9, round))
		s := impl.Open(t, cfg)
		var all []keys.Block
		for n := range uint64(12) {
			all = append(all, Data(round, n))
		}
		all = append(all, Record(t, "a", 1, 10), Record(t, "b", 1, 3000))
		for _, b := range all {
			put(t, s, b, store.Sink, b.ID().Location(0))
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		impl.Damage(t, s, rnd)
		s, err := impl.Reopen(t, s, cfg)
		if err != nil {
			continue
		}
		opened++
		for _, b := range all {
			switch got, err := s.Get(b.ID()); {
			case err == nil && (got.ID() != b.ID() || !bytes.Equal(got.Data(), b.Data())):
				t.Fatalf("round %d: invariant 1: other bytes", round)
			case err == nil:
				served++
			case errors.Is(err, store.ErrCorrupt):
				lost++
				_, err = s.Get(b.ID())
				wantErr(t, "Get of what was found corrupt", err, store.ErrNotFound)
				fallthrough
			case errors.Is(err, store.ErrNotFound):
				put(t, s, b, store.Sink, b.ID().Location(0)) // healed from the network
				mustHold(t, s, b)
			default:
				t.Errorf("round %d: %v", round, err)
			}
		}
		if err := s.Close(); err != nil {
			t.Errorf("round %d: Close: %v", round, err)
		}
	}
	t.Logf("opened %d of %d times, served %d blocks, found %d corrupt", opened, damageRounds, served, lost)
	if opened == 0 || served == 0 {
		t.Error("the store never survived a flipped bit")
	}
}
