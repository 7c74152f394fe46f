package onion

import (
	"crypto/cipher"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"hash"
	"testing"

	"golang.org/x/crypto/blake2b"
	"golang.org/x/crypto/chacha20"
	"golang.org/x/crypto/chacha20poly1305"
	"golang.org/x/crypto/poly1305" //lint:ignore SA1019 measured here, used nowhere
)

// The ciphers that docs/decisions/0007-cell-cipher.md compares: each adds one layer to a body and steps a chain. They are measured,
// not used, and their keys are zero.

func BenchmarkAlternatives(b *testing.B) {
	blake := func() hash.Hash { h, _ := blake2b.New256(make([]byte, 32)); return h }
	mac := func() hash.Hash { return hmac.New(sha256.New, make([]byte, 32)) }
	aes128 := newLayer(make([]byte, layerKeys))
	aes128.key, aes128.gcm = block(make([]byte, 16)), gcm(make([]byte, 16))
	aes128.middle, aes128.nonces = block(make([]byte, 16)), block(make([]byte, 16))
	for _, c := range []struct {
		name    string
		encrypt func(*[BodySize]byte)
	}{
		{"LIONESS BLAKE2b AES-CTR", newLioness(blake).encrypt},
		{"LIONESS HMAC-SHA-256 AES-CTR", newLioness(mac).encrypt},
		{"HBSH Poly1305 XChaCha20", new(hpoly).encrypt},
		{"HCTR2 GMAC XCTR", newHCTR2().encrypt},
		{"HBSH GMAC AES-CTR", newSeparate().encrypt},
		{"HBSH GMAC GCM", forever(newLayer(make([]byte, layerKeys)))},
		{"HBSH GMAC GCM AES-128", forever(aes128)},
	} {
		b.Run(c.name, func(b *testing.B) {
			var body [BodySize]byte
			measure(b, func() { c.encrypt(&body) })
		})
	}
}

// BenchmarkParts is what the ciphers are made of, over the left part of a cell.
func BenchmarkParts(b *testing.B) {
	body := make([]byte, BodySize)
	left, sum := body[:leftSize], make([]byte, 0, 32)
	key := make([]byte, 32)
	aes256, seal := block(key), gcm(key)
	wide, _ := cipher.NewGCMWithNonceSize(aes256, 16)
	mac := hmac.New(sha256.New, key)
	blake, _ := blake2b.New256(key)
	chacha, _ := chacha20poly1305.New(key)
	for _, p := range []struct {
		name string
		f    func()
	}{
		{"AES-256 one block", func() { aes256.Encrypt(body[:16], body[:16]) }},
		{"AES-256 key schedule", func() { block(key) }},
		{"AES-256-CTR", func() { cipher.NewCTR(aes256, body[leftSize:]).XORKeyStream(left, left) }},
		{"AES-256-GCM", func() { seal.Seal(body[:0], zeroNonce[:], left, nil) }},
		{"AES-256-GCM 16-byte nonce", func() { wide.Seal(body[:0], key[:16], left, nil) }},
		{"AES-256-GCM 16-byte nonce no text", func() { wide.Seal(sum[:0], key[:16], nil, nil) }},
		{"GMAC", func() { seal.Seal(sum[:0], zeroNonce[:], nil, left) }},
		{"Poly1305", func() { poly1305.Sum((*[16]byte)(body[leftSize:]), left, (*[32]byte)(key)) }},
		{"SHA-256", func() { sha256.Sum256(left) }},
		{"HMAC-SHA-256", func() { mac.Reset(); mac.Write(left); mac.Sum(sum[:0]) }},
		{"BLAKE2b-256 keyed", func() { blake.Reset(); blake.Write(left); blake.Sum(sum[:0]) }},
		{"ChaCha20-Poly1305", func() { chacha.Seal(body[:0], zeroNonce[:], left, nil) }},
	} {
		b.Run(p.name, func(b *testing.B) { measure(b, p.f) })
	}
}

func measure(b *testing.B, f func()) {
	b.SetBytes(BodySize)
	b.ReportAllocs()
	for b.Loop() {
		f()
	}
}

// forever is a layer that is never exhausted.
func forever(l *Layer) func(*[BodySize]byte) {
	return func(body *[BodySize]byte) {
		l.cells = 0
		if err := l.Encrypt(body); err != nil {
			panic(err)
		}
	}
}

// lioness is Anderson and Biham, "Two practical and provably secure block ciphers: BEAR and LION" (FSE 1996), with a left part of
// 32 bytes, a tweak in each hash and a fifth hash for the chain.
type lioness struct {
	h         [5]hash.Hash
	tweak     [40]byte
	a, d, old [32]byte
}

func newLioness(h func() hash.Hash) *lioness {
	return &lioness{h: [5]hash.Hash{h(), h(), h(), h(), h()}}
}

