package datadir

import (
	"bytes"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"math/bits"
	"os"
	"path/filepath"

	"nightjar/crypto"
)

// A sealed file is
//
//	"NJSEAL1\n" | nonce (24, random) | XChaCha20-Poly1305(key, nonce, length (4, big-endian) | content | zeros, AD = sealedLabel | name)
//
// with zeros up to a size class: the key is derived from the store's, and dies with it.
const (
	sealedMagic = "NJSEAL1\n"
	sealedLabel = "nightjar data directory v1 "
	lengthSize  = 4
	minClass    = 512 // bytes
	offSealed   = len(sealedMagic) + crypto.NonceSize
)

// ErrSealed reports a file that cannot be read: it is sealed, and no key or another one was given, or it is damaged.
var ErrSealed = errors.New("sealed under another key, or damaged")

// private are the files that tell who this node is, whom it knows, and where it has been.
func private() []string {
	return []string{identityFile, portFile, quotaFile, peersFile, circuitsFile, saidFile}
}

func isPrivate(name string) bool {
	for _, p := range private() {
		if p == name {
			return true
		}
	}
	return false
}

// WithKey is the directory with the key that its private files are sealed with from now on, and can be read with if they are. Without a key
// they are written and read as they are.
func (d Dir) WithKey(key [32]byte) Dir {
	k := crypto.Key(key)
	d.key = &k
	return d
}

// Forget overwrites the key, for all copies of d.
func (d Dir) Forget() {
	if d.key != nil {
		d.key.Wipe()
	}
}

// SealFiles seals the private files that are not, as those from an earlier version, and overwrites what they were, as far as the disk lets it be.
func (d Dir) SealFiles() error {
	if d.key == nil {
		return errors.New("seal the files of the data directory: there is no key")
	}
	var errs []error
	for _, name := range private() {
		switch err := d.sealFile(name); {
		case errors.Is(err, ErrIdentity):
			errs = append(errs, err) // it says what to do
		case err != nil:
			errs = append(errs, fmt.Errorf("seal %s: %w", name, err))
		}
	}
	return errors.Join(errs...)
}

func (d Dir) sealFile(name string) error {
	old, err := os.OpenFile(filepath.Join(d.path, name), os.O_RDWR, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer old.Close()
	head := make([]byte, len(sealedMagic))
	if _, err := old.ReadAt(head, 0); err == nil && string(head) == sealedMagic {
		return nil
	}
	b, err := d.readUpTo(name, maxCircuits)
	if err != nil {
		return err
	}
	defer clear(b)
	if name == identityFile {
		// Others may have a copy: sealing must not hide that.
		if _, err := d.readIdentity(); err != nil {
			return err
		}
	}
	size := len(b)
	if err := d.write(name, b); err != nil {
		return err
	}
	noise := make([]byte, size)
	rand.Read(noise)
	_, err = old.WriteAt(noise, 0)
	return errors.Join(err, old.Sync())
}

// seal is the content of a file as it goes to the disk.
func (d Dir) seal(name string, content []byte) []byte {
	if d.key == nil || !isPrivate(name) {
		return content
	}
	plain := make([]byte, class(lengthSize+len(content)))
	defer clear(plain)
	binary.BigEndian.PutUint32(plain, uint32(len(content)))
	copy(plain[lengthSize:], content)
	var nonce [crypto.NonceSize]byte
	rand.Read(nonce[:])
	out := append([]byte(sealedMagic), nonce[:]...)
	return crypto.Seal(out, d.key, &nonce, plain, []byte(sealedLabel+name))
}

// open is the content of a file that was read. One that is not sealed is what it is: from an earlier version.
func (d Dir) open(name string, b []byte) ([]byte, error) {
	if !isPrivate(name) || !bytes.HasPrefix(b, []byte(sealedMagic)) {
		return b, nil
	}
	failed := fmt.Errorf("%s: %w", filepath.Join(d.path, name), ErrSealed)
	if d.key == nil || len(b) < offSealed {
		return nil, failed
	}
	nonce := [crypto.NonceSize]byte(b[len(sealedMagic):])
	plain, err := crypto.Open(nil, d.key, &nonce, b[offSealed:], []byte(sealedLabel+name))
	if err != nil || len(plain) < lengthSize {
		return nil, failed
	}
	n := binary.BigEndian.Uint32(plain)
	if uint64(n) > uint64(len(plain)-lengthSize) {
		return nil, failed
	}
	return plain[lengthSize:][:n], nil
}

// class is the size to which n bytes are filled up: at least minClass, and at most an eighth more than n above it, so that a size says how many
// peers or relays are known to within that.
func class(n int) int {
	if n <= minClass {
		return minClass
	}
	step := max(1<<(bits.Len(uint(n-1))-4), minClass/8)
	return (n + step - 1) / step * step
}
