package badgerstore

import (
	"errors"
	"fmt"
	"math"
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
	buffers buffers
	puts    chan *op
}

// upkeep is what the store's own goroutines run by.
type upkeep struct {
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
	unsafe map[keys.ID]struct{} // what the batch under way decided: not durable yet

	closed  atomic.Bool
	down    atomic.Bool // Badger has no memtable: every read would panic
	wounded atomic.Bool // an iterator stays open, as a file that must stay depends on it

	// For the writer alone, and before it starts.
	ts    uint64 // version of the last commit
	files *files
	wrote int   // bytes since the last trim
	dead  error // why db is not to be written to until it is started anew
}

var _ store.Store = (*Store)(nil)

var (
	errMissing    = errors.New("badgerstore: Badger does not have the key")
	errUnreadable = errors.New("badgerstore: Badger cannot read the value")
	errStopped    = errors.New("badgerstore: the database is down after a failed write")
)

// Get implements store.Store. A miss touches no disk.
func (s *Store) Get(id keys.ID) (keys.Block, error) {
	if s.closed.Load() {
		return keys.Block{}, store.ErrClosed
	}
	e, ok := s.find(id)
	if !ok {
		return keys.Block{}, store.ErrNotFound
	}
	b, err := s.read(e)
	if settled(err) {
		return b, err
	}
	return s.reread(id)
}

// find is a look into the books, which notes the use.
func (s *Store) find(id keys.ID) (store.Entry, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.ledger.Use(id)
}

// reread decides what a failed read means. The block may have been on the move: another key since a change of class, another
// file since garbage was collected. What still cannot be read while books and Badger agree is lost, and forgotten.
func (s *Store) reread(id keys.ID) (keys.Block, error) {
	s.batch.RLock()
	defer s.batch.RUnlock()
	e, ok := s.find(id)
	if !ok {
		return keys.Block{}, store.ErrNotFound
	}
	var err error
	for range 3 {
		var b keys.Block
		if b, err = s.read(e); settled(err) {
			return b, err
		}
	}
	s.mu.Lock()
	s.ledger.Remove(id)
	s.mu.Unlock()
	s.warn("store: a block was lost", err)
	if errors.Is(err, errMissing) {
		return keys.Block{}, store.ErrNotFound
	}
	return keys.Block{}, store.ErrCorrupt
}

// settled reports whether the result of a read says something about the store, and not about the block.
func settled(err error) bool {
	return err == nil || errors.Is(err, errStopped) || errors.Is(err, store.ErrClosed)
}

// read gets a block: Badger says where it is, logs reads it, and it is decrypted into a buffer of its own.
func (s *Store) read(e store.Entry) (b keys.Block, err error) {
	s.life.RLock()
	defer s.life.RUnlock()
	if s.db == nil && s.closed.Load() {
		return b, store.ErrClosed
	}
	if s.db == nil || s.down.Load() {
		return b, errStopped
	}
	p, err := s.locate(e)
	if err != nil {
		return b, err
	}
	buf := s.buffers.get()
	defer s.buffers.put(buf)
	value := (*buf)[:e.Size+sealSize]
	if err := s.logs.read(p, value); err != nil {
		return b, err
	}
	return s.seal.openBlock(e, value)
}

// locate asks Badger where a block is. Badger panics over a damaged table.
func (s *Store) locate(e store.Entry) (p pointer, err error) {
	defer func() {
		if recover() != nil {
			err = errUnreadable
		}
	}()
	txn := s.db.NewTransactionAt(math.MaxUint64, false)
	defer txn.Discard()
	item, err := txn.Get(s.seal.key(e))
	if errors.Is(err, badger.ErrKeyNotFound) {
		return p, errMissing
	}
	if err != nil {
		return p, errUnreadable
	}
	p, ok := pointerOf(item)
	if !ok {
		return p, errUnreadable
	}
	return p, nil
}

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
	select {
	case s.puts <- o:
	case <-s.stop:
		return store.ErrClosed
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
	return s.ledger.Stats()
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
	case db == nil:
		return true, nil
	case s.down.Load():
		return false, nil // closing might wait for ever for the file that was refused
	case s.wounded.Load():
		return false, nil // closing would remove the file that must stay
	case !s.space.spend():
		return false, nil // closing writes, and the disk has nothing left
	}
	return true, db.Close()
}
