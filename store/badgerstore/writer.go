package badgerstore

import (
	"errors"
	"math"
	"time"

	"github.com/dgraph-io/badger/v4"

	"nightjar/store"
)

const (
	// maxBatch is how many puts share a transaction and a sync at most: 4 MiB of blocks, less in a small store (geometry.batch).
	maxBatch = 128
	// linger is how long the writer waits at most for the callers of the batch before to come back, so that they share
	// the next sync as well: a part of what the sync takes.
	linger = 2 * time.Millisecond
	// trimEvery is how many bytes must have been written for the pages that they were written to to be given back before the
	// sync. A sync write-protects every mapped page by itself and tells the other cores each time; giving the pages back
	// does that at once. For less than four blocks it is not worth finding the maps.
	trimEvery = 128 << 10
)

var (
	errSync  = errors.New("badgerstore: the disk did not take what was written")
	errWrite = errors.New("badgerstore: the database refused a write")
)

// write is the writer: the one place that decides, writes and syncs, and that frees files. It ends with stop, after the batch in hand.
// What takes long (a smaller quota) is done a step at a time, between batches.
func (s *Store) write() {
	var waiting []*op
	last := 0
	for {
		if len(waiting) == 0 {
			o, ok := s.next()
			if !ok {
				return
			}
			waiting = append(waiting, o)
		}
		waiting = s.gather(waiting, last)
		last = len(waiting)
		waiting = s.serve(waiting)
		if s.settling && !s.stalled {
			s.settling = s.settle()
		}
		select {
		case <-s.stop:
			answer(waiting, store.ErrClosed)
			return
		default:
		}
	}
}

// next waits for a put, and uses the time to settle. It returns false when the writer must end.
func (s *Store) next() (*op, bool) {
	for {
		if s.settling && !s.stalled {
			select {
			case o := <-s.puts:
				return o, true
			case <-s.resized:
				s.resize()
			case <-s.stop:
				return nil, false
			default:
				s.settling = s.settle()
			}
			continue
		}
		select {
		case o := <-s.puts:
			return o, true
		case <-s.resized:
			s.resize()
		case <-s.stop:
			return nil, false
		}
	}
}

// gather collects puts. It waits only while fewer came than last time: a single caller is served at once, and many
// callers do not end up taking turns.
func (s *Store) gather(all []*op, last int) []*op {
	var late <-chan time.Time
	for len(all) < s.geo.batch() {
		select {
		case o := <-s.puts:
			all = append(all, o)
			continue
		default:
		}
		if len(all) >= last {
			return all
		}
		if late == nil {
			t := time.NewTimer(linger)
			defer t.Stop()
			late = t.C
		}
		select {
		case o := <-s.puts:
			all = append(all, o)
		case <-late:
			return all
		case <-s.stop:
			return all
		}
	}
	return all
}

// serve decides, writes, syncs and answers, and returns the puts that must wait for the next batch.
func (s *Store) serve(all []*op) (rest []*op) {
	began := time.Now()
	if s.dead != nil && !s.revive() {
		s.ail(s.dead)
		answer(all, s.dead)
		return nil
	}
	full := s.makeRoom()
	if s.dead != nil && !s.revive() {
		s.ail(s.dead)
		answer(all, s.dead)
		return nil
	}
	b, rest := s.commit(all, full)
	if s.dead != nil {
		s.revive()
	}
	if len(b.ops) == 0 {
		return rest
	}
	for _, o := range b.ops {
		s.wrote += len(o.sealed)
	}
	if s.wrote >= trimEvery {
		s.trim()
	}
	err := s.persist()
	if err == nil { // else what is in the books is not safe until they are made anew
		s.mu.Lock()
		clear(s.unsafe)
		s.mu.Unlock()
		s.stalled = false
		s.recovered(time.Since(began))
	} else {
		s.ail(err)
	}
	for i, o := range b.ops {
		if err == nil {
			o.done <- b.results[i]
		} else {
			o.done <- err
		}
	}
	return rest
}

// commit makes a batch of the puts that need writing and hands it to Badger; it answers those that need none and those
// that failed, which are all if the directory is full. Books and Badger agree again when it returns, but what it wrote is not durable.
func (s *Store) commit(all []*op, full error) (b *batch, rest []*op) {
	s.batch.Lock()
	defer s.batch.Unlock()
	b = &batch{
		Store: s,
		txn:   s.db.NewTransactionAt(math.MaxUint64, true),
		room:  s.entries(),
		full:  full,
	}
	if b.full == nil {
		b.full = s.space.check(int64(len(all)) * (store.MaxSize + store.Overhead))
	}
	defer b.txn.Discard()
	for _, o := range all {
		if !b.admit(o) {
			rest = append(rest, o)
		}
	}
	if len(b.ops) == 0 {
		return b, rest
	}
	s.ts++
	s.garbage.note(s.db, b.gone)
	s.counted = s.counted && len(b.gone) == 0
	err := b.err
	if err == nil {
		err = b.txn.CommitAt(s.ts, nil)
	}
	if err != nil {
		b.rollback()
		err = s.refused(err)
		if s.dead != nil { // now, while readers wait for the batch
			s.revive()
		}
		answer(b.ops, err)
		b.ops = nil
	}
	return b, rest
}

// persist returns when what was committed survives a power failure. If that fails nobody knows what the disk has (the
// kernel reports a lost page once, and calls it clean from then on), and Badger starts anew before the next write.
func (s *Store) persist() error {
	s.db.SetDiscardTs(s.ts)
	err := s.db.Sync()
	turned, settleErr := s.files.settle()
	if err = errors.Join(err, settleErr); err != nil {
		s.warn("store: a sync failed", err)
		s.dead = errSync
		return s.dead
	}
	if turned {
		s.measured = false
		s.wake()
	}
	return nil
}

// refused says what a failed commit means, and finds out whether Badger lived through it: a memtable that could not be
// succeeded leaves it without one, and then the next read panics and the next write ends the process.
func (s *Store) refused(err error) error {
	s.warn("store: a write failed", err)
	err = errWrite // Badger's errors have no kind, and name paths
	if full := s.space.check(0); full != nil {
		err = full
	}
	if !s.alive() {
		s.dead = err
		s.down.Store(true)
	}
	return err
}

func (s *Store) alive() (ok bool) {
	defer func() {
		if recover() != nil {
			ok = false
		}
	}()
	txn := s.db.NewTransactionAt(math.MaxUint64, false)
	defer txn.Discard()
	_, err := txn.Get([]byte{0})
	return errors.Is(err, badger.ErrKeyNotFound)
}

// revive starts Badger anew after a write or a sync failed, as soon as the disk gives what that takes.
func (s *Store) revive() bool {
	if s.space.check(0) != nil {
		return false
	}
	s.life.Lock()
	defer s.life.Unlock()
	patience := time.Duration(0) // the second time; those who read cannot wait for a disk that fails
	if s.db != nil {
		s.ending, patience = shut(s.db), closeTime
		s.db = nil
		s.logs.prune(true)
	}
	if s.ending != nil {
		// What Close complains of is what brought us here.
		if over, _ := s.ending.wait(patience); !over {
			return false
		}
		s.ending = nil
	}
	if err := s.start(); err != nil {
		s.warn("store: the database could not be started again", err)
		return false
	}
	s.dead = nil
	s.down.Store(false)
	return true
}

func answer(all []*op, err error) {
	for _, o := range all {
		o.done <- err
	}
}
