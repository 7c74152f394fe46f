package vault

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"

	crand "crypto/rand"

	"github.com/dgraph-io/badger/v4"
)

// MaxValue bounds a value, in bytes.
const MaxValue = 16 << 20

var (
	// ErrNotFound reports an id that the space does not have.
	ErrNotFound = errors.New("vault: no such record")
	// ErrDamaged reports a directory whose files are not what they should be, or that belongs to another key; of Get, a record that cannot.
	ErrDamaged = errors.New("vault: damaged")
	// ErrVersion reports a directory that a program of another version has written. It is left alone.
	ErrVersion = errors.New("vault: of another version")
	// ErrFull reports a disk without room, or one that refuses to be written to.
	ErrFull = errors.New("vault: the disk has too little room")
	// ErrTooLarge reports a value of more than MaxValue bytes, or a space or id that is empty or too long.
	ErrTooLarge = errors.New("vault: too large")
	// ErrInUse reports a directory that another vault has open.
	ErrInUse = errors.New("vault: the directory is in use")
	// ErrClosed reports a vault that was closed.
	ErrClosed = errors.New("vault: closed")

	errWrite = errors.New("vault: the disk did not take what was written")
)

// DamagedError is how Each reports records that it could not read.
type DamagedError struct{ Records int }

func (e *DamagedError) Error() string { return fmt.Sprintf("vault: %d records are damaged", e.Records) }

// Is makes it ErrDamaged for errors.Is.
func (e *DamagedError) Is(target error) bool { return target == ErrDamaged }

// Vault keeps records on the disk.
type Vault struct {
	dir   string
	seal  *sealer
	guard *os.File // the lock of the directory
	space space

	mu     sync.Mutex
	db     *badger.DB // nil after a failed write from which Badger could not be started again
	mark   *mark
	marked uint64 // the mark as it is on the disk
	census census
	lost   bool
	broken bool // a write failed: Badger starts anew before the next operation
	closed bool
}

// Lost reports whether records that were accepted were missing or unreadable when the vault was opened, or since.
func (v *Vault) Lost() bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.lost
}

