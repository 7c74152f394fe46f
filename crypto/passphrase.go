package crypto

import (
	"errors"

	"golang.org/x/crypto/argon2"
)

// SaltSize is the size in bytes of the salt of a passphrase.
const SaltSize = 16

// Effort is what a guess at a passphrase costs: Argon2id (RFC 9106) with Passes passes over Memory KiB in Lanes lanes.
type Effort struct {
	Memory uint32 // KiB
	Passes uint8
	Lanes  uint8
}

// StandardEffort is RFC 9106 §4's second recommended choice with four times the memory: half a second on a small machine.
func StandardEffort() Effort { return Effort{Memory: 256 << 10, Passes: 3, Lanes: 4} }

// The bounds of an effort that was read from a file: less protects nothing, more could keep a machine busy or take all its memory.
const (
	minMemory = 19 << 10 // KiB
	maxMemory = 1 << 20  // KiB
	maxPasses = 16
	maxLanes  = 16
)

// ErrEffort reports an effort that no file of ours asks for.
var ErrEffort = errors.New("crypto: the effort for a passphrase is out of bounds")

// Check returns ErrEffort for what must not be computed.
func (e Effort) Check() error {
	if e.Memory < minMemory || e.Memory > maxMemory || e.Passes < 1 || e.Passes > maxPasses || e.Lanes < 1 || e.Lanes > maxLanes {
		return ErrEffort
	}
	return nil
}

// PassphraseKey derives a key from a passphrase at the cost e, or returns ErrEffort. The salt is random for each use.
func PassphraseKey(passphrase []byte, salt *[SaltSize]byte, e Effort) (k Key, err error) {
	if err := e.Check(); err != nil {
		return Key{}, err
	}
	b := argon2.IDKey(passphrase, salt[:], uint32(e.Passes), e.Memory, e.Lanes, KeySize)
	copy(k[:], b)
	clear(b)
	return k, nil
}
