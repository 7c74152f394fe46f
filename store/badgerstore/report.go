package badgerstore

import (
	"context"
	"math"
	"time"

	"github.com/dgraph-io/badger/v4"

	"nightjar/store"
)

// Report is what there is to say of a store without saying what is in it.
type Report struct {
	store.Stats
	Pools   []store.PoolStats
	Disk    int64   // bytes that everything in the directory takes
	Garbage int64   // bytes of value log files that hold no block
	Ailment string  // why it takes no blocks, for people; "" if it does
	Repair  *Repair // what was done at the opening; nil = nothing had to be
}

// Report looks at every file of the directory, and reads none.
func (s *Store) Report() (Report, error) {
	u, err := measure(s.cfg.Dir)
	if err != nil {
		return Report{}, pathless(err)
	}
	r := Report{Stats: s.Stats(), Disk: u.total, Ailment: s.Ailment(), Repair: s.repaired.Load()}
	s.mu.Lock()
	r.Pools = s.ledger.Pools()
	s.mu.Unlock()
	for n, size := range u.values {
		if n != u.newest {
			r.Garbage += size
		} else {
			r.Garbage += min(size, s.geo.valueFile) // the rest is not written yet
		}
	}
	r.Garbage = max(0, r.Garbage-r.Bytes)
	return r, nil
}

// Repaired is what was done to what was damaged when the store was opened; nil = nothing had to be.
func (s *Store) Repaired() *Repair { return s.repaired.Load() }

// Checked is how far a check has come.
type Checked struct {
	Blocks  int64 `json:"blocks"`  // that were read, and are as they were put
	Bytes   int64 `json:"bytes"`   // of them
	Corrupt int64 `json:"corrupt"` // that were not, or could not be found, and are forgotten
	Total   int64 `json:"total"`   // blocks that there are to read
}

const (
	checkPage = 256 // keys that are looked up at once
	checkTell = 200 * time.Millisecond
)

// Check reads every block and verifies its seal, at a rate of so many bytes a second at most (0 = as fast as it goes), and tells how far it is now and then.
// It ends with ctx, whose error it returns. The store is in use meanwhile; what is corrupt is forgotten, as when it is asked for.
func (s *Store) Check(ctx context.Context, rate int64, tell func(Checked)) (Checked, error) {
	c := Checked{Total: s.Stats().Blocks}
	began, told := time.Now(), time.Now()
	for from := []byte{}; from != nil; {
		page, next, err := s.keysFrom(from)
		if err != nil {
			return c, err
		}
		for _, e := range page {
			if err := s.checkOne(e, &c); err != nil {
				return c, err
			}
			if now := time.Now(); now.Sub(told) > checkTell {
				told = now
				tell(c)
			}
			if err := pause(ctx, began, c.Bytes, rate); err != nil {
				return c, err
			}
		}
		from = next
	}
	return c, nil
}

// pause waits until so many bytes may have been read.
func pause(ctx context.Context, began time.Time, bytes, rate int64) error {
	if err := ctx.Err(); err != nil || rate <= 0 {
		return err
	}
	early := time.Duration(float64(bytes)/float64(rate)*float64(time.Second)) - time.Since(began)
	if early <= 0 {
		return nil
	}
	t := time.NewTimer(early)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (s *Store) checkOne(e store.Entry, c *Checked) error {
	_, err := s.read(e)
	if err != nil && !settled(err) {
		if !s.knows(e) { // it went since
			return nil
		}
		_, err = s.reread(e.ID)
	}
	switch {
	case err == nil:
		c.Blocks++
		c.Bytes += int64(e.Size)
	case settled(err):
		return err
	default:
		c.Corrupt++
	}
	return nil
}

func (s *Store) knows(e store.Entry) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	held, ok := s.ledger.Find(e.ID)
	return ok && held == e
}

// keysFrom lists some entries of the index from a key on, and where to go on; nil = there are no more.
func (s *Store) keysFrom(from []byte) (page []store.Entry, next []byte, err error) {
	s.life.RLock()
	defer s.life.RUnlock()
	switch {
	case s.closed.Load():
		return nil, nil, store.ErrClosed
	case s.db == nil || s.down.Load():
		return nil, nil, errStopped
	}
	txn := s.db.NewTransactionAt(math.MaxUint64, false)
	defer txn.Discard()
	o := badger.DefaultIteratorOptions
	o.PrefetchValues = false
	it := txn.NewIterator(o)
	defer it.Close()
	for it.Seek(from); it.Valid(); it.Next() {
		if len(page) == checkPage {
			return page, it.Item().KeyCopy(nil), nil
		}
		if e, err := s.seal.entry(it.Item().Key()); err == nil {
			page = append(page, e)
		}
	}
	return page, nil, nil
}
