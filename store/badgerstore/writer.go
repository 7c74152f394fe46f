package badgerstore

import (
	"errors"
	"math"
	"time"

	"github.com/dgraph-io/badger/v4"

	"nightjar/store"
)

const (
	// maxBatch is how many puts share a transaction and a sync at most: 4 MiB of blocks.
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

// write is the writer: the one place that decides, writes and syncs. It ends with stop, after the batch in hand.
func (s *Store) write() {
	var waiting []*op
	last := 0
	for {
		if len(waiting) == 0 {
			select {
			case o := <-s.puts:
				waiting = append(waiting, o)
			case <-s.stop:
				return
			}
		}
		waiting = s.gather(waiting, last)
		last = len(waiting)
		waiting = s.serve(waiting)
		select {
		case <-s.stop:
			answer(waiting, store.ErrClosed)
			return
		default:
		}
	}
}

// gather collects puts. It waits only while fewer came than last time: a single caller is served at once, and many
// callers do not end up taking turns.
func (s *Store) gather(all []*op, last int) []*op {
	var late <-chan time.Time
	for len(all) < maxBatch {
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
	if s.dead != nil && !s.revive() {
		answer(all, s.dead)
		return nil
	}
	b, rest := s.commit(all)
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
// that failed. Books and Badger agree again when it returns, but what it wrote is not durable.
func (s *Store) commit(all []*op) (b *batch, rest []*op) {
	s.batch.Lock()
	defer s.batch.Unlock()
	b = &batch{
		Store: s,
		txn:   s.db.NewTransactionAt(math.MaxUint64, true),
		room:  int(min(s.db.MaxBatchCount()-2, s.db.MaxBatchSize()/(keySize+36))),
		full:  s.space.check(int64(len(all)) * (store.MaxSize + store.Overhead)),
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
	err := b.err
	if err == nil {
		err = b.txn.CommitAt(s.ts, nil)
	}
	if err != nil {
		b.rollback()
		answer(b.ops, s.refused(err))
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
		s.pace()
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
	if s.wounded.Load() || s.space.check(0) != nil {
		return false
	}
	s.life.Lock()
	defer s.life.Unlock()
	if s.db != nil {
		// What Close complains of is what brought us here.
		func() {
			defer func() { _ = recover() }()
			_ = s.db.Close()
		}()
		s.db = nil
		s.logs.prune(true)
	}
	if err := s.start(); err != nil {
		s.warn("store: the database could not be started again", err)
		return false
	}
	s.dead = nil
	s.down.Store(false)
	s.cfg.Log.Info("store: writing again")
	return true
}

func answer(all []*op, err error) {
	for _, o := range all {
		o.done <- err
	}
}
