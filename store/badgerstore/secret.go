package badgerstore

import (
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"nightjar/crypto"
	"nightjar/store"
)

// The names in a store's directory, SPEC §1.
const (
	fileLock    = "LOCK"
	fileVersion = "VERSION"
	fileKey     = "store.key"
	fileKeyCopy = "store.key.2"
	fileReserve = "reserve"
	dirBlocks   = "blocks"
)

// The layout of the key file, SPEC §3.
const (
	keyMagic   = "NJSTOKEY"
	keyBare    = 0 // the key is not wrapped
	keyWrapped = 1 // it is, under a passphrase
	checkSize  = 8
	offWrap    = len(keyMagic)
	offKey     = offWrap + 1 // of a bare key

	offSalt   = offWrap + 1
	offEffort = offSalt + crypto.SaltSize
	offNonce  = offEffort + 6
	offBox    = offNonce + crypto.NonceSize

	bareSize    = offKey + crypto.KeySize + checkSize
	wrappedSize = offBox + crypto.KeySize + crypto.Overhead + checkSize
)

var (
	// ErrLocked reports a store whose key is wrapped with a passphrase, and that none was given.
	ErrLocked = errors.New("badgerstore: the store is locked with a passphrase")
	// ErrPassphrase reports a wrong passphrase.
	ErrPassphrase = errors.New("badgerstore: the passphrase is wrong")
	// ErrNoPassphrase reports a passphrase for a store that has none.
	ErrNoPassphrase = errors.New("badgerstore: the store has no passphrase")
	// ErrWiped reports a store whose key is gone: nobody can open it again.
	ErrWiped = errors.New("badgerstore: the key of the store is gone")
)

// keyFile is what a key file says, its check aside.
type keyFile []byte

func (k keyFile) wrapped() bool { return k[offWrap] == keyWrapped }

// bareFile is the content of a file for a key without passphrase.
func bareFile(key *crypto.Key) keyFile {
	return append(append(keyFile(keyMagic), keyBare), key[:]...)
}

// wrappedFile is the content of a file for a key under a passphrase. Salt and nonce are new each time.
func wrappedFile(key *crypto.Key, passphrase []byte, e crypto.Effort) (keyFile, error) {
	var salt [crypto.SaltSize]byte
	var nonce [crypto.NonceSize]byte
	rand.Read(salt[:])
	rand.Read(nonce[:])
	outer, err := crypto.PassphraseKey(passphrase, &salt, e)
	if err != nil {
		return nil, err
	}
	defer outer.Wipe()
	k := append(append(keyFile(keyMagic), keyWrapped), salt[:]...)
	k = binary.BigEndian.AppendUint32(k, e.Memory)
	k = append(k, e.Passes, e.Lanes)
	head := bytes.Clone(k)
	k = append(k, nonce[:]...)
	return crypto.Seal(k, &outer, &nonce, key[:], head), nil
}

// open gives the key: of a bare file without a passphrase, of a wrapped one with the right one. That takes as long as its effort says.
func (k keyFile) open(passphrase []byte) (key crypto.Key, err error) {
	switch {
	case !k.wrapped() && passphrase != nil:
		return key, ErrNoPassphrase
	case !k.wrapped():
		return crypto.Key(k[offKey:]), nil
	case passphrase == nil:
		return key, ErrLocked
	}
	e := crypto.Effort{Memory: binary.BigEndian.Uint32(k[offEffort:]), Passes: k[offEffort+4], Lanes: k[offEffort+5]}
	salt, nonce := [crypto.SaltSize]byte(k[offSalt:]), [crypto.NonceSize]byte(k[offNonce:])
	outer, err := crypto.PassphraseKey(passphrase, &salt, e)
	if err != nil {
		return key, fmt.Errorf("badgerstore: the key file: %w: %w", store.ErrCorrupt, err)
	}
	defer outer.Wipe()
	plain, err := crypto.Open(nil, &outer, &nonce, k[offBox:], k[:offNonce])
	if err != nil || len(plain) != crypto.KeySize {
		return key, ErrPassphrase
	}
	defer clear(plain)
	return crypto.Key(plain), nil
}

// checked is the file with the check that tells damage from a wrong passphrase.
func (k keyFile) checked() []byte {
	sum := sha256.Sum256(k)
	return append(bytes.Clone(k), sum[:checkSize]...)
}

