package badgerstore

import (
	"fmt"

	"nightjar/store"
)

// flattenAt is how many tables of flushed memtables a read may have to ask before they are merged into the others.
const flattenAt = 5

// maintain merges tables, as Badger's own compactors would, when the writer says that there may be something to do. It ends
// with stop, after the merge in hand.
func (s *Store) maintain() {
	for {
		select {
		case <-s.kick:
			s.flatten(flattenAt)
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

// flatten merges the tables of flushed memtables into the others if there are as many as that. Nothing is done where a write
// could be refused: Badger's compaction loses a table that it cannot make.
func (s *Store) flatten(many int) {
	s.tidying.Lock()
	defer s.tidying.Unlock()
	s.life.RLock()
	defer s.life.RUnlock()
	if s.db == nil || s.down.Load() || s.db.Levels()[0].NumTables < many {
		return
	}
	if u, err := measure(s.dir); err != nil || s.space.check(u.tables) != nil {
		return
	}
	if err := s.db.Flatten(1); err != nil {
		s.warn("store: merging index tables failed", err)
	}
}

var errCrowded = fmt.Errorf("%w: the files hold too little that can be freed", store.ErrFull)

// makeRoom frees value log files until what comes next fits under the ceiling, or says why it does not. The writer calls it, before each
// batch; only after a log was succeeded is there something to do.
func (s *Store) makeRoom() error {
	if s.measured {
		return nil
	}
	for {
		u, err := measure(s.cfg.Dir)
		if err != nil {
			return fmt.Errorf("%w: looking at the files: %w", store.ErrFull, pathless(err))
		}
		if s.geo.need(u) <= s.ceiling {
			s.measured = true
			return nil
		}
		s.flatten(2 * flattenAt) // the maintenance is behind, and tables take room
		file, ok := s.garbage.worst(u)
		if !ok && s.counted {
			return errCrowded
		}
		if !ok { // blocks that were lost to damage are in no account
			s.recount(u)
			continue
		}
		if err := s.collect(u, file); err != nil {
			return err
		}
	}
}

// recount makes the account of garbage anew.
func (s *Store) recount(u usage) {
	s.life.RLock()
	defer s.life.RUnlock()
	if s.db != nil && !s.down.Load() {
		written := s.garbage[u.newest]
		s.garbage = count(s.db, u)
		s.garbage[u.newest] = written
	}
	s.counted = true
}
