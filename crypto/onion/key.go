package onion

import (
	"crypto/sha3"
	"errors"
	"fmt"
	"io"

	"github.com/cloudflare/circl/kem/xwing"
)

// ErrKey reports bytes that are no onion key.
var ErrKey = errors.New("onion: not an onion key")

// PublicKey is a relay's onion key: an X-Wing public key.
type PublicKey struct {
	packed [KeySize]byte
	key    xwing.PublicKey
}

// ParsePublicKey reads KeySize bytes. The error is ErrKey.
func ParsePublicKey(b []byte) (*PublicKey, error) {
	if len(b) != KeySize {
		return nil, ErrKey
	}
	p := &PublicKey{packed: [KeySize]byte(b)}
	if p.key.Unpack(b) != nil {
		return nil, ErrKey
	}
	return p, nil
}

// Bytes is the encoded key, KeySize bytes.
func (p *PublicKey) Bytes() []byte { return append([]byte(nil), p.packed[:]...) }

// Hash names the key: what descriptors carry instead of it (SPEC §2).
func (p *PublicKey) Hash() [32]byte { return KeyHash(p.packed[:]) }

// KeyHash is the hash of an encoded key.
func KeyHash(key []byte) [32]byte {
	h := sha3.New256()
	h.Write([]byte(labelKey))
	h.Write(key)
	return [32]byte(h.Sum(nil))
}

// SecretKey is the relay's half.
type SecretKey struct {
	seed   [xwing.SeedSize]byte
	key    *xwing.PrivateKey // nil once wiped
	public *PublicKey
	hash   [32]byte
}

// NewSecretKey draws a key. The error is that of rand.
func NewSecretKey(rand io.Reader) (*SecretKey, error) {
	var seed [xwing.SeedSize]byte
	defer clear(seed[:])
	if _, err := io.ReadFull(rand, seed[:]); err != nil {
		return nil, fmt.Errorf("onion: randomness: %w", err)
	}
	return RestoreSecretKey(seed), nil
}

// RestoreSecretKey is the key of a seed.
func RestoreSecretKey(seed [32]byte) *SecretKey {
	sk, pk := xwing.DeriveKeyPair(seed[:])
	p := &PublicKey{key: *pk}
	pk.Pack(p.packed[:])
	return &SecretKey{seed: seed, key: sk, public: p, hash: p.Hash()}
}

// Seed is what RestoreSecretKey takes. Of a wiped key it is zero, which is the seed of a key that everybody can make.
func (s *SecretKey) Seed() [32]byte { return s.seed }

// Public is the other half.
func (s *SecretKey) Public() *PublicKey { return s.public }

// Hash names the key.
func (s *SecretKey) Hash() [32]byte { return s.hash }

// named reports whether the key has that hash, and was not wiped.
func (s *SecretKey) named(hash [32]byte) bool { return s.key != nil && s.hash == hash }

// Wipe forgets the secret half; Accept passes a wiped key by. What the library holds beside the seed goes with the garbage.
func (s *SecretKey) Wipe() {
	clear(s.seed[:])
	if s.key != nil {
		*s.key = xwing.PrivateKey{}
		s.key = nil
	}
}
