package badgerstore

import (
	"fmt"
	"math"
	"runtime"
	"sync"
	"sync/atomic"

	"github.com/dgraph-io/badger/v4"

	"nightjar/store"
)

const (
	// loadParts is in how many parts the keys are read, by their first byte, which is that of a tag: any part is as large as any other.
	loadParts = 16
	// loadBatch is how many keys are handed over at once.
	loadBatch = 512
	// loadReaders is how many read at most: entering what they found is one goroutine's work, and takes a third of the time.
	loadReaders = 4
)

// loaded is what a Badger key says of a block, and where the value is.
type loaded struct {
	entry   store.Entry
	hint    uint64
	version uint64
}

// loader reads all keys of a database, in parts, by several goroutines.
type loader struct {
	s    *Store
	db   *badger.DB
	next atomic.Int32    // the part to be read next
	full chan []loaded   // closed when all parts were read
	free chan []loaded   // batches to be used again
	gone chan loadResult // one of each reader, at its end
}

// loadResult is what is left of a reader besides what it found.
type loadResult struct {
	doomed [][]byte // keys that are no entries
	waste  garbage
	err    error
}

// readKeys enters what db holds, tells waste, and returns the keys that have no place: damaged ones, and the older of two of one block.
// A million keys are to be read while somebody waits for the node to start: they are decrypted by several goroutines and entered by this one.
func (s *Store) readKeys(db *badger.DB, ledger *store.Ledger, waste garbage) (doomed [][]byte, err error) {
	ledger.Filter() // Add is quicker with it
	ledger.Expect(expected(db, ledger.Stats().Quota))
	readers := min(runtime.GOMAXPROCS(0), loadReaders)
	l := &loader{
		s: s, db: db,
		full: make(chan []loaded, 2*readers),
		free: make(chan []loaded, 4*readers),
		gone: make(chan loadResult, readers),
	}
	var running sync.WaitGroup
	for range readers {
		running.Go(func() { l.gone <- l.read() }) // ends when all parts are taken
	}
	go func() { // ends with the readers
		running.Wait()
		close(l.full)
	}()
	read := 0
	s.filler = s.filler[:0]
	var twice []loaded
	for batch := range l.full {
		for i := range batch {
			ledger.Touch(batch[i].entry.ID)
		}
		for i := range batch {
			if f := &batch[i]; !ledger.Add(f.entry, f.hint) {
				twice = append(twice, *f)
			} else if isFiller(f.entry) {
				s.filler = append(s.filler, f.entry.ID)
			}
		}
		read += len(batch)
		select {
		case l.free <- batch[:0]:
		default:
		}
	}
	for range readers {
		r := <-l.gone
		if r.err != nil {
			err = r.err
		}
		doomed = append(doomed, r.doomed...)
		for file, bytes := range r.waste {
			waste[file] += bytes
		}
	}
	if err != nil {
		return nil, err
	}
	if read == 0 && len(doomed) > 0 {
		return nil, errForeign
	}
	return append(doomed, s.settleTwice(db, ledger, twice)...), nil
}

// expected is how many blocks db holds at most, for the size of a table: what it says is not worth more memory than a full store.
func expected(db *badger.DB, quota int64) int {
	n := int64(0)
	for _, t := range db.Tables() {
		n += int64(t.KeyCount)
	}
	return int(min(n, quota/store.Overhead))
}

// settleTwice decides between two keys of one block, SPEC §4, and returns the keys that are to be deleted.
func (s *Store) settleTwice(db *badger.DB, ledger *store.Ledger, twice []loaded) (doomed [][]byte) {
	if len(twice) == 0 {
		return nil
	}
	txn := db.NewTransactionAt(math.MaxUint64, false)
	defer txn.Discard()
	for _, f := range twice {
		held, _ := ledger.Find(f.entry.ID)
		item, err := txn.Get(s.seal.key(held))
		if err == nil && item.Version() > f.version {
			doomed = append(doomed, s.seal.key(f.entry))
			continue
		}
		doomed = append(doomed, s.seal.key(held))
		ledger.Set(f.entry)
		ledger.Hint(f.entry, f.hint)
	}
	return doomed
}

// read reads parts until there are none left. Badger panics over a damaged table, and here nobody else would notice.
func (l *loader) read() (r loadResult) {
	defer func() {
		if p := recover(); p != nil {
			r.err = fmt.Errorf("badgerstore: reading the index: %w: %v", store.ErrCorrupt, p)
		}
	}()
	r.waste = garbage{}
	txn := l.db.NewTransactionAt(math.MaxUint64, false)
	defer txn.Discard()
	o := badger.DefaultIteratorOptions
	o.PrefetchValues = false
	it := txn.NewIterator(o)
	defer it.Close()
	open := opener{sealer: l.s.seal}
	batch := l.batch()
	for {
		part := int(l.next.Add(1)) - 1
		if part >= loadParts {
			break
		}
		const width = 256 / loadParts
		from, to := byte(part*width), part*width+width
		for it.Seek([]byte{from}); it.Valid(); it.Next() {
			item := it.Item()
			key := item.Key()
			if int(key[0]) >= to {
				break
			}
			p, located := pointerOf(item)
			if located {
				r.waste[int(p.file)] -= int64(p.length)
			}
			e, err := open.entry(key)
			if err != nil {
				r.doomed = append(r.doomed, item.KeyCopy(nil))
				continue
			}
			f := loaded{entry: e, version: item.Version()}
			if located {
				f.hint = p.hint(e)
			}
			if batch = append(batch, f); len(batch) == loadBatch {
				l.full <- batch
				batch = l.batch()
			}
		}
		release(l.s.dir, ".sst")
	}
	l.full <- batch
	return r
}

// batch is an empty one.
func (l *loader) batch() []loaded {
	select {
	case b := <-l.free:
		return b
	default:
		return make([]loaded, 0, loadBatch)
	}
}
