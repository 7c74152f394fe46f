package badgerstore

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"

	"nightjar/crypto"
	"nightjar/store"
)

// The version file, SPEC §2.
const (
	versionStart  = "nightjar badgerstore "
	version       = versionStart + "2\n"
	format        = 2
	firstFormat   = 1
	maxVersionLen = 64
)

// ErrLater reports a store that a later version of Nightjar has made.
var ErrLater = errors.New("badgerstore: the store was made by a later version of Nightjar")

// Place is the directory of a store, held for this process alone, and the key that opens it, once it is unlocked. A store opens in it
// (Config.Place) and the keys of what else the node keeps come from it (Derive).
//
//	         Unlock                  Open
//	locked ─────────► unlocked ◄────────────► in use by a store
//	   ▲                  │       Close
//	   └──────────────────┘ Lock
//
// A Place is safe for concurrent use.
type Place struct {
	dir    string
	guard  *os.File
	effort crypto.Effort // of new passphrases
	over   atomic.Bool   // it was released: tries that wait for mu are in vain

	mu     sync.Mutex
	key    *crypto.Key // nil = locked
	format int         // of what is on the disk, once unlocked
	stuck  bool        // a store could not be closed: nobody may open another one before this process ends
}

// Take takes the directory, which is made if it is missing, or returns ErrInUse.
func Take(dir string) (*Place, error) {
	if dir == "" {
		return nil, errors.New("badgerstore: no directory is given")
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	guard, err := lock(dir)
	if err != nil {
		return nil, err
	}
	return &Place{dir: dir, guard: guard, effort: crypto.StandardEffort()}, nil
}

// Sealed reports whether it takes a passphrase to unlock the place. Errors: those of Unlock but for the passphrase's. Nothing is made or changed
// but a key file that is damaged and has a sound copy.
func (p *Place) Sealed() (bool, error) {
	found, err := p.look()
	if err != nil || found.fresh() {
		return false, err
	}
	k, err := loadKeyFile(p.dir)
	if err != nil {
		return false, err
	}
	defer clear(k)
	return k.wrapped(), nil
}

// Unlock reads the key, or makes a store where there is none; with a passphrase (not nil) it is wrapped from the beginning. Errors: ErrLocked without a
// passphrase where one is needed, ErrPassphrase for a wrong one, ErrNoPassphrase where there is none, ErrWiped, ErrLater,
// store.ErrCorrupt if the key file and its copy are damaged, store.ErrClosed after Release; else what the system said.
func (p *Place) Unlock(passphrase []byte) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case p.over.Load():
		return store.ErrClosed
	case p.stuck:
		return fmt.Errorf("%w: it could not be closed; end this process first", ErrInUse)
	}
	found, err := p.look()
	if err != nil {
		return err
	}
	if found.fresh() {
		return p.make(passphrase)
	}
	k, err := loadKeyFile(p.dir)
	if err != nil {
		return err
	}
	defer clear(k)
	key, err := k.open(passphrase)
	if err != nil {
		return err
	}
	p.wipe()
	p.key, p.format = &key, found.format
	return dropHalfWritten(p.dir)
}

// make draws the key of a new store. VERSION is written last, so that without it there is nothing yet that the key would be needed for.
func (p *Place) make(passphrase []byte) error {
	key := new(crypto.Key)
	rand.Read(key[:])
	k := bareFile(key)
	if passphrase != nil {
		var err error
		if k, err = wrappedFile(key, passphrase, p.effort); err != nil {
			return err
		}
	}
	defer clear(k)
	if err := saveKeyFile(p.dir, k); err != nil {
		return err
	}
	if err := writeFile(p.dir, fileVersion, []byte(version)); err != nil {
		return err
	}
	p.wipe()
	p.key, p.format = key, format
	return nil
}

// upgraded says that what is on the disk is of the present format.
func (p *Place) upgraded() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.format == format {
		return nil
	}
	if err := writeFile(p.dir, fileVersion, []byte(version)); err != nil {
		return err
	}
	p.format = format
	return nil
}

// SetPassphrase wraps the key, of a place that is unlocked, under another passphrase, or under none if it is nil. The store is not rewritten and may be
// in use. What the disk held before is overwritten, as far as the disk lets it be.
func (p *Place) SetPassphrase(passphrase []byte) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.setPassphrase(passphrase)
}

