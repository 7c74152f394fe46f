package badgerstore

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"strings"
	"time"

	crand "crypto/rand"

	"github.com/dgraph-io/badger/v4"

	"nightjar/keys"
	"nightjar/store"
)

// Open opens the store in cfg.Dir, or makes one there. Without cfg.Place it takes the directory and unlocks it without a passphrase; then the errors
// are also those of Take and Unlock. Errors: store.ErrCorrupt if the key or the index is
// damaged; store.ErrFull if the disk has no room even to open; else what the system said.
//
// A store that was made for a larger quota, or lost a deletion to a damaged file, is brought within its quota first.
func Open(cfg Config) (*Store, error) {
	if err := cfg.complete(); err != nil {
		return nil, err
	}
	if cfg.Place != nil {
		return open(cfg, cfg.Place)
	}
	place, err := Take(cfg.Dir)
	if err != nil {
		return nil, err
	}
	if err := place.Unlock(nil); err != nil {
		return nil, errors.Join(err, place.Release())
	}
	s, err := open(cfg, place)
	if err != nil {
		return nil, errors.Join(err, place.Release())
	}
	return s, nil
}

func open(cfg Config, place *Place) (*Store, error) {
	seal, guard, err := place.enter()
	if err != nil {
		return nil, err
	}
	g := shape(cfg.Quota)
	s := &Store{
		cfg: cfg, geo: g, seal: seal, place: place,
		dir:    filepath.Join(cfg.Dir, dirBlocks),
		space:  newSpace(cfg.Dir, g, guard, free),
		core:   core{unsafe: map[keys.ID]struct{}{}, hot: newHot()},
		room:   room{resized: make(chan struct{}, 1)},
		health: health{patience: tooSlow},
		upkeep: upkeep{puts: make(chan *op), kick: make(chan struct{}, 1), stop: make(chan struct{})},
	}
	s.quota.Store(cfg.Quota)
	if !s.space.spend() {
		return nil, fmt.Errorf("badgerstore: opening: %w: the disk has too little room", store.ErrFull)
	}
	if err := s.start(); err != nil {
		return nil, err
	}
	if err := place.upgraded(); err != nil {
		s.warn("store: the version of the store could not be written", err)
	}
	Blur(cfg.Dir, time.Now()) // after a crash the times of files are as the system set them
	if err := s.space.save(); err != nil {
		s.warn("store: no room is reserved for a full disk", err)
	}
	s.trim()                 // Badger has read the newest log
	s.running.Go(s.write)    // ends with stop, which Close closes
	s.running.Go(s.maintain) // likewise ends with stop
	s.wake()
	return s, nil
}

// launch opens Badger and makes the books from its keys.
func (s *Store) launch() (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("badgerstore: opening: %w: %v", store.ErrCorrupt, r)
		}
	}()
	db, err := badger.OpenManaged(s.geo.options(s.dir, quiet{s.cfg.Log}))
	if err != nil {
		// Where our own lock locks nothing, Badger's does. Its error has no kind, only a text.
		if strings.Contains(err.Error(), "Another process is using this Badger database") {
			return ErrInUse
		}
		return fmt.Errorf("badgerstore: opening: %w", err)
	}
	if err := s.load(db); err != nil {
		return errors.Join(err, db.Close())
	}
	return nil
}

// load makes the books from the keys of db, and then has db serve the store.
func (s *Store) load(db *badger.DB) error {
	var seed [32]byte
	crand.Read(seed[:])
	quota := s.quota.Load()
	ledger := store.NewLedger(usable(quota), s.cfg.Self, rand.New(rand.NewChaCha8(seed)))
	waste := garbage{}
	doomed, err := s.readKeys(db, ledger, waste)
	if err != nil {
		return err
	}
	u, err := measure(s.cfg.Dir)
	if err != nil {
		return err
	}
	waste.fill(u)
	over := s.surplusFiller(ledger, usable(quota), len(s.filler))
	for _, e := range append(over, ledger.Shrink()...) {
		doomed = append(doomed, s.seal.key(e))
	}
	waste.note(db, doomed)
	ts := db.MaxVersion() + 1
	if err := deleteKeys(db, ts, doomed); err != nil {
		return fmt.Errorf("badgerstore: removing: %w", err)
	}
	db.SetDiscardTs(ts)
	s.mu.Lock()
	s.ledger = ledger
	s.filter.Store(ledger.Filter())
	clear(s.unsafe)
	s.mu.Unlock()
	s.db, s.ts, s.files, s.logs = db, ts, newFiles(s.dir), newLogs(s.dir)
	s.garbage, s.counted, s.measured = waste, false, false
	s.ceiling = max(ceiling(quota), s.geo.need(u))
	s.settling, s.stalled = s.ceiling > ceiling(quota), false
	return nil
}

func deleteKeys(db *badger.DB, ts uint64, doomed [][]byte) error {
	if len(doomed) == 0 {
		return nil
	}
	w := db.NewWriteBatchAt(ts)
	defer w.Cancel()
	for _, k := range doomed {
		if err := w.Delete(k); err != nil {
			return err
		}
	}
	return w.Flush()
}
