package badgerstore

import (
	"fmt"
	"math"
	"sync/atomic"

	"nightjar/store"
)

// room is what the writer knows of the directory's size. Only quota and resized are for others.
type room struct {
	quota   atomic.Int64  // what the user said last
	resized chan struct{} // capacity 1: quota is another one

	garbage  garbage
	ceiling  int64 // bytes that the directory may take now; above what the quota says only while the store becomes smaller
	measured bool  // nothing has changed since the directory was found to be below the ceiling
	counted  bool  // garbage is exact
	settling bool  // the store is not yet as the quota wants it
	stalled  bool  // the last step failed; the next batch that succeeds says that there is a point in trying again
}

// Resize changes the quota, while the store is used. A larger one holds at once. For a smaller one blocks are evicted and files freed in the background, a
// step at a time between puts, and Stats shows how far that is. Reads go on; they wait once, for as long as Badger takes to start with
// smaller files, if the quota becomes so much smaller that the files must too.
//
// A process that ends meanwhile leaves a store that its next Open brings within the quota that it is given.
func (s *Store) Resize(quota int64) error {
	if quota <= 0 {
		return fmt.Errorf("badgerstore: a quota of %d bytes", quota)
	}
	if s.closed.Load() {
		return store.ErrClosed
	}
	s.quota.Store(quota)
	select {
	case s.resized <- struct{}{}:
	default: // the writer has not looked yet
	}
	return nil
}

// resize is where the writer notices another quota.
func (s *Store) resize() {
	s.settling, s.stalled, s.measured = true, false, false
	s.ceiling = max(s.ceiling, ceiling(s.quota.Load()))
}

// settle does one step towards what the quota wants, and reports whether there is another one.
func (s *Store) settle() (more bool) {
	if s.dead != nil && !s.revive() {
		s.stalled = true
		return true
	}
	quota := s.quota.Load()
	done, err := s.evict(usable(quota))
	switch {
	case err != nil:
		s.stalled = true
		return true
	case !done:
		return true
	}
	if g := shape(quota); 2*g.valueFile <= s.geo.valueFile || 2*g.table <= s.geo.table {
		s.stalled = !s.reshape(g)
		return true
	}
	return s.lower(ceiling(quota))
}

// steps is how many blocks are evicted at once: about as many as a batch evicts.
const steps = 64

// evict brings the books nearer to what is usable from now on.
func (s *Store) evict(usable int64) (done bool, err error) {
	s.batch.Lock()
	defer s.batch.Unlock()
	s.mu.Lock()
	st := s.ledger.Stats()
	most := min(steps, s.entries())
	victims := s.surplusFiller(s.ledger, usable, most)
	for bytes := s.ledger.Stats().Bytes; bytes > usable && len(victims) < most; bytes = s.ledger.Stats().Bytes {
		s.ledger.SetQuota(bytes - 1)
		victims = append(victims, s.ledger.Shrink()...)
	}
	left := s.ledger.Stats().Bytes
	s.ledger.SetQuota(max(usable, left))
	s.mu.Unlock()
	if len(victims) == 0 {
		return true, nil
	}
	if err := s.remove(victims); err != nil {
		s.mu.Lock()
		for _, e := range victims {
			s.ledger.Set(e)
			if isFiller(e) {
				s.filler = append(s.filler, e.ID)
			}
		}
		s.ledger.SetQuota(st.Usable)
		s.mu.Unlock()
		return false, err
	}
	return left <= usable, nil
}

// entries is how many entries a transaction can take.
func (s *Store) entries() int {
	return int(min(s.db.MaxBatchCount()-2, s.db.MaxBatchSize()/(keySize+36)))
}

// remove deletes what the books have forgotten. It is not made durable: what comes back with the power is evicted again.
func (s *Store) remove(victims []store.Entry) error {
	if err := s.space.check(0); err != nil {
		return err
	}
	b := &batch{Store: s, txn: s.db.NewTransactionAt(math.MaxUint64, true)}
	defer b.txn.Discard()
	for _, e := range victims {
		b.drop(e)
	}
	s.garbage.note(s.db, b.gone)
	s.counted = false
	s.ts++
	err := b.err
	if err == nil {
		err = b.txn.CommitAt(s.ts, nil)
	}
	if err != nil {
		return s.refused(err)
	}
	s.db.SetDiscardTs(s.ts)
	return nil
}

// reshape starts Badger anew with files of another size.
func (s *Store) reshape(g geometry) bool {
	s.tidying.Lock() // who merges tables asks s.space
	s.geo, s.space = g, newSpace(s.cfg.Dir, g, s.space.probe, *s.space.free.Load())
	s.tidying.Unlock()
	s.dead = errStopped // until it has started
	if !s.revive() {
		return false
	}
	if err := s.space.save(); err != nil {
		s.warn("store: no room is reserved for a full disk", err)
	}
	return true
}

// lower frees a file if the directory takes more than it should, and then allows no more than is left.
func (s *Store) lower(goal int64) (more bool) {
	u, err := measure(s.cfg.Dir)
	if err != nil {
		s.stalled = true
		return true
	}
	if need := s.geo.need(u); need <= goal {
		s.ceiling, s.measured = goal, false
		return false
	}
	file, ok := s.garbage.worst(u)
	if !ok && !s.counted {
		s.recount(u)
		return true
	}
	if !ok {
		s.warn("store: the directory is larger than the quota allows", errCrowded)
		return false
	}
	if err := s.collect(u, file); err != nil {
		s.stalled = true
		return true
	}
	if u, err := measure(s.cfg.Dir); err == nil {
		s.ceiling = max(goal, min(s.ceiling, s.geo.need(u)+2*s.geo.valueFile))
	}
	return true
}
