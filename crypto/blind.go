package crypto

import (
	"crypto/hkdf"
	"crypto/sha512"
	"encoding/binary"
	"errors"

	"filippo.io/edwards25519"
)

// PublicKeySize is the size in bytes of an Ed25519 public key, blinded or not.
const PublicKeySize = 32

// ErrPublicKey reports bytes that are no author's public key: not the one encoding of a point, of small order, or
// outside the prime-order subgroup.
var ErrPublicKey = errors.New("crypto: not a valid public key")

// Who can make what, for one document d of an author (seed) with read capability (A, rk):
//
//	author   seed ─SHA-512→ a, prefix0      A = [a]B      a_d = h·a mod ℓ      A_d = [a_d]B      signs
//	reader   A, rk                          h, kd = f(rk, A, d)                A_d = [h]A        decrypts with kd
//	storer                                                                     A_d               verifies
//
// Without rk, h is uniform, so A_d is a uniform point, unrelated to A and to the author's other documents: this holds
// against a quantum computer too. Whoever has both a_d and the read capability has a = a_d/h: a Signer never leaves
// the author's machine.

// blinding is what the read capability gives for one document.
type blinding struct {
	h    edwards25519.Scalar
	wide [64]byte // w[:64], from which h is reduced
	kd   Key
}

// newBlinding derives w = HKDF-SHA512(ikm = rk, salt = A, info = LabelBlind | len(d) 2 | d, 96 bytes).
func newBlinding(public *[PublicKeySize]byte, read *Key, doc string) *blinding {
	if len(doc) > 1<<16-1 {
		panic("crypto: document name longer than its length field")
	}
	info := binary.BigEndian.AppendUint16([]byte(LabelBlind), uint16(len(doc)))
	info = append(info, doc...)
	return blindingFrom(func(try int) []byte {
		w, err := hkdf.Key(sha512.New, read[:], public[:], string(info)+string(make([]byte, try)), 96)
		if err != nil {
			panic("crypto: HKDF refused 96 bytes: " + err.Error())
		}
		return w
	})
}

// blindingFrom reduces h from the first expansion that does not give 0, which would make every author's key the
// identity; each further try appends one more zero byte to the info.
func blindingFrom(expand func(try int) []byte) *blinding {
	b := new(blinding)
	for try := 0; ; try++ {
		w := expand(try)
		copy(b.wide[:], w)
		copy(b.kd[:], w[64:])
		clear(w)
		b.h = *scalarFromWide(&b.wide)
		if b.h.Equal(edwards25519.NewScalar()) == 0 {
			return b
		}
	}
}

// recordKey is the key that encrypts the document's records.
func (b *blinding) recordKey() Key { return DeriveKey(b.kd[:], LabelRecordKey, nil) }

//go:noinline
func (b *blinding) wipe() { *b = blinding{} }

// BlindPublic derives, from an author's public key and read capability, the public key and the encryption key of the
// records of his document doc. ErrPublicKey if public is not a point that an author can have: a key with a component
// of small order would let whoever made it give one document several names.
func BlindPublic(public *[PublicKeySize]byte, read *Key, doc string) (blinded [PublicKeySize]byte, record Key, err error) {
	a, ok := decodePoint(public[:])
	if !ok || !torsionFree(a) || isSmallOrder(a) {
		return blinded, record, ErrPublicKey
	}
	b := newBlinding(public, read, doc)
	defer b.wipe()
	copy(blinded[:], blindPoint(&b.h, a).Bytes())
	return blinded, b.recordKey(), nil
}

// PublicKey is the Ed25519 public key A of an author's seed, as RFC 8032, 5.1.5 makes it.
func PublicKey(seed *Key) (public [PublicKeySize]byte) {
	s := expandSeed(seed)
	defer s.wipe()
	copy(public[:], new(edwards25519.Point).ScalarBaseMult(&s.a).Bytes())
	return public
}

// secret is an author's seed expanded.
type secret struct {
	a      edwards25519.Scalar
	prefix [32]byte
}

// expandSeed gives the clamped scalar, reduced, and the nonce prefix of RFC 8032, 5.1.5.
func expandSeed(seed *Key) *secret {
	h := sha512.Sum512(seed[:])
	s := new(secret)
	if _, err := s.a.SetBytesWithClamping(h[:32]); err != nil {
		panic("crypto: edwards25519 refused 32 bytes: " + err.Error())
	}
	copy(s.prefix[:], h[32:])
	wipe64(&h)
	return s
}

//go:noinline
func (s *secret) wipe() { *s = secret{} }

//go:noinline
func wipe64(b *[64]byte) { clear(b[:]) }

// scalarFromWide reduces 64 little-endian bytes modulo ℓ. The scalar is not clamped: clamping a product of scalars
// would break C3, and points of small order are kept out by checking for them.
func scalarFromWide(wide *[64]byte) *edwards25519.Scalar {
	s, err := new(edwards25519.Scalar).SetUniformBytes(wide[:])
	if err != nil {
		panic("crypto: edwards25519 refused 64 bytes: " + err.Error())
	}
	return s
}

// blindScalar is the author's side of C3 and blindPoint the reader's.
func blindScalar(h, a *edwards25519.Scalar) *edwards25519.Scalar {
	return new(edwards25519.Scalar).Multiply(h, a)
}

func blindPoint(h *edwards25519.Scalar, a *edwards25519.Point) *edwards25519.Point {
	return new(edwards25519.Point).ScalarMult(h, a)
}

// decodePoint reads the one encoding of a point. edwards25519 also reads y ≥ p and x = 0 with the sign bit set; both
// re-encode differently, and would give one key two names.
func decodePoint(b []byte) (*edwards25519.Point, bool) {
	p, err := new(edwards25519.Point).SetBytes(b)
	if err != nil || string(p.Bytes()) != string(b) {
		return nil, false
	}
	return p, true
}

// isSmallOrder reports [8]P = 0. Under such a key anybody can sign anything.
func isSmallOrder(p *edwards25519.Point) bool {
	return new(edwards25519.Point).MultByCofactor(p).Equal(edwards25519.NewIdentityPoint()) == 1
}

// torsionFree reports [ℓ-1]P + P = 0: P lies in the prime-order subgroup.
func torsionFree(p *edwards25519.Point) bool {
	minusOne := new(edwards25519.Scalar).Negate(scalarOne())
	q := new(edwards25519.Point).ScalarMult(minusOne, p)
	return q.Add(q, p).Equal(edwards25519.NewIdentityPoint()) == 1
}

func scalarOne() *edwards25519.Scalar {
	one, err := new(edwards25519.Scalar).SetCanonicalBytes(append([]byte{1}, make([]byte, 31)...))
	if err != nil {
		panic("crypto: edwards25519 refused 1: " + err.Error())
	}
	return one
}
