package badgerstore

import (
	"errors"
	"math"
	"time"

	"github.com/dgraph-io/badger/v4"
)

const (
	// flattenAt is how many tables of flushed memtables a read may have to ask before they are merged into the others.
	flattenAt = 5
	// worthwhile is the part of a value log file that must be garbage for the file to be copied.
	worthwhile = 0.05
)

// maintain does what Badger's own compactors would, when the writer says that there may be something to do. It ends
// with stop, after the file in hand.
func (s *Store) maintain() {
	for {
		select {
		case <-s.kick:
			s.tidy()
		case <-s.stop:
			return
		}
	}
}

// wake has the maintenance look.
func (s *Store) wake() {
	select {
	case s.kick <- struct{}{}:
	default:
	}
}

// patience is how long a writer that is too quick waits for the flush that shows the collection what is garbage.
const patience = time.Second

// pace is called by the writer when a log was succeeded by a new one. Normally the maintenance is quick enough; if the
// value log has grown well above what it should be, the writer lends a hand, which slows puts down to what the
// collection manages.
func (s *Store) pace() {
	if used, err := s.files.valueBytes(s.geo.valueFile); err == nil && used > s.geo.hardLimit() {
		for late := time.Now().Add(patience); s.files.flushing() > 0 && time.Now().Before(late); {
			time.Sleep(time.Millisecond)
		}
		s.tidy()
	}
	s.wake()
}

// tidy merges tables when there are many, and frees value log files while there are too many. Nothing is done where a write
// could be refused: Badger's compaction loses a table that it cannot make.
func (s *Store) tidy() {
	s.tidying.Lock()
	defer s.tidying.Unlock()
	if s.wounded.Load() || s.space.check(2*s.geo.valueFile) != nil || !s.flatten(flattenAt) {
		return
	}
	files := newFiles(s.dir)
	for {
		select {
		case <-s.stop:
			return
		default:
		}
		used, err := files.valueBytes(s.geo.valueFile)
		if err != nil || used <= s.geo.softLimit() {
			return
		}
		// Only merging counts what was deleted as garbage of the file that it is in.
		if !s.flatten(1) || !s.collect() {
			return
		}
	}
}

// flatten merges the tables of flushed memtables into the others if there are as many as that.
func (s *Store) flatten(many int) bool {
	s.life.RLock()
	defer s.life.RUnlock()
	if s.db == nil {
		return false
	}
	if s.db.Levels()[0].NumTables < many {
		return true
	}
	err := s.db.Flatten(1)
	if err != nil {
		s.warn("store: merging index tables failed", err)
	}
	return err == nil
}

// collect copies what lives in the value log file with the most garbage and frees the file. Puts wait meanwhile: Badger's
// collection and its Sync race with writes. Badger removes the file without waiting for the copies to be durable,
// unless an iterator is open: so one is, until they are.
func (s *Store) collect() bool {
	s.batch.Lock()
	defer s.batch.Unlock()
	s.life.RLock()
	defer s.life.RUnlock()
	if s.db == nil || s.down.Load() {
		return false
	}
	files := newFiles(s.dir)
	txn := s.db.NewTransactionAt(math.MaxUint64, false)
	o := badger.DefaultIteratorOptions
	o.PrefetchValues = false
	it := txn.NewIterator(o)
	err := s.db.RunValueLogGC(worthwhile)
	if err == nil {
		err = s.db.Sync()
		_, settleErr := files.settle()
		if err = errors.Join(err, settleErr); err != nil {
			// The iterator stays open and the file stays: what it holds is the only durable copy.
			s.wounded.Store(true)
			s.warn("store: a sync failed", err)
			return false
		}
	} else if !errors.Is(err, badger.ErrNoRewrite) {
		s.warn("store: freeing a file failed", err)
	}
	it.Close()
	txn.Discard()
	s.logs.prune(false)
	return err == nil
}