// ChangePassphrase is SetPassphrase for whoever knows the old passphrase, nil for none. Changes take turns, as each costs the memory of a passphrase, and of
// two that name the same old one the second is refused. Errors: ErrLocked, ErrPassphrase, ErrNoPassphrase as of Unlock.
func (p *Place) ChangePassphrase(old, passphrase []byte) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.key == nil {
		return ErrLocked
	}
	k, err := loadKeyFile(p.dir)
	if err != nil {
		return err
	}
	defer clear(k)
	key, err := k.open(old)
	key.Wipe()
	if err != nil {
		return err
	}
	return p.setPassphrase(passphrase)
}

// setPassphrase is SetPassphrase; mu is held.
func (p *Place) setPassphrase(passphrase []byte) error {
	if p.key == nil {
		return ErrLocked
	}
	if _, err := loadKeyFile(p.dir); err != nil { // never bring back what was wiped
		return err
	}
	k := bareFile(p.key)
	if passphrase != nil {
		var err error
		if k, err = wrappedFile(p.key, passphrase, p.effort); err != nil {
			return err
		}
	}
	defer clear(k)
	return saveKeyFile(p.dir, k)
}

// enter is for a store that opens.
func (p *Place) enter() (*sealer, *os.File, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case p.stuck:
		return nil, nil, ErrInUse
	case p.key == nil:
		return nil, nil, ErrLocked
	}
	seal, err := newSealer((*[32]byte)(p.key))
	return seal, p.guard, err
}

// leave is for a store that was closed, or, if it is not over, could not be. The place goes with it if it is its own.
func (p *Place) leave(over, own bool) error {
	p.mu.Lock()
	p.stuck = p.stuck || !over
	p.mu.Unlock()
	if !own {
		return nil
	}
	return p.Release()
}

// Lock forgets the key. The caller has closed the store and what uses derived keys.
func (p *Place) Lock() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.wipe()
}

func (p *Place) wipe() {
	if p.key != nil {
		p.key.Wipe()
		p.key = nil
	}
}

// Release forgets the key and gives the directory back, unless a store in it could not be closed: then it stays taken until the process ends.
func (p *Place) Release() error {
	p.over.Store(true)
	p.mu.Lock()
	defer p.mu.Unlock()
	p.wipe()
	if p.stuck || p.guard == nil {
		return nil
	}
	guard := p.guard
	p.guard = nil
	return unlock(guard)
}

// found is what there is in a directory.
type found struct {
	format int  // of the version file; 0 = there is none
	blocks bool // there is something that the key would be needed for
	key    bool
}

// fresh reports whether a store is still to be made there. A key alone may be half written; one that is not was followed by nothing.
func (f found) fresh() bool { return f.format == 0 && !f.blocks && !f.key }

// look finds out what is there. A version file that is damaged or lost costs nothing where there is a key: the upgrade from the first format does no harm
// to what needs none.
func (p *Place) look() (f found, err error) {
	if _, err := os.Stat(filepath.Join(p.dir, dirBlocks)); err == nil {
		f.blocks = true
	}
	for _, name := range []string{fileKey, fileKeyCopy} {
		if k, err := readKeyFile(p.dir, name); err == nil {
			f.key = true
			clear(k)
		}
	}
	v, err := readSmall(filepath.Join(p.dir, fileVersion), maxVersionLen)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		if f.blocks || f.key {
			f.format = firstFormat
		}
		return f, nil
	case err != nil:
		return f, fmt.Errorf("badgerstore: reading the version: %w", err)
	}
	f.format = firstFormat
	if n, ok := parseVersion(string(v)); ok {
		f.format = n
	}
	if f.format > format {
		return f, ErrLater
	}
	return f, nil
}

func parseVersion(text string) (int, bool) {
	number, ok := strings.CutPrefix(text, versionStart)
	number, line := strings.CutSuffix(number, "\n")
	n, err := strconv.Atoi(number)
	return n, ok && line && err == nil && n >= firstFormat && strconv.Itoa(n) == number
}

// NeedsPassphrase reports whether the store in dir is locked with a passphrase, whoever has it open. What cannot be read needs none.
func NeedsPassphrase(dir string) bool {
	for _, name := range []string{fileKey, fileKeyCopy} {
		if k, err := readKeyFile(dir, name); err == nil {
			return k.wrapped()
		}
	}
	return false
}
