package memstore

import (
	"math/rand/v2"
	"sync"

	"nightjar/keys"
	"nightjar/store"
)

// DefaultQuota is the quota in bytes of a Config that names none.
const DefaultQuota = 64 << 20

// Config says how large a store is and where. The zero value works.
type Config struct {
	Quota int64         // bytes; 0 = DefaultQuota
	Self  keys.Location // the node's place on the ring: what is near it is kept longest
	Seed  uint64        // draws the candidates for eviction
}

// Store keeps blocks in memory. It implements store.Store.
type Store struct {
	mu     sync.Mutex
	ledger *store.Ledger
	blocks map[keys.ID]keys.Block
	closed bool
}

var _ store.Store = (*Store)(nil)

// New returns an empty store.
func New(cfg Config) *Store {
	if cfg.Quota == 0 {
		cfg.Quota = DefaultQuota
	}
	rnd := rand.New(rand.NewPCG(cfg.Seed, 0))
	return &Store{ledger: store.NewLedger(cfg.Quota, cfg.Self, rnd), blocks: map[keys.ID]keys.Block{}}
}

// Get implements store.Store.
func (s *Store) Get(id keys.ID) (keys.Block, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return keys.Block{}, store.ErrClosed
	}
	b, ok := s.blocks[id]
	if !ok {
		return keys.Block{}, store.ErrNotFound
	}
	s.ledger.Use(id)
	return b, nil
}

// Put implements store.Store.
func (s *Store) Put(b keys.Block, class store.Class, at keys.Location) error {
	return s.PutFrom(b, class, at, 0)
}

// PutFrom implements store.Store.
func (s *Store) PutFrom(b keys.Block, class store.Class, at keys.Location, link uint64) error {
	e, err := store.NewEntry(b, class, at)
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return store.ErrClosed
	}
	want, held := s.ledger.Merge(e)
	stale := held && !store.Newer(b, s.blocks[e.ID])
	if !stale {
		want.Size = e.Size
	}
	victims, err := s.ledger.RoomFor(want, link)
	if err != nil {
		return err
	}
	for _, v := range victims {
		s.ledger.Yield(v.ID, want, link)
		delete(s.blocks, v.ID)
	}
	s.ledger.SetFrom(want, link)
	switch {
	case !stale:
		s.blocks[e.ID] = b
	case e.ID.Kind == keys.KindRecord:
		return store.ErrStale
	}
	return nil
}

// Arc implements store.Store.
func (s *Store) Arc(from, last keys.Location, after keys.ID, limit int) ([]store.Entry, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil, store.ErrClosed
	}
	return s.ledger.Arc(from, last, after, limit), nil
}

// Stats implements store.Store.
func (s *Store) Stats() store.Stats {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.ledger.Stats()
}

// Close implements store.Store. It drops the blocks.
func (s *Store) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return store.ErrClosed
	}
	s.closed, s.blocks = true, nil
	return nil
}
