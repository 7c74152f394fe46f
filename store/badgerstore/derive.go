package badgerstore

import (
	"crypto/hkdf"
	"crypto/sha256"
	"fmt"
	"path/filepath"
)

// labelDerived begins the labels of keys for others, SPEC §4.
const labelDerived = "nightjar store v1 derived "

// Derive gives a key for something else of this node that must be as unreadable without the store key as the store is, and dies with it.
// The name says what for.
func (s *Store) Derive(name string) (derived [32]byte, err error) {
	key, err := readKey(filepath.Join(s.cfg.Dir, fileKey))
	if err != nil {
		return derived, err
	}
	defer clear(key[:])
	b, err := hkdf.Expand(sha256.New, key[:], labelDerived+name, len(derived))
	if err != nil {
		return derived, fmt.Errorf("badgerstore: deriving a key: %w", err)
	}
	copy(derived[:], b)
	clear(b)
	return derived, nil
}
