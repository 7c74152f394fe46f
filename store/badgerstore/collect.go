package badgerstore

import (
	"errors"
	"fmt"
	"io"
	"math"
	"os"

	"nightjar/store"
	"nightjar/store/badgerfiles"
)

// collect copies what lives in a value log file to the end of the log, and frees the file. Only the writer does that, so that nothing else is written meanwhile;
// reads go on.
//
// It is not Badger that copies: Badger takes for alive whatever its tables still hold, deleted or not, until they are merged, and an
// entry that it copies after its deletion comes back to life when they are. It stops at the first damaged entry as well.
func (s *Store) collect(u usage, file int) error {
	if err := s.space.check(2 * u.values[file]); err != nil {
		return err
	}
	size := u.values[file]
	found, err := s.copyLive(badgerfiles.Log{Path: s.logs.path(uint32(file)), Number: uint32(file), Size: size})
	if errors.Is(err, errPartly) || err == nil && s.logs.failed(file) {
		s.warn("store: a file is kept, as the disk does not let all of it be read", errPartly)
		s.garbage[file] = -size // not to be chosen again before the next start
		return nil
	}
	if err != nil {
		return err
	}
	if found+s.garbage[file] < size-badgerfiles.LogHeader { // what is missing was damaged, and is gone; or it will be there again
		if err := readable(s.logs.path(uint32(file))); err != nil {
			s.warn("store: a file is kept, as the disk does not let all of it be read", err)
			s.garbage[file] = -size // not to be chosen again before the next start
			return nil
		}
	}
	s.measured, s.counted = false, false
	if err := s.release(u, file); err != nil {
		s.warn("store: freeing a file failed", err)
		return fmt.Errorf("%w: freeing a file failed", store.ErrFull)
	}
	delete(s.garbage, file)
	s.wake()
	return nil
}

// copied is a key with its value, and where it is.
type copied struct {
	key, value []byte
	at         pointer
}

// copyLive writes what lives in a file once more, in batches like those of puts, each of them durable before the next one. It returns how many bytes of
// the file that was.
func (s *Store) copyLive(l badgerfiles.Log) (found int64, err error) {
	var all []copied
	err = s.eachEntry(l, func(e badgerfiles.LogEntry, p pointer) error {
		if !s.inBooks(e.Key) { // a first look, at the books alone, spares the copy
			return nil
		}
		found += e.Size
		all = append(all, copied{append([]byte(nil), e.Key...), append([]byte(nil), e.Value...), p})
		if len(all) < min(s.geo.batch(), s.entries()) {
			return nil
		}
		err := s.copyBatch(all)
		all = all[:0]
		return err
	})
	if (err == nil || errors.Is(err, errPartly)) && len(all) > 0 {
		err = errors.Join(err, s.copyBatch(all))
	}
	return found, err
}

// readable reports whether a file can be read to its end.
func readable(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	_, err = io.Copy(io.Discard, f)
	return errors.Join(err, f.Close())
}

// inBooks reports whether a Badger key is that of a block in the books.
func (s *Store) inBooks(key []byte) bool {
	e, err := s.seal.entry(key)
	if err != nil {
		return false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	held, ok := s.ledger.Find(e.ID)
	return ok && held == e
}

// copyBatch writes those of all that are where the index says, and no others: a record that was replaced has the key of the new one. Where the index
// does not say it is damaged, and will be made anew from the files: then the error is errPartly, as this one must stay.
func (s *Store) copyBatch(all []copied) error {
	partly, err := s.commitCopies(all)
	if err != nil {
		return err
	}
	for _, c := range all {
		s.wrote += len(c.value)
	}
	if s.wrote >= trimEvery {
		s.trim()
	}
	if err := s.persist(); err != nil {
		return err
	}
	return partly
}

func (s *Store) commitCopies(all []copied) (partly, err error) {
	s.batch.Lock()
	defer s.batch.Unlock()
	if s.db == nil || s.down.Load() {
		return nil, errStopped
	}
	txn := s.db.NewTransactionAt(math.MaxUint64, true)
	defer txn.Discard()
	for _, c := range all {
		at, err := placeOf(txn, c.key)
		if err != nil {
			if s.inBooks(c.key) {
				partly = fmt.Errorf("%w: %w", errPartly, err)
			}
			continue
		}
		if at.file != c.at.file || at.offset != c.at.offset {
			continue
		}
		if err := txn.Set(c.key, c.value); err != nil {
			return nil, s.refused(err)
		}
	}
	s.ts++
	if err := txn.CommitAt(s.ts, nil); err != nil {
		return nil, s.refused(err)
	}
	return partly, nil
}

// release has Badger remove a file in which nothing lives. Badger copies what its tables still point to, up to the first entry that is none: so
// the first one is made that. Nobody reads it any more but who has looked its place up before it was copied, and has the value, which stays.
func (s *Store) release(u usage, file int) error {
	if err := spoil(s.logs.path(uint32(file))); err != nil {
		return pathless(err)
	}
	s.tidying.Lock() // the maps of files change
	defer s.tidying.Unlock()
	s.life.RLock()
	defer s.life.RUnlock()
	if err := freeFile(s.db, u, file); err != nil {
		return err
	}
	s.logs.prune(false)
	return nil
}

// spoil overwrites the head of the first entry in a value log file.
func spoil(path string) error {
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	st, err := f.Stat()
	if err == nil && st.Size() > badgerfiles.LogHeader {
		const head = 22 // two bytes and three numbers of up to 5, 5 and 10
		_, err = f.WriteAt(make([]byte, min(head, st.Size()-badgerfiles.LogHeader)), badgerfiles.LogHeader)
	}
	return errors.Join(err, f.Close())
}
