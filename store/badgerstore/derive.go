package badgerstore

import (
	"crypto/hkdf"
	"crypto/sha256"
	"fmt"
)

// labelDerived begins the labels of keys for others, SPEC §4.
const labelDerived = "nightjar store v1 derived "

// Derive gives a key for something else of this node that must be as unreadable without the store key as the store is, and dies with it.
// The name says what for. It returns ErrLocked while the place is locked.
func (p *Place) Derive(name string) (derived [32]byte, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.key == nil {
		return derived, ErrLocked
	}
	b, err := hkdf.Expand(sha256.New, p.key[:], labelDerived+name, len(derived))
	if err != nil {
		return derived, fmt.Errorf("badgerstore: deriving a key: %w", err)
	}
	copy(derived[:], b)
	clear(b)
	return derived, nil
}

// Derive is that of the place that the store is in.
func (s *Store) Derive(name string) (derived [32]byte, err error) { return s.place.Derive(name) }
