package badgerstore

import (
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"nightjar/store"
)

// The names in a store's directory, SPEC §1.
const (
	fileLock    = "LOCK"
	fileVersion = "VERSION"
	fileKey     = "store.key"
	fileReserve = "reserve"
	dirBlocks   = "blocks"
)

// version is what the VERSION file says.
const version = "nightjar badgerstore 1\n"

// The layout of the key file, SPEC §3.
const (
	keyMagic    = "NJSTOKEY"
	keyBare     = 0 // the key is not wrapped
	offWrap     = len(keyMagic)
	offKey      = offWrap + 1
	offCheck    = offKey + 32
	keyFileSize = offCheck + 8
)

// loadKey returns the key of the store in dir; a directory that holds no store yet becomes one. The caller has the lock.
func loadKey(dir string) (key [32]byte, err error) {
	v, err := readSmall(filepath.Join(dir, fileVersion), len(version))
	switch {
	case err == nil && string(v) == version:
		return readKey(filepath.Join(dir, fileKey))
	case err == nil:
		return key, fmt.Errorf("badgerstore: %s is not a store of this version of Nightjar", dir)
	case !errors.Is(err, fs.ErrNotExist):
		return key, err
	}
	// VERSION is written last, so that without it there is no block yet that the key would be needed for.
	if _, err := os.Stat(filepath.Join(dir, dirBlocks)); err == nil {
		return key, fmt.Errorf("badgerstore: %s holds blocks but no %s file", dir, fileVersion)
	}
	rand.Read(key[:])
	if err := writeFile(dir, fileKey, encodeKeyFile(keyBare, key)); err != nil {
		return key, err
	}
	return key, writeFile(dir, fileVersion, []byte(version))
}

func encodeKeyFile(wrap byte, key [32]byte) []byte {
	b := append([]byte(keyMagic), wrap)
	b = append(b, key[:]...)
	check := sha256.Sum256(b)
	return append(b, check[:8]...)
}

func readKey(path string) (key [32]byte, err error) {
	b, err := readSmall(path, keyFileSize)
	if err != nil {
		return key, fmt.Errorf("badgerstore: reading the store key: %w", err)
	}
	defer clear(b)
	if len(b) != keyFileSize || !bytes.HasPrefix(b, []byte(keyMagic)) {
		return key, fmt.Errorf("badgerstore: the key file: %w", store.ErrCorrupt)
	}
	if check := sha256.Sum256(b[:offCheck]); subtle.ConstantTimeCompare(check[:8], b[offCheck:]) != 1 {
		return key, fmt.Errorf("badgerstore: the key file: %w", store.ErrCorrupt)
	}
	if b[offWrap] != keyBare {
		return key, errors.New("badgerstore: the store key is wrapped in a way that this version of Nightjar does not know")
	}
	return [32]byte(b[offKey:]), nil
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
