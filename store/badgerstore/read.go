package badgerstore

import (
	"errors"
	"math"

	"nightjar/keys"
	"nightjar/store"
)

// Get implements store.Store. A miss touches no disk, and most take no lock. What is asked for
// again and again is in memory; else a hit is read where the books remember that it is; only
// where they do not, or are wrong as the file was freed, does Badger say where.
func (s *Store) Get(id keys.ID) (keys.Block, error) {
	if s.closed.Load() {
		return keys.Block{}, store.ErrClosed
	}
	if s.filter.Load().Absent(id) {
		return keys.Block{}, store.ErrNotFound
	}
	s.mu.Lock()
	e, hint, ok := s.ledger.UseHint(id)
	s.mu.Unlock()
	if !ok {
		return keys.Block{}, store.ErrNotFound
	}
	if b, ok := s.hot.get(id); ok {
		return b, nil
	}
	b, err := s.readHint(e, hint)
	if err == nil {
		s.hot.offer(b)
	}
	if settled(err) && !errors.Is(err, errStopped) { // who waits for the batch waits for Badger to be started anew
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
	return err == nil || errors.Is(err, errStopped) || errors.Is(err, errSystem) || errors.Is(err, store.ErrClosed)
}

// read gets a block from where Badger says that it is.
func (s *Store) read(e store.Entry) (b keys.Block, err error) { return s.readHint(e, 0) }

// readHint gets a block from where a hint says that it is, and if it is not there from where Badger says.
//
// What authenticates as a data block is that block, wherever it was read. For a record the place matters, as an older one may be on the disk still: so
// the hints of records are those of the opening, which die in the books when a newer one is entered, and none is added later by
// a reader who may be late.
func (s *Store) readHint(e store.Entry, hint uint64) (b keys.Block, err error) {
	s.life.RLock()
	defer s.life.RUnlock()
	if s.db == nil && s.closed.Load() {
		return b, store.ErrClosed
	}
	buf := s.buffers.get()
	defer s.buffers.put(buf)
	value := (*buf)[:e.Size+sealSize]
	if hint != 0 && s.logs.read(hint, value) == nil {
		if b, err = s.seal.openBlock(e, value); err == nil {
			return b, nil
		}
	}
	if s.db == nil || s.down.Load() {
		return b, errStopped
	}
	p, err := s.locate(e)
	if err != nil {
		return b, err
	}
	hint = p.hint(e)
	if hint == 0 {
		return b, errUnreadable
	}
	if err := s.logs.read(hint, value); err != nil {
		return b, err
	}
	if b, err = s.seal.openBlock(e, value); err == nil && e.ID.Kind == keys.KindData {
		s.mu.Lock()
		s.ledger.Hint(e, hint)
		s.mu.Unlock()
	}
	return b, err
}

// locate asks Badger where a block is.
func (s *Store) locate(e store.Entry) (pointer, error) {
	txn := s.db.NewTransactionAt(math.MaxUint64, false)
	defer txn.Discard()
	return placeOf(txn, s.seal.key(e))
}