// Put stores a value under an id, in place of the one before. It returns when that is durable. The error is ErrTooLarge, ErrFull, ErrClosed,
// or that the disk did not take it; then the record is the old one or the new one.
func (v *Vault) Put(space string, id, value []byte) error {
	if err := checkName(space, id); err != nil {
		return err
	}
	if len(value) > MaxValue {
		return ErrTooLarge
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	if err := v.ready(); err != nil {
		return err
	}
	r := &record{space: space, id: id, size: len(value), value: value}
	if err := v.space.check(int64(2 * max(len(value), minClass))); err != nil {
		return err
	}
	key := v.seal.key(space, id)
	old, found := v.find(key)
	if r.inPieces() {
		crand.Read(r.gen[:])
		if err := v.putPieces(key, r, value); err != nil {
			return err
		}
	}
	next := census{v.census.seq + 1, v.census.records}
	if !found {
		next.records++
	}
	return v.commit(next, old, func(txn *badger.Txn) error {
		return txn.Set(key, v.seal.seal(r.append(nil), key))
	})
}

// Get returns a copy of the value; the error is ErrNotFound, ErrDamaged or ErrClosed.
func (v *Vault) Get(space string, id []byte) ([]byte, error) {
	if err := checkName(space, id); err != nil {
		return nil, err
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	if err := v.ready(); err != nil {
		return nil, err
	}
	_, value, err := v.read(v.seal.key(space, id))
	return value, err
}

// Delete removes a record, also a damaged one. It returns when that is durable. The error is ErrNotFound, ErrClosed, or as of Put. A full disk
// lets it happen as long as there is the reserve.
func (v *Vault) Delete(space string, id []byte) error {
	if err := checkName(space, id); err != nil {
		return err
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	if err := v.ready(); err != nil {
		return err
	}
	key := v.seal.key(space, id)
	old, found := v.find(key)
	if !found {
		return ErrNotFound
	}
	if err := v.space.check(0); err != nil && !v.space.spend() {
		return err
	}
	err := v.commit(census{v.census.seq + 1, v.census.records - 1}, old, func(txn *badger.Txn) error { return txn.Delete(key) })
	v.space.save()
	return err
}

// Each calls f with every record of a space, in no order, each with copies of its own, until f fails. Records that cannot be read are skipped and counted
// in a *DamagedError at the end. f may use the vault; records that are put or deleted meanwhile are given or not.
func (v *Vault) Each(space string, f func(id, value []byte) error) error {
	if err := checkName(space, []byte{0}); err != nil {
		return err
	}
	keys, err := v.keys(space)
	if err != nil {
		return err
	}
	damaged := 0
	for _, key := range keys {
		v.mu.Lock()
		err := v.ready()
		var r *record
		var value []byte
		if err == nil {
			r, value, err = v.read(key)
		}
		v.mu.Unlock()
		switch {
		case err == nil:
			err = f(r.id, value)
		case errors.Is(err, ErrNotFound): // deleted since
			err = nil
		case errors.Is(err, ErrDamaged):
			damaged++
			err = nil
		}
		if err != nil {
			return err
		}
	}
	if damaged > 0 {
		return &DamagedError{damaged}
	}
	return nil
}

// Close ends the vault. On a disk that has no room even for what closing writes the directory stays locked until the process ends; what was
// accepted survives that as it does a crash.
func (v *Vault) Close() error {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.closed {
		return ErrClosed
	}
	v.closed = true
	over := v.db == nil || v.broken || v.space.spend()
	var err error
	if over {
		err = errors.Join(v.stop(), v.mark.close(), unlock(v.guard))
	}
	v.seal.wipe()
	if err != nil {
		return fmt.Errorf("vault: closing: %w", err)
	}
	return nil
}

// stop ends Badger.
func (v *Vault) stop() (err error) {
	db := v.db
	v.db = nil
	if db == nil {
		return nil
	}
	// What Badger complains of after a failed write is what was reported then.
	defer func() {
		if recover() != nil || v.broken {
			err = nil
		}
	}()
	return db.Close()
}

// ready starts Badger anew after a failed write. v.mu is held, as by all that follow.
func (v *Vault) ready() error {
	switch {
	case v.closed:
		return ErrClosed
	case !v.broken:
		return nil
	}
	if err := v.space.check(0); err != nil {
		return err
	}
	if err := v.stop(); err != nil {
		return err
	}
	if err := v.start(); err != nil {
		return err
	}
	v.broken = false
	return nil
}

// find reads what is to be replaced or deleted. A record that is damaged is found.
func (v *Vault) find(key []byte) (old *record, found bool) {
	sealed, err := v.entry(key)
	if errors.Is(err, ErrNotFound) {
		return nil, false
	}
	if old, err = v.seal.openRecord(key, sealed); err != nil {
		return nil, true
	}
	return old, true
}

// commit has write change the record, deletes the pieces of the one before, and returns when it is durable.
func (v *Vault) commit(next census, old *record, write func(*badger.Txn) error) error {
	txn := v.db.NewTransaction(true)
	defer txn.Discard()
	err := write(txn)
	if old != nil {
		for i := range old.pieces() {
			err = errors.Join(err, txn.Delete(pieceKey(old.gen, i)))
		}
	}
	ck := []byte{kindCensus}
	err = errors.Join(err, txn.Set(ck, v.seal.seal(next.append(nil), ck)))
	if err == nil {
		err = txn.Commit()
	}
	if err != nil {
		v.broken = true
		return errWrite // Badger's errors name paths
	}
	v.census = next
	if err := v.durable(); err != nil {
		return err
	}
	v.tidy(flattenAt)
	return nil
}

// durable returns when what was committed survives a power failure, and the mark says so.
func (v *Vault) durable() error {
	err := v.db.Sync()
	if err = errors.Join(err, syncLogs(filepath.Join(v.dir, dirDB))); err == nil && v.census.seq > v.marked {
		err = v.mark.set(v.census.seq)
	}
	if err != nil {
		v.broken = true
		return errWrite
	}
	v.marked = v.census.seq
	return nil
}

// tidy merges tables when there are many, where there is room for it.
func (v *Vault) tidy(many int) {
	if v.db.Levels()[0].NumTables < many || v.space.check(int64(flattenAt*memTable)) != nil {
		return
	}
	if v.db.Flatten(1) != nil {
		v.broken = true
	}
}

func checkName(space string, id []byte) error {
	if space == "" || len(space) > maxSpace || len(id) == 0 || len(id) > maxID {
		return fmt.Errorf("%w: a space has 1 to %d bytes, an id 1 to %d", ErrTooLarge, maxSpace, maxID)
	}
	return nil
}
