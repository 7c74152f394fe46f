package badgerstore

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"nightjar/keys"
	"nightjar/store"
	"nightjar/store/storetest"
)

// filled opens a store that is full of filler, in dir.
func filled(t *testing.T, dir string) *Store {
	t.Helper()
	s := mustOpen(t, Config{Dir: dir, Quota: 8 << 20})
	if err := s.Fill(context.Background(), 1<<40); err != nil {
		t.Fatal(err)
	}
	if st := s.Stats(); st.Bytes+keys.DataSize+store.Overhead <= st.Usable || st.Blocks < 100 {
		t.Fatalf("not full: %+v", st)
	}
	return s
}

// fillers counts the filler in the books.
func (s *Store) fillers() (n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, id := range s.filler {
		if e, ok := s.ledger.Find(id); ok && isFiller(e) {
			n++
		}
	}
	return n
}

// TestFillerGoesFirst: whatever comes displaces filler as long as there is some, and no block, also after a restart.
func TestFillerGoesFirst(t *testing.T) {
	dir := t.TempDir()
	s := filled(t, dir)
	all := s.fillers()
	if st := s.Stats(); int64(all) != st.Blocks {
		t.Fatalf("%d of %d blocks are filler", all, st.Blocks)
	}
	var held []keys.Block
	put := func(n int) {
		for range n {
			b := storetest.Data(1, uint64(len(held)))
			if len(held)%5 == 0 {
				b = storetest.Record(t, fmt.Sprint("doc-", len(held)), 1, 1000)
			}
			if err := s.PutFrom(b, store.Class(1+len(held)%2), b.ID().Location(0), uint64(1+len(held)%3)); err != nil {
				t.Fatalf("block %d beside %d of filler: %v", len(held), s.fillers(), err)
			}
			held = append(held, b)
		}
	}
	mustHold := func(when string) {
		for n, b := range held {
			if got, err := s.Get(b.ID()); err != nil || string(got.Data()) != string(b.Data()) {
				t.Errorf("%s: block %d: %v", when, n, err)
			}
		}
	}
	put(all / 3)
	mustHold("a third")
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = mustOpen(t, Config{Dir: dir, Quota: 8 << 20})
	left := s.fillers()
	if left == 0 || left > all-all/4 {
		t.Errorf("%d of %d left", left, all)
	}
	put(all / 3)
	mustHold("two thirds, after a restart")
	if got := s.fillers(); got >= left {
		t.Errorf("%d of filler gave no way", got)
	}
	if st := s.Stats(); st.Bytes > st.Usable {
		t.Errorf("%+v", st)
	}
}

// TestFillerDisplacesNothing: a store that is full of blocks takes none.
func TestFillerDisplacesNothing(t *testing.T) {
	s := mustOpen(t, Config{Dir: t.TempDir(), Quota: 8 << 20})
	for n := uint64(0); ; n++ {
		st := s.Stats()
		if st.Bytes+keys.DataSize+store.Overhead > st.Usable {
			break
		}
		if err := s.Put(storetest.Data(1, n), store.Cache, 0); err != nil {
			t.Fatal(err)
		}
	}
	before := s.Stats()
	if err := s.Fill(context.Background(), 1<<40); err != nil {
		t.Fatal(err)
	}
	if after := s.Stats(); after != before || s.fillers() != 0 {
		t.Errorf("%+v became %+v", before, after)
	}
}

// TestFillerLooksLikeABlock: its key and its value are as long as those of a data block, and sealed in the same way; it is listed nowhere.
func TestFillerLooksLikeABlock(t *testing.T) {
	s := filled(t, t.TempDir())
	if all, err := s.Arc(0, ^keys.Location(0), keys.ID{}, store.MaxArc); len(all) > 0 || err != nil {
		t.Errorf("neighbours are told of %d, %v", len(all), err)
	}
	e, ok := s.ledger.Find(s.filler[0])
	if !ok || e.Size != keys.DataSize || len(s.seal.key(e)) != keySize {
		t.Errorf("%+v %v", e, ok)
	}
	b := storetest.Data(1, 1)
	real := store.Entry{ID: b.ID(), Class: store.Cache, At: b.ID().Location(0), Size: keys.DataSize}
	if len(s.seal.key(e)) != len(s.seal.key(real)) || isFiller(real) {
		t.Error("it differs from a block")
	}
	value, err := s.Get(e.ID)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := keys.Verify(e.ID, value.Data()); err == nil {
		t.Error("it passes for content")
	}
}

func TestFillEnds(t *testing.T) {
	s := mustOpen(t, Config{Dir: t.TempDir(), Quota: 64 << 20})
	ctx, stop := context.WithCancel(context.Background())
	stop()
	if err := s.Fill(ctx, 1); err != nil || s.fillers() > 1 {
		t.Errorf("%d after it was told to end, %v", s.fillers(), err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if err := s.Fill(context.Background(), 1); err != nil && !errors.Is(err, store.ErrClosed) {
		t.Errorf("of a closed store: %v", err)
	}
}

// TestSmallerStoreKeepsBlocksBeforeFiller: a store that is full of cached blocks and of filler, which is younger, and gets less room, while it is open or between two openings,
// gives up filler alone.
func TestSmallerStoreKeepsBlocksBeforeFiller(t *testing.T) {
	for _, open := range []bool{true, false} {
		cfg := Config{Dir: t.TempDir(), Quota: 8 << 20}
		s := mustOpen(t, cfg)
		const n = 50
		for i := range uint64(n) { // before the filler, so that they are older
			if err := s.Put(storetest.Data(1, i), store.Cache, 0); err != nil {
				t.Fatal(err)
			}
		}
		if err := s.Fill(context.Background(), 1<<40); err != nil {
			t.Fatal(err)
		}
		before := s.Stats()
		cfg.Quota = 7 << 20
		if open {
			for done := false; !done; {
				var err error
				if done, err = s.evict(usable(cfg.Quota)); err != nil {
					t.Fatal(err)
				}
			}
		} else {
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
			s = mustOpen(t, cfg)
		}
		if st := s.Stats(); st.Bytes > usable(cfg.Quota) || st.Blocks == before.Blocks {
			t.Errorf("open %v: %+v became %+v", open, before, st)
		}
		if held := countHeld(s, n); held != n {
			t.Errorf("open %v: %d of %d blocks are left beside %d of filler", open, held, n, s.fillers())
		}
	}
}
