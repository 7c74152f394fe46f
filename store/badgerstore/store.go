package badgerstore

import (
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/dgraph-io/badger/v4"

	"nightjar/keys"
	"nightjar/store"
)

// Store keeps blocks on a disk. It implements store.Store.
//
// Locks are taken in the order tidying, batch, life, mu.
type Store struct {
	cfg   Config
	geo   geometry
	seal  *sealer
	dir   string // of Badger
	place *Place
	space *space

	// batch is held by the writer from its first decision on a batch until Badger has it or the books are as before, and while
	// a file is collected. Who holds it for reading sees books and Badger that agree.
	batch sync.RWMutex
	// life is held for reading by whoever uses db, for writing to change it.
	life sync.RWMutex
	db   *badger.DB // nil after a failed write from which Badger could not be started again
	logs *logs
	core

	upkeep
	room
	health
	buffers buffers
}

// upkeep is what the store's own goroutines run by.
type upkeep struct {
	puts    chan *op
	tidying sync.Mutex    // one tidy at a time
	kick    chan struct{} // capacity 1: the maintenance has something to look at
	stop    chan struct{} // closed by Close
	running sync.WaitGroup

	repaired atomic.Pointer[Repair] // what was done to what was damaged, if anything was
}

// core is the state that Get and Put share with the writer.
type core struct {
	mu     sync.Mutex
	ledger *store.Ledger
	filter atomic.Pointer[store.Filter] // that of ledger, for who does not take mu
	hot    *hot
	filler []keys.ID            // what goes first, and some of what is gone
	unsafe map[keys.ID]struct{} // what the batch under way decided: not durable yet

	closed atomic.Bool
	down   atomic.Bool // Badger has no memtable: every read would panic

	// For the writer alone, and before it starts.
	ts     uint64 // version of the last commit
	files  *files
	wrote  int    // bytes since the last trim
	dead   error  // why db is not to be written to until it is started anew
	ending ending // of the database before, if it is not over
}

var _ store.Store = (*Store)(nil)

var (
	errMissing    = errors.New("badgerstore: Badger does not have the key")
	errUnreadable = errors.New("badgerstore: Badger cannot read the value")
	errSystem     = errors.New("badgerstore: the system does not let a block be read now")
	errStopped    = errors.New("badgerstore: the database is down after a failed write")
)

// Put implements store.Store.
func (s *Store) Put(b keys.Block, class store.Class, at keys.Location) error {
	return s.PutFrom(b, class, at, 0)
}

// PutFrom implements store.Store. Sealing is done here, by the caller; what follows is the writer's.
func (s *Store) PutFrom(b keys.Block, class store.Class, at keys.Location, link uint64) error {
	e, err := store.NewEntry(b, class, at)
	if err != nil {
		return err
	}
	if s.closed.Load() {
		return store.ErrClosed
	}
	if s.keeps(e) {
		return nil
	}
	buf := s.buffers.get()
	defer s.buffers.put(buf) // Badger has copied what it wanted when its commit returns
	o := &op{entry: e, link: link, block: b, sealed: s.seal.sealBlock(*buf, b), done: make(chan error, 1)}
	if err := s.hand(o); err != nil {
		return err
	}
	return <-o.done
}

// keeps reports whether a data block is held as it should be, durably: then a Put has nothing to do.
func (s *Store) keeps(e store.Entry) bool {
	if e.ID.Kind != keys.KindData {
		return false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, ok := s.unsafe[e.ID]; ok {
		return false
	}
	held, ok := s.ledger.Find(e.ID)
	if !ok {
		return false
	}
	want, _ := s.ledger.Merge(e)
	return want == held
}

// Arc implements store.Store. It touches no disk.
func (s *Store) Arc(from, last keys.Location, after keys.ID, limit int) ([]store.Entry, error) {
	if s.closed.Load() {
		return nil, store.ErrClosed
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.ledger.Arc(from, last, after, limit), nil
}

// Stats implements store.Store.
func (s *Store) Stats() store.Stats {
	s.mu.Lock()
	defer s.mu.Unlock()
	st := s.ledger.Stats()
	st.Quota = max(s.quota.Load(), quotaFor(st.Usable)) // a quota that becomes smaller does so as blocks go
	return st
}

// Close implements store.Store.
func (s *Store) Close() error {
	if s.closed.Swap(true) {
		return store.ErrClosed
	}
	close(s.stop)
	s.running.Wait()
	s.life.Lock()
	defer s.life.Unlock()
	over, err := s.closeDB()
	s.seal.wipe()
	s.hot.forget()
	Blur(s.cfg.Dir, time.Now())
	err = errors.Join(err, s.place.leave(over, s.cfg.Place == nil))
	if err != nil {
		return fmt.Errorf("badgerstore: closing: %w", err)
	}
	return nil
}

// closeDB flushes and ends Badger, or leaves it to the end of the process, which what was accepted survives as it does a
// crash; then the directory stays locked. The caller holds life.
func (s *Store) closeDB() (over bool, err error) {
	db := s.db
	s.db = nil
	if s.logs != nil {
		s.logs.prune(true)
	}
	switch {
	case s.ending != nil:
		over, _ = s.ending.wait(closeTime)
		return over, nil
	case db == nil:
		return true, nil
	case s.down.Load():
		return false, nil // closing might wait for ever for the file that was refused
	case !s.space.spend():
		return false, nil // closing writes, and the disk has nothing left
	}
	if over, err = shut(db).wait(closeTime); !over {
		s.warn("store: the disk does not take what is to be written at the end", errSync)
	}
	return over, err
}
