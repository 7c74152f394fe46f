package badgerstore

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/dgraph-io/badger/v4"

	"nightjar/store"
	"nightjar/store/badgerfiles"
)

// Repair is what was done to a damaged store when it was opened.
type Repair struct {
	Symptom string // what was wrong, for people
	Entries int64  // that were found in the value log: blocks, and what they were before
	Damaged int64  // entries that were not what was written, and were dropped
	Unread  int64  // files that the disk did not give back whole
	Aside   string // the folder with the files that were damaged
}

// repairAgain is what the mark says that a repair leaves which could not read everything.
const repairAgain = "again"

// asideStart begins the name of the folder to which the files of a damaged index go. A day follows.
const asideStart = dirBlocks + ".damaged-"

// rebuild makes the index anew. Every entry of the value log carries its sealed key and its version, so that nothing is lost but what is damaged
// itself. What was deleted comes back, and goes again as it must: of two keys of one block the newer counts, and what is too much is evicted.
//
// The new index is logs of memtables that are complete before Badger sees them. A crash on the way leaves the mark, and it is done again.
func (s *Store) rebuild(symptom string) error {
	if err := badgerfiles.Tidy(s.dir); err != nil { // Badger may have been here since
		return fmt.Errorf("badgerstore: repairing: %w", err)
	}
	values, err := badgerfiles.Logs(s.dir, ".vlog")
	if err != nil {
		return fmt.Errorf("badgerstore: repairing: %w", err)
	}
	if err := s.ours(values); err != nil {
		return err
	}
	s.cfg.Log.Warn("store: the index is damaged, and is made anew from the blocks", "symptom", symptom)
	mark := filepath.Join(s.cfg.Dir, fileRepair)
	before, _ := readSmall(mark, len(repairAgain))
	if err := writeFile(s.cfg.Dir, fileRepair, before); err != nil {
		return fmt.Errorf("badgerstore: repairing: %w", err)
	}
	aside, err := s.setAside()
	if err != nil {
		return fmt.Errorf("badgerstore: repairing: %w", err)
	}
	r := &Repair{Symptom: symptom, Aside: filepath.Base(aside)}
	err = s.reindex(values, r)
	if errors.Is(err, syscall.ENOSPC) { // there is no room for both
		r = &Repair{Symptom: symptom}
		err = errors.Join(os.RemoveAll(aside), s.reindex(values, r))
	}
	if err != nil {
		return fmt.Errorf("badgerstore: repairing: %w", err)
	}
	if r.Unread > 0 && string(before) != repairAgain { // the next start tries it once more
		err = writeFile(s.cfg.Dir, fileRepair, []byte(repairAgain))
	} else {
		err = errors.Join(os.Remove(mark), syncDir(s.cfg.Dir))
	}
	if err != nil {
		return fmt.Errorf("badgerstore: repairing: %w", err)
	}
	s.repaired.Store(r)
	s.cfg.Log.Warn("store: the index was made anew", "entries", r.Entries, "damaged", r.Damaged, "unread files", r.Unread)
	return nil
}

// ours reports an error if there are entries of a store, and none of them is of this one.
func (s *Store) ours(values []badgerfiles.Log) error {
	foreign, enough := false, errors.New("enough")
	for _, l := range values {
		err := s.eachEntry(l, func(e badgerfiles.LogEntry, _ pointer) error {
			if len(e.Key) == keySize {
				if _, err := s.seal.entry(e.Key); err == nil {
					return enough
				}
				foreign = true
			}
			return nil
		})
		if errors.Is(err, enough) {
			return nil
		}
		if err != nil && !errors.Is(err, errPartly) {
			return fmt.Errorf("badgerstore: repairing: %w", err)
		}
	}
	if foreign {
		return errForeign
	}
	return nil
}

// setAside moves the index out of the way, where it is kept until the next time. What a repair that was not finished left of the new one is removed.
func (s *Store) setAside() (aside string, err error) {
	aside = filepath.Join(s.cfg.Dir, asideStart+time.Now().UTC().Format(time.DateOnly))
	old, err := filepath.Glob(filepath.Join(s.cfg.Dir, asideStart+"*"))
	if err != nil {
		return "", err
	}
	for _, dir := range old {
		if dir != aside {
			err = errors.Join(err, os.RemoveAll(dir))
		}
	}
	entries, readErr := os.ReadDir(s.dir)
	if err = errors.Join(err, readErr, os.MkdirAll(aside, 0o700)); err != nil {
		return "", err
	}
	for _, e := range entries {
		from, to := filepath.Join(s.dir, e.Name()), filepath.Join(aside, e.Name())
		if strings.HasSuffix(e.Name(), ".vlog") {
			continue
		}
		if _, statErr := os.Lstat(to); statErr == nil {
			err = errors.Join(err, os.RemoveAll(from))
		} else {
			err = errors.Join(err, os.Rename(from, to))
		}
	}
	return aside, errors.Join(err, syncDir(aside), syncDir(s.dir))
}

