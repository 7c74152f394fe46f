package crypto

import (
	"crypto/ed25519"
	"crypto/sha512"
	"fmt"
	"io"

	"filippo.io/edwards25519"
)

// SignatureSize is the size in bytes of a signature.
const SignatureSize = ed25519.SignatureSize

// Signer signs the records of one document. Make it with NewSigner and Wipe it.
type Signer struct {
	a      edwards25519.Scalar // a_d
	pre    [32]byte            // pre_d, the secret prefix of every nonce
	public [PublicKeySize]byte // A_d
	record Key
}

// NewSigner derives the signing key of the document doc of the author with this seed and read capability.
func NewSigner(seed, read *Key, doc string) *Signer {
	public := PublicKey(seed)
	s := expandSeed(seed)
	defer s.wipe()
	b := newBlinding(&public, read, doc)
	defer b.wipe()
	d := &Signer{a: *blindScalar(&b.h, &s.a), record: b.recordKey()}
	copy(d.public[:], new(edwards25519.Point).ScalarBaseMult(&d.a).Bytes())

	// Without A_d in the prefix one message under two documents would share its nonce, and two linear equations give a.
	h := sha512.New()
	h.Write([]byte(LabelNonce))
	h.Write(s.prefix[:])
	h.Write(d.public[:])
	h.Write(b.wide[:])
	copy(d.pre[:], h.Sum(nil))
	return d
}

// Public is the blinded public key A_d, the record's name.
func (s *Signer) Public() [PublicKeySize]byte { return s.public }

// RecordKey is the key that encrypts the document's records.
func (s *Signer) RecordKey() Key { return s.record }

// Wipe overwrites the signing key.
//
//go:noinline
func (s *Signer) Wipe() { *s = Signer{} }

// String hides the secret.
func (s *Signer) String() string { return "crypto.Signer(redacted)" }

// GoString hides the secret from %#v as String does from %v.
func (s *Signer) GoString() string { return s.String() }

// Format hides the secret from the verbs that ignore String.
func (s *Signer) Format(f fmt.State, _ rune) { io.WriteString(f, s.String()) }

// Sign signs message. 32 bytes of random hedge the nonce: they are mixed with the secret prefix and the message, so
// that a broken random source is no worse than deterministic Ed25519, and a glitched computation repeats no nonce.
func (s *Signer) Sign(message []byte, random io.Reader) (sig [SignatureSize]byte, err error) {
	var nonce [64]byte
	defer wipe64(&nonce)
	copy(nonce[:32], s.pre[:])
	if _, err := io.ReadFull(random, nonce[32:]); err != nil {
		return sig, fmt.Errorf("crypto: drawing a nonce: %w", err)
	}
	return sign(&s.a, &s.public, &nonce, message), nil
}

// sign is RFC 8032, 5.1.6 from step 2 on with a 64-byte prefix instead of 32:
// r = H(prefix | M), R = [r]B, k = H(R | A | M), S = r + k·a.
func sign(a *edwards25519.Scalar, public *[PublicKeySize]byte, prefix *[64]byte, message []byte) (sig [SignatureSize]byte) {
	r := hashToScalar(prefix[:], message)
	copy(sig[:32], new(edwards25519.Point).ScalarBaseMult(r).Bytes())
	k := hashToScalar(sig[:32], public[:], message)
	s := new(edwards25519.Scalar).MultiplyAdd(k, a, r)
	copy(sig[32:], s.Bytes())
	r.Set(edwards25519.NewScalar())
	return sig
}

func hashToScalar(parts ...[]byte) *edwards25519.Scalar {
	h := sha512.New()
	for _, p := range parts {
		h.Write(p)
	}
	var wide [64]byte
	h.Sum(wide[:0])
	defer wipe64(&wide)
	return scalarFromWide(&wide)
}

// VerifySignature reports whether sig is a signature of message under public, by the rules that every storing node
// applies alike (anything looser in one place would let two nodes disagree about one record):
//
//	public and R are the one encoding of a point;  [8]public ≠ 0;  S < ℓ;  the standard library's Ed25519 accepts.
//
// Each rule is checked by itself, although the last implies some of them in the library as it is today.
func VerifySignature(public *[PublicKeySize]byte, message, sig []byte) bool {
	if len(sig) != SignatureSize {
		return false
	}
	if _, err := new(edwards25519.Scalar).SetCanonicalBytes(sig[32:]); err != nil {
		return false
	}
	a, ok := decodePoint(public[:])
	if !ok || isSmallOrder(a) {
		return false
	}
	if _, ok := decodePoint(sig[:32]); !ok {
		return false
	}
	return ed25519.Verify(public[:], message, sig)
}
