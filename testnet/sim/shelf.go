package sim

import (
	"math"
	"math/rand/v2"

	"nightjar/keys"
	"nightjar/store"
)

// shelf is what a node keeps, with the books of a real store and without its locks. It has room for everything.
type shelf struct {
	ledger *store.Ledger
	blocks map[keys.ID]keys.Block
}

func newShelf(self keys.Location, rng *rand.Rand) *shelf {
	return &shelf{ledger: store.NewLedger(math.MaxInt64, self, rng), blocks: make(map[keys.ID]keys.Block)}
}

func (s *shelf) Get(id keys.ID) (keys.Block, error) {
	b, ok := s.blocks[id]
	if !ok {
		return keys.Block{}, store.ErrNotFound
	}
	return b, nil
}

func (s *shelf) Put(b keys.Block, class store.Class, at keys.Location) error {
	e, err := store.NewEntry(b, class, at)
	if err != nil {
		return err
	}
	want, held := s.ledger.Merge(e)
	newer := !held || store.Newer(b, s.blocks[e.ID])
	if newer {
		want.Size = e.Size
		s.blocks[e.ID] = b
	}
	s.ledger.Set(want)
	if !newer && e.ID.Kind == keys.KindRecord {
		return store.ErrStale
	}
	return nil
}

func (s *shelf) Arc(from, last keys.Location, after keys.ID, limit int) ([]store.Entry, error) {
	return s.ledger.Arc(from, last, after, limit), nil
}
