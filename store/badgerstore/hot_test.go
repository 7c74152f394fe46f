package badgerstore

import (
	"math/rand/v2"
	"testing"

	"nightjar/keys"
	"nightjar/store"
	"nightjar/store/storetest"
)

// TestHotKeepsWhatIsPopular asks for blocks as popularity has it, with a download of twice as many blocks passing between: the most popular ones
// must be found in memory, and none of the download's.
func TestHotKeepsWhatIsPopular(t *testing.T) {
	h := newHot()
	h.mult = 0x9e3779b97f4a7c15
	ask := func(n uint64) (found bool) {
		b := hotTestBlock(n)
		if got, ok := h.get(b.ID()); ok {
			return got.ID() == b.ID()
		}
		h.offer(b)
		return false
	}
	r := rand.New(rand.NewPCG(1, 2))
	zipf := rand.NewZipf(r, 1.1, 1, 4095)
	found, asked, scanned := 0, 0, uint64(1<<32)
	for i := range 40_000 {
		if ask(zipf.Uint64()) && i >= 10_000 {
			found++
		}
		if i >= 10_000 {
			asked++
		}
		for range 2 {
			if scanned++; ask(scanned) {
				t.Fatal("a block that was never asked for before is found")
			}
		}
	}
	part := float64(found) / float64(asked)
	t.Logf("%.0f %% found", 100*part)
	if part < 0.55 {
		t.Errorf("%.0f %% of the requests for popular blocks are found, want 55", 100*part)
	}
	kept := 0
	for i := range h.slots {
		for j := range h.slots[i] {
			if b := h.slots[i][j].Load(); b != nil && b.block.ID().Name[31] != 0 {
				kept++
			}
		}
	}
	if kept > 0 {
		t.Errorf("%d blocks of a download that passed once are kept", kept)
	}
}

// hotTestBlock is block n; byte 31 of its name tells the download's.
func hotTestBlock(n uint64) keys.Block {
	b := benchBlock(n, make([]byte, 1))
	id := b.ID()
	id.Name[31] = byte(n >> 32)
	return keys.Restore(id, b.Data())
}

// TestHotIsNoAuthority: what the books do not have is not found, wherever else it is; and records, which change, are not kept.
func TestHotIsNoAuthority(t *testing.T) {
	s := mustOpen(t, Config{Dir: t.TempDir(), Quota: 16 << 20})
	data, record := storetest.Data(1, 1), storetest.Record(t, "a", 1, 100)
	for _, b := range []keys.Block{data, record} {
		if err := s.Put(b, store.Sink, 0); err != nil {
			t.Fatal(err)
		}
		for range 3 {
			if _, err := s.Get(b.ID()); err != nil {
				t.Fatal(err)
			}
		}
	}
	if _, ok := s.hot.get(data.ID()); !ok {
		t.Error("a data block that was asked for three times is not in memory")
	}
	if _, ok := s.hot.get(record.ID()); ok {
		t.Error("a record is in memory")
	}
	s.ledger.Remove(data.ID())
	if _, err := s.Get(data.ID()); err != store.ErrNotFound {
		t.Errorf("a block that is not in the books: %v", err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if _, ok := s.hot.get(data.ID()); ok {
		t.Error("a closed store keeps a block in memory")
	}
}