func (l *lioness) digest(i int, part []byte, to []byte) {
	l.h[i].Reset()
	l.h[i].Write(l.tweak[:])
	l.h[i].Write(part)
	l.h[i].Sum(to[:0])
}

func (l *lioness) encrypt(body *[BodySize]byte) {
	left, right := body[:32], body[32:]
	copy(l.old[:], left)
	for i := range 2 {
		l.digest(2*i, left, l.d[:])
		cipher.NewCTR(block(l.d[:]), l.a[:16]).XORKeyStream(right, right)
		l.digest(2*i+1, right, l.d[:])
		for j := range left {
			left[j] ^= l.d[j]
		}
	}
	l.digest(4, l.old[:], l.d[:])
	copy(l.tweak[8:], l.d[:])
	binary.BigEndian.PutUint64(l.tweak[:], binary.BigEndian.Uint64(l.tweak[:])+1)
}

// hpoly is HBSH of Crowley and Biggers (ToSC 2018(4)) with Poly1305 and XChaCha20, its "HPolyC" with more rounds; the tweak comes first in the hash.
type hpoly struct {
	key   [32]byte
	nonce [chacha20.NonceSizeX]byte
	text  [16 + leftSize]byte
	sum   [16]byte
	next  [16]byte
}

func (h *hpoly) encrypt(body *[BodySize]byte) {
	left, right := body[:leftSize], (*[16]byte)(body[leftSize:])
	e := block(h.key[:])
	h.mix(right, left)
	e.Encrypt(right[:], right[:])
	copy(h.nonce[:], right[:])
	stream, err := chacha20.NewUnauthenticatedCipher(h.key[:], h.nonce[:])
	if err != nil {
		panic(err)
	}
	stream.XORKeyStream(h.next[:], h.next[:])
	stream.XORKeyStream(left, left)
	h.mix(right, left)
	copy(h.text[:], h.next[:])
}

// mix adds the hash; a difference of groups (Poly1305's is addition) costs nothing and is left out.
func (h *hpoly) mix(right *[16]byte, left []byte) {
	copy(h.text[16:], left)
	poly1305.Sum(&h.sum, h.text[:], &h.key)
	xor(right, &h.sum)
}

// hctr2 is Crowley, Huckleberry and Biggers (ePrint 2021/1441): one AES key, and a counter that is added by XOR. GMAC stands for POLYVAL.
type hctr2 struct {
	e           cipher.Block
	h           cipher.AEAD
	chain, m, s [16]byte
	x           [16]byte
	pad         [(leftSize/16 + 2) * 16]byte // keystream, and a block for the chain
}

func newHCTR2() *hctr2 {
	return &hctr2{e: block(make([]byte, 32)), h: gcm(make([]byte, 32))}
}

func (h *hctr2) mix(right *[16]byte, left []byte) {
	h.h.Seal(h.x[:0], zeroNonce[:], nil, left)
	xor(right, &h.x)
	xor(right, &h.chain)
}

func (h *hctr2) encrypt(body *[BodySize]byte) {
	left, right := body[:leftSize], (*[16]byte)(body[leftSize:])
	h.mix(right, left)
	h.m = *right
	h.e.Encrypt(right[:], right[:])
	xor(&h.m, right)
	for i := 0; i < len(h.pad); i += 16 {
		h.s = h.m
		h.s[0] ^= byte(i / 16)
		h.e.Encrypt(h.pad[i:], h.s[:])
	}
	for i := range left {
		left[i] ^= h.pad[i]
	}
	h.mix(right, left)
	h.chain = [16]byte(h.pad[len(h.pad)-16:])
}

// separate is the cipher that was chosen, with the parts that the standard library has for its parts.
type separate struct {
	k, middle, nonces cipher.Block
	h                 cipher.AEAD
	chain, x, n       [16]byte
}

func newSeparate() *separate {
	k := make([]byte, 32)
	return &separate{k: block(k), middle: block(k), nonces: block(k), h: gcm(k)}
}

func (s *separate) mix(right *[16]byte, left []byte) {
	s.h.Seal(s.x[:0], zeroNonce[:], nil, left)
	xor(right, &s.x)
	xor(right, &s.chain)
}

func (s *separate) encrypt(body *[BodySize]byte) {
	left, right := body[:leftSize], (*[16]byte)(body[leftSize:])
	s.mix(right, left)
	s.middle.Encrypt(right[:], right[:])
	s.nonces.Encrypt(s.n[:], right[:])
	stream := cipher.NewCTR(s.k, s.n[:])
	next := [16]byte{}
	stream.XORKeyStream(next[:], next[:])
	stream.XORKeyStream(left, left)
	s.mix(right, left)
	s.chain = next
}