// parseKeyFile reads the bytes of a file; the error wraps store.ErrCorrupt unless the file is sound and of a later kind.
func parseKeyFile(b []byte) (keyFile, error) {
	damaged := fmt.Errorf("badgerstore: the key file: %w", store.ErrCorrupt)
	if len(b) < offKey+checkSize || !bytes.HasPrefix(b, []byte(keyMagic)) {
		return nil, damaged
	}
	k, check := keyFile(b[:len(b)-checkSize]), b[len(b)-checkSize:]
	if sum := sha256.Sum256(k); subtle.ConstantTimeCompare(sum[:checkSize], check) != 1 {
		return nil, damaged
	}
	want, ok := map[byte]int{keyBare: bareSize, keyWrapped: wrappedSize}[k[offWrap]]
	switch {
	case !ok:
		return nil, errors.New("badgerstore: the store key is wrapped in a way that this version of Nightjar does not know")
	case len(b) != want:
		return nil, damaged
	}
	return k, nil
}

func readKeyFile(dir, name string) (keyFile, error) {
	b, err := readSmall(filepath.Join(dir, name), wrappedSize)
	if err != nil {
		return nil, fmt.Errorf("badgerstore: reading the store key: %w", err)
	}
	return parseKeyFile(b)
}

// loadKeyFile reads the key file, or its copy if the file is damaged or missing, and makes the two one again. The first of them is the one that counts: a
// copy that differs is from before the last change.
func loadKeyFile(dir string) (keyFile, error) {
	k, err := readKeyFile(dir, fileKey)
	second, copyErr := readKeyFile(dir, fileKeyCopy)
	missing := errors.Is(err, fs.ErrNotExist)
	switch {
	case missing && errors.Is(copyErr, fs.ErrNotExist):
		return nil, ErrWiped
	case err == nil && copyErr == nil && bytes.Equal(k, second):
		return k, nil
	case err == nil:
		return k, replaceFile(dir, fileKeyCopy, k.checked())
	case copyErr == nil && (missing || errors.Is(err, store.ErrCorrupt)):
		return second, replaceFile(dir, fileKey, second.checked())
	}
	return nil, err
}

// saveKeyFile makes k what both files say. The old ones are overwritten once the new ones are durable.
func saveKeyFile(dir string, k keyFile) error {
	b := k.checked()
	return errors.Join(replaceFile(dir, fileKey, b), replaceFile(dir, fileKeyCopy, b))
}

// dropHalfWritten overwrites and removes what a kill in a change of passphrase has left: it may hold the key without one.
func dropHalfWritten(dir string) error {
	var errs []error
	for _, name := range []string{fileKey, fileKeyCopy} {
		f, err := os.OpenFile(filepath.Join(dir, name+".new"), os.O_WRONLY, 0)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return fmt.Errorf("badgerstore: removing what is left of another key file: %w", err)
		}
		errs = append(errs, scrub(f), f.Close(), os.Remove(f.Name()))
	}
	return errors.Join(errs...)
}

// readSmall reads a file of which at most one byte more than max matters.
func readSmall(path string, max int) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	b := make([]byte, max+1)
	n := 0
	for n < len(b) {
		m, err := f.Read(b[n:])
		if n += m; m == 0 || err != nil {
			break
		}
	}
	return b[:n], nil
}

// replaceFile is writeFile, and overwrites what had the name before, so that a key that is no longer meant to be there is not
// left in the file system's free blocks.
func replaceFile(dir, name string, content []byte) error {
	old, err := os.OpenFile(filepath.Join(dir, name), os.O_WRONLY, 0)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := writeFile(dir, name, content); err != nil {
		if old != nil {
			old.Close()
		}
		return err
	}
	if old == nil {
		return nil
	}
	return errors.Join(scrub(old), old.Close())
}

// scrub overwrites a file with random bytes, down to the disk.
func scrub(f *os.File) error { return errors.Join(overwrite(f), f.Sync()) }

func overwrite(f *os.File) error {
	st, err := f.Stat()
	if err != nil {
		return err
	}
	b := make([]byte, max(int(min(st.Size(), 1<<20)), wrappedSize))
	rand.Read(b)
	_, err = f.WriteAt(b, 0)
	return err
}

// writeFile makes a file appear with its whole content or not at all, and returns when that is durable.
func writeFile(dir, name string, content []byte) error {
	path := filepath.Join(dir, name)
	f, err := os.OpenFile(path+".new", os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(content)
	err = errors.Join(err, f.Sync(), f.Close())
	if err == nil {
		err = os.Rename(path+".new", path)
	}
	if err != nil {
		return errors.Join(err, os.Remove(path+".new"))
	}
	return syncDir(dir)
}

// syncPath makes the content of a file or directory durable. One that is gone needs nothing.
func syncPath(path string) error {
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}

func syncDir(dir string) error { return syncPath(dir) }
