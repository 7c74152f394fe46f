package badgerstore

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"nightjar/store"
	"nightjar/store/badgerfiles"
)

// fileRepair stands in the directory while the index must be made anew, SPEC §11.
const fileRepair = "repair"

// What is wrong with an index, for the log and for status.
const (
	symptomUnfinished = "a repair of it was asked for, or was not finished"
	symptomNoList     = "its list of tables is gone"
	symptomTorn       = "its list of tables is damaged"
	symptomTable      = "a table is damaged"
	symptomLog        = "a log of it is damaged"
	symptomShort      = "it ends before the blocks do"
	symptomOpening    = "the database does not open"
)

// errForeign reports an index or blocks of another store key.
var errForeign = fmt.Errorf("badgerstore: the store key does not open what is there: %w", store.ErrCorrupt)

// start examines what is on the disk, makes the index anew if it is damaged, and opens Badger. What says something about the system, or about the
// key, is an error; what says something about the files is not: whatever they are, the store opens, with the blocks that are left.
func (s *Store) start() error {
	if err := s.examine(); err != nil {
		return err
	}
	err := s.launch()
	if err == nil || !curable(err) {
		return err
	}
	s.warn("store: the database does not open", err)
	trusted := !failing(err)
	if err := s.rebuild(symptomOpening); err != nil {
		return err
	}
	if err = s.launch(); err == nil || !curable(err) || failing(err) || !trusted {
		return err
	}
	s.warn("store: the database does not open with a new index either", err)
	if err := s.abandon(); err != nil {
		return err
	}
	return s.launch()
}

// curable reports whether an error is about files, and not about who opens them and where.
func curable(err error) bool {
	return !errors.Is(err, ErrInUse) && !errors.Is(err, errForeign) && !errors.Is(err, store.ErrFull) && badgerfiles.Passing(err) == nil
}

// failing reports an error of the disk: a reason to read what can be read, and none to give anything up.
func failing(err error) bool {
	return errors.Is(err, syscall.EIO) || strings.Contains(err.Error(), syscall.EIO.Error())
}

// examine looks at every file that Badger will believe before it does, mends what can be mended in place, and has the index made anew if that is not enough.
func (s *Store) examine() error {
	symptom, err := s.symptom()
	if err != nil || symptom == "" {
		return err
	}
	return s.rebuild(symptom)
}

func (s *Store) symptom() (string, error) {
	if _, err := os.Lstat(filepath.Join(s.cfg.Dir, fileRepair)); err == nil {
		return symptomUnfinished, nil
	}
	if err := badgerfiles.Tidy(s.dir); err != nil {
		return "", fmt.Errorf("badgerstore: examining: %w", err)
	}
	values, err := badgerfiles.Logs(s.dir, ".vlog")
	if err != nil {
		return "", fmt.Errorf("badgerstore: examining: %w", err)
	}
	index, err := badgerfiles.Tables(s.dir)
	switch {
	case errors.Is(err, fs.ErrNotExist) && len(values) == 0:
		return "", nil // there is nothing yet
	case errors.Is(err, fs.ErrNotExist):
		return symptomNoList, nil
	case errors.Is(err, badgerfiles.ErrDamaged):
		return symptomTable, nil
	case err != nil:
		return "", fmt.Errorf("badgerstore: examining: %w", err)
	case index.Torn:
		return symptomTorn, nil
	}
	mems, err := badgerfiles.Logs(s.dir, ".mem")
	if err != nil {
		return "", fmt.Errorf("badgerstore: examining: %w", err)
	}
	newest := index.Newest
	for _, l := range mems {
		version, err := badgerfiles.MemtableLog(l.Path)
		if errors.Is(err, badgerfiles.ErrDamaged) {
			return symptomLog, nil
		}
		if err != nil {
			return "", fmt.Errorf("badgerstore: examining: %w", err)
		}
		newest = max(newest, version)
	}
	return s.compare(values, mems, newest)
}

// compare looks whether the index knows the newest blocks. One batch may be missing: a kill may come after it was written to the value log and
// before it was entered, and damage to the end of a log looks the same; so it is entered now. More than that was lost.
func (s *Store) compare(values, mems []badgerfiles.Log, newest uint64) (string, error) {
	last := -1
	for i, l := range values {
		if l.Size > badgerfiles.LogHeader {
			last = i
		}
	}
	if last < 0 {
		return "", nil
	}
	w := newMemtables(s.dir, s.geo, 1)
	if len(mems) > 0 {
		w.number = int(mems[len(mems)-1].Number) + 1
	}
	short := false
	fresh := s.ledger == nil // else what is newer belongs to puts that failed, and were said to
	err := s.eachEntry(values[last], func(e badgerfiles.LogEntry, p pointer) error {
		switch {
		case !fresh:
		case e.Version > newest+1:
			short = true
		case e.Version == newest+1 && s.authentic(e):
			return w.add(e, p)
		}
		return nil
	})
	if errors.Is(err, errPartly) { // whoever reads it gets an error
		err = nil
	}
	if err == nil && !short {
		err = errors.Join(w.flush(), s.succeed(values, last))
	}
	if err != nil {
		return "", fmt.Errorf("badgerstore: examining: %w", err)
	}
	if short {
		return symptomShort, nil
	}
	return "", nil
}

// errPartly reports, after all others, entries that the disk did not let be read: they may be there the next time.
var errPartly = errors.New("badgerstore: the disk does not give back all of a file")

// eachEntry reads the entries of a value log file whose checksums are right, also behind damaged ones. It may end with errPartly.
func (s *Store) eachEntry(l badgerfiles.Log, visit func(badgerfiles.LogEntry, pointer) error) error {
	f, err := os.Open(l.Path)
	if err != nil {
		return err
	}
	defer f.Close()
	r := badgerfiles.NewLogReader(f, l.Size)
	for {
		if e, ok := r.Next(); ok {
			if err := visit(e, pointer{l.Number, uint32(e.Size), uint32(e.At)}); err != nil {
				return err
			}
			continue
		}
		r.At++
		if !r.Seek(keySize) {
			if err := r.Err(); err != nil {
				return fmt.Errorf("%w: %w", errPartly, pathless(err))
			}
			return nil
		}
	}
}

// authentic reports whether an entry of a value log is a block of this store.
func (s *Store) authentic(e badgerfiles.LogEntry) bool {
	entry, err := s.seal.entry(e.Key)
	if err != nil {
		return false
	}
	_, err = s.seal.openBlock(entry, e.Value)
	return err == nil
}

// succeed cuts a value log file to what is written in it, and gives it an empty successor, so that Badger, which believes that a kill has torn what
// follows a damaged entry of its last file, does not cut it there.
func (s *Store) succeed(values []badgerfiles.Log, last int) error {
	f, err := os.OpenFile(values[last].Path, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	r := badgerfiles.NewLogReader(f, values[last].Size)
	for {
		if _, ok := r.Next(); !ok {
			break
		}
	}
	if used := r.At + r.Rest(); used < values[last].Size {
		err = f.Truncate(used)
	}
	if err = errors.Join(err, f.Close()); err != nil || last < len(values)-1 {
		return err
	}
	next := filepath.Join(s.dir, pad(int(values[last].Number)+1, 6)+".vlog")
	if err := os.WriteFile(next+".new", logHead(), 0o600); err != nil {
		return err
	}
	return os.Rename(next+".new", next)
}

// logHead is what an empty log consists of.
func logHead() []byte {
	b := make([]byte, badgerfiles.LogHeader)
	rand.Read(b[8:])
	return b
}