// reindex writes the new index: logs of memtables, and an empty list of tables.
func (s *Store) reindex(values []badgerfiles.Log, r *Repair) error {
	old, err := badgerfiles.Logs(s.dir, ".mem")
	for _, l := range old {
		err = errors.Join(err, os.Remove(l.Path))
	}
	w := newMemtables(s.dir, s.geo, 1)
	last := -1
	for i, l := range values {
		if l.Size < badgerfiles.LogHeader {
			continue
		}
		last = i
		entryErr := s.eachEntry(l, func(e badgerfiles.LogEntry, p pointer) error {
			if !s.authentic(e) {
				r.Damaged++
				return nil
			}
			r.Entries++
			return w.add(e, p)
		})
		if errors.Is(entryErr, errPartly) {
			r.Unread++
		} else {
			err = errors.Join(err, entryErr)
		}
	}
	if err = errors.Join(err, w.flush()); err != nil {
		return err
	}
	if last >= 0 {
		if err := s.succeed(values, last); err != nil {
			return err
		}
	}
	return writeFile(s.dir, badger.ManifestFilename, badgerfiles.EmptyList())
}

// abandon gives up what nothing can be made of: all files of Badger go aside, and an empty store takes their place.
func (s *Store) abandon() error {
	aside, err := s.setAside()
	if err == nil {
		err = os.RemoveAll(aside)
	}
	if err == nil {
		err = os.Rename(s.dir, aside)
	}
	if err == nil {
		err = syncDir(s.cfg.Dir)
	}
	if err != nil {
		return fmt.Errorf("badgerstore: setting the damaged store aside: %w", err)
	}
	os.Remove(filepath.Join(s.cfg.Dir, fileRepair))
	s.repaired.Store(&Repair{Symptom: symptomOpening, Aside: filepath.Base(aside)})
	s.cfg.Log.Error("store: it was damaged beyond repair and was set aside; this one begins empty", "folder", filepath.Base(aside))
	return nil
}

// memtables writes entries of the index as logs of memtables, each as much as a memtable holds.
type memtables struct {
	dir    string
	number int // of the next log
	most   int // entries in one
	n      int
	buf    []byte
}

// memEntry is more bytes than an entry takes of a memtable: 60 of the key, its version, a pointer, and the node of a list.
const memEntry = 256

func newMemtables(dir string, g geometry, number int) *memtables {
	return &memtables{dir: dir, number: number, most: int(g.table / memEntry)}
}

// add enters that the entry of the value log has its value at p.
func (m *memtables) add(e badgerfiles.LogEntry, p pointer) error {
	if m.n == 0 {
		m.buf = append(m.buf[:0], logHead()...)
	}
	value := make([]byte, 12)
	binary.NativeEndian.PutUint32(value, p.file)
	binary.NativeEndian.PutUint32(value[4:], p.length)
	binary.NativeEndian.PutUint32(value[8:], p.offset)
	m.buf = badgerfiles.AppendEntry(m.buf, badgerfiles.LogEntry{Meta: badgerfiles.MetaPointer, Key: e.Key, Version: e.Version, Value: value})
	if m.n++; m.n < m.most {
		return nil
	}
	return m.flush()
}

// flush returns when what was added is durable.
func (m *memtables) flush() error {
	if m.n == 0 {
		return nil
	}
	name := pad(m.number, 5) + ".mem"
	m.number, m.n = m.number+1, 0
	return writeFile(m.dir, name, m.buf)
}

// RequestRepair has the next Open of the store in a directory make the index anew and drop what is damaged, whether it seems necessary or not.
func RequestRepair(p *Place) error {
	found, err := p.look()
	if err != nil {
		return err
	}
	if !found.blocks {
		return store.ErrNotFound
	}
	return writeFile(p.dir, fileRepair, nil)
}
