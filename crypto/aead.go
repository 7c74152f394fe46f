package crypto

import (
	"crypto/cipher"
	"errors"

	"golang.org/x/crypto/chacha20poly1305"
)

const (
	// NonceSize is the size in bytes of an AEAD nonce: long enough to be drawn at random for every message.
	NonceSize = chacha20poly1305.NonceSizeX
	// Overhead is how many bytes longer than its plaintext a sealed message is.
	Overhead = chacha20poly1305.Overhead
)

// ErrOpen reports bytes that were not sealed under this key, nonce and associated data. All causes are one error.
var ErrOpen = errors.New("crypto: message does not open under this key")

// Seal appends to dst the XChaCha20-Poly1305 encryption (draft-irtf-cfrg-xchacha) of plain, bound to the associated data ad.
func Seal(dst []byte, key *Key, nonce *[NonceSize]byte, plain, ad []byte) []byte {
	return newAEAD(key).Seal(dst, nonce[:], plain, ad)
}

// Open appends to dst what Seal encrypted, or returns ErrOpen and nothing.
func Open(dst []byte, key *Key, nonce *[NonceSize]byte, sealed, ad []byte) ([]byte, error) {
	out, err := newAEAD(key).Open(dst, nonce[:], sealed, ad)
	if err != nil {
		return nil, ErrOpen
	}
	return out, nil
}

func newAEAD(key *Key) cipher.AEAD {
	a, err := chacha20poly1305.NewX(key[:])
	if err != nil {
		panic("crypto: XChaCha20-Poly1305 refused a 32-byte key: " + err.Error())
	}
	return a
}
