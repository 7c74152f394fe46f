package vault

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/dgraph-io/badger/v4"

	"nightjar/store/badgerfiles"
)

// The names in a vault's directory, SPEC §1.
const (
	fileLock    = "LOCK"
	fileVersion = "VERSION"
	fileMark    = "mark"
	fileReserve = "reserve"
	dirDB       = "db"
)

const version = "nightjar vault 1\n"

// Open opens the vault in dir, or makes one there. Errors: ErrDamaged if the files are not what they should be, or belong to another key: then
// nothing was changed, and the caller may set the directory aside; ErrVersion; ErrInUse; ErrFull if the disk has no room even to open; else what
// the system said, which says nothing of the files: they must stay where they are.
func Open(dir string, key [32]byte) (*Vault, error) {
	defer clear(key[:])
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	guard, err := lock(filepath.Join(dir, fileLock))
	if err != nil {
		return nil, err
	}
	v := &Vault{dir: dir, seal: newSealer(&key), guard: guard}
	v.space = space{dir: dir, probe: guard, free: freeBytes}
	if err := v.open(); err != nil {
		if v.mark != nil {
			err = errors.Join(err, v.mark.close())
		}
		v.seal.wipe()
		return nil, errors.Join(err, unlock(guard))
	}
	return v, nil
}

func (v *Vault) open() error {
	made, err := checkVersion(v.dir)
	if err != nil {
		return err
	}
	if !v.space.spend() {
		return fmt.Errorf("%w: to open the vault", ErrFull)
	}
	if v.mark, v.marked, err = openMark(v.dir, &v.seal.mark); err != nil {
		return err
	}
	if err := v.start(); err != nil {
		return err
	}
	if made {
		// Without VERSION there is no record yet: whatever came before it ended before its first Put.
		err := errors.Join(v.durable(), writeVersion(v.dir))
		if err != nil {
			return errors.Join(err, v.stop())
		}
	}
	v.tidy(2) // so that what was replaced or deleted leaves the files soon
	v.space.save()
	return nil
}

// checkVersion reports whether the directory is new.
func checkVersion(dir string) (made bool, err error) {
	f, err := os.Open(filepath.Join(dir, fileVersion))
	if errors.Is(err, fs.ErrNotExist) {
		if _, err := os.Stat(filepath.Join(dir, fileMark)); err == nil {
			st, err := os.Stat(filepath.Join(dir, fileMark))
			if err == nil && st.Size() > 0 { // only records bring it there
				return false, fmt.Errorf("%w: there is no %s file", ErrDamaged, fileVersion)
			}
		}
		return true, nil
	}
	if err != nil {
		return false, err
	}
	b, err := io.ReadAll(io.LimitReader(f, 256))
	if err = errors.Join(err, f.Close()); err != nil {
		return false, err
	}
	switch text := string(b); {
	case text == version:
		return false, nil
	case strings.HasPrefix(text, "nightjar vault ") && strings.HasSuffix(text, "\n") && len(text) < 64:
		return false, fmt.Errorf("%w: the file %s says %q", ErrVersion, fileVersion, strings.TrimSpace(text))
	}
	return false, fmt.Errorf("%w: its %s file", ErrDamaged, fileVersion)
}

func writeVersion(dir string) error {
	path := filepath.Join(dir, fileVersion)
	f, err := os.OpenFile(path+".new", os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = f.WriteString(version)
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	return errors.Join(os.Rename(path+".new", path), syncPath(dir))
}

// verdict says what it means that Badger could not open: that the files are damaged, unless the system is to blame, with which sound ones
// could not be opened either. Badger keeps the texts of the system's errors and not the errors.
func verdict(err error) error {
	if passes := badgerfiles.Passing(err); passes != nil {
		return fmt.Errorf("vault: opening: %w (%v)", passes, err)
	}
	return fmt.Errorf("%w: %v", ErrDamaged, err)
}

// start opens Badger, looks at every record once, and compares them with the census and the mark.
func (v *Vault) start() (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = verdict(fmt.Errorf("opening: %v", r))
		}
	}()
	dir := filepath.Join(v.dir, dirDB)
	if err := checkTables(dir); err != nil {
		return err
	}
	db, err := badger.Open(badgerOptions(dir))
	if err != nil {
		// Where our own lock locks nothing, Badger's does. Its error has no kind, only a text.
		if strings.Contains(err.Error(), "Another process is using this Badger database") {
			return ErrInUse
		}
		return verdict(err)
	}
	if err := v.survey(db); err != nil {
		return errors.Join(err, db.Close())
	}
	v.db = db
	return nil
}

// survey counts the records, and deletes pieces that belong to none.
func (v *Vault) survey(db *badger.DB) error {
	var s survey
	err := db.View(func(txn *badger.Txn) error {
		o := badger.DefaultIteratorOptions
		o.PrefetchValues = false
		it := txn.NewIterator(o)
		defer it.Close()
		for it.Rewind(); it.Valid(); it.Next() {
			s.see(v.seal, it.Item())
		}
		return nil
	})
	if err != nil {
		return verdict(err)
	}
	if s.records > 0 && s.bad == s.records {
		return fmt.Errorf("%w: no record opens; it belongs to another key, or all of it is damaged", ErrDamaged)
	}
	if s.bad == 0 { // else nobody knows whose they are
		if err := deleteKeys(db, s.orphans()); err != nil {
			return err
		}
	}
	v.lost = v.lost || s.census.seq < v.marked || s.census.records != s.records || s.bad > 0
	v.census = census{max(s.census.seq, v.marked), s.records}
	return nil
}

// survey is what is in the tables.
type survey struct {
	records, bad uint64
	census       census
	named        map[string]bool // pieces that records name
	pieces       [][]byte
}

func (s *survey) see(seal *sealer, item *badger.Item) {
	key := item.KeyCopy(nil)
	if key[0] == kindPiece {
		s.pieces = append(s.pieces, key)
		return
	}
	sealed, err := item.ValueCopy(nil)
	if key[0] == kindCensus {
		if plain, openErr := seal.open(sealed, key); err == nil && openErr == nil {
			s.census, _ = parseCensus(plain)
		}
		return
	}
	s.records++
	var r *record
	if err == nil {
		r, err = seal.openRecord(key, sealed)
	}
	if err != nil {
		s.bad++
		return
	}
	for i := range r.pieces() {
		if s.named == nil {
			s.named = map[string]bool{}
		}
		s.named[string(pieceKey(r.gen, i))] = true
	}
}

func (s *survey) orphans() (keys [][]byte) {
	for _, k := range s.pieces {
		if !s.named[string(k)] {
			keys = append(keys, k)
		}
	}
	return keys
}

func deleteKeys(db *badger.DB, keys [][]byte) error {
	if len(keys) == 0 {
		return nil
	}
	w := db.NewWriteBatch()
	defer w.Cancel()
	for _, k := range keys {
		if err := w.Delete(k); err != nil {
			return err
		}
	}
	return w.Flush()
}
