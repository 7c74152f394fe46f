package onion

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/ecdh"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/mlkem"
	"crypto/mlkem/mlkemtest"
	"crypto/sha256"
	"crypto/sha3"
	"testing"
)

// This file is SPEC.md a second time, with other libraries and without any thought of speed: GHASH bit by bit, CTR block by
// block, X-Wing from the standard library's parts. It shares no code with the package; tests and vectors hold one to the other.

// refLayer is SPEC §5.
type refLayer struct {
	k, ke, kn [32]byte
	chain     [16]byte
}

func newRefLayer(k []byte) *refLayer {
	return &refLayer{[32]byte(k), [32]byte(k[32:]), [32]byte(k[64:]), [16]byte(k[96:])}
}

func (l *refLayer) encrypt(body *[2104]byte) {
	left, right := body[:2088], [16]byte(body[2088:])
	m := refAES(l.ke, xor16(xor16(right, l.hash(left)), l.chain))
	next, stream := l.stream(m)
	xorAll(left, stream)
	right = xor16(xor16(m, l.hash(left)), l.chain)
	copy(body[2088:], right[:])
	l.chain = next
}

func (l *refLayer) decrypt(body *[2104]byte) {
	left, right := body[:2088], [16]byte(body[2088:])
	m := xor16(xor16(right, l.hash(left)), l.chain)
	next, stream := l.stream(m)
	xorAll(left, stream)
	b, _ := aes.NewCipher(l.ke[:])
	var u [16]byte
	b.Decrypt(u[:], m[:])
	right = xor16(xor16(u, l.hash(left)), l.chain)
	copy(body[2088:], right[:])
	l.chain = next
}

// hash is H.
func (l *refLayer) hash(left []byte) [16]byte { return refGHASH(refAES(l.k, [16]byte{}), nil, left) }

// stream is the next chain, and S.
func (l *refLayer) stream(m [16]byte) (next [16]byte, s []byte) {
	n := refAES(l.kn, m)
	s = refCTR(l.k, [16]byte(append(n[:12:12], 0, 0, 0, 1)), 16+2088)
	return [16]byte(s), s[16:]
}

func xor16(a, b [16]byte) (c [16]byte) {
	for i := range c {
		c[i] = a[i] ^ b[i]
	}
	return c
}

func xorAll(b, with []byte) {
	for i := range b {
		b[i] ^= with[i]
	}
}

func refAES(key [32]byte, in [16]byte) (out [16]byte) {
	b, err := aes.NewCipher(key[:])
	if err != nil {
		panic(err)
	}
	b.Encrypt(out[:], in[:])
	return out
}

// refCTR is n bytes of SP 800-38A §6.5: the counter is all 128 bits, big-endian, and wraps.
func refCTR(key [32]byte, counter [16]byte, n int) (out []byte) {
	for len(out) < n {
		block := refAES(key, counter)
		out = append(out, block[:]...)
		for i := 15; i >= 0; i-- {
			if counter[i]++; counter[i] != 0 {
				break
			}
		}
	}
	return out[:n]
}

// refMul is the product of SP 800-38D §6.3: bit 0 is the leftmost, R = 11100001 | 0¹²⁰.
func refMul(x, y [16]byte) (z [16]byte) {
	v := y
	for i := range 128 {
		if x[i/8]>>(7-i%8)&1 == 1 {
			z = xor16(z, v)
		}
		low := v[15] & 1
		for j := 15; j > 0; j-- {
			v[j] = v[j]>>1 | v[j-1]<<7
		}
		v[0] >>= 1
		if low == 1 {
			v[0] ^= 0xe1
		}
	}
	return z
}

// refGHASH is SP 800-38D §6.4 over additional data and ciphertext, each padded, and their lengths.
func refGHASH(h [16]byte, aad, text []byte) (y [16]byte) {
	for _, part := range [][]byte{aad, text} {
		for len(part) > 0 {
			var block [16]byte
			part = part[copy(block[:], part):]
			y = refMul(xor16(y, block), h)
		}
	}
	var lengths [16]byte
	for i := range 8 {
		lengths[7-i] = byte(uint64(len(aad)) * 8 >> (8 * i))
		lengths[15-i] = byte(uint64(len(text)) * 8 >> (8 * i))
	}
	return refMul(xor16(y, lengths), h)
}

// refTag is the tag of GCM.
func refTag(key [32]byte, nonce [12]byte, aad, text []byte) [16]byte {
	var j0 [16]byte
	copy(j0[:], nonce[:])
	j0[15] = 1
	return xor16(refGHASH(refAES(key, [16]byte{}), aad, text), refAES(key, j0))
}

// refSeal is GCM with a zero nonce, as the handshake seals; the texts are too short for the 32-bit counter to matter.
func refSeal(key [32]byte, plain []byte) []byte {
	text := append([]byte(nil), plain...)
	xorAll(text, refCTR(key, [16]byte{15: 2}, len(text)))
	tag := refTag(key, [12]byte{}, nil, text)
	return append(text, tag[:]...)
}

// refXWing is a secret key of draft-connolly-cfrg-xwing-kem §5.2.
type refXWing struct {
	m *mlkem.DecapsulationKey768
	x *ecdh.PrivateKey
}

func newRefXWing(t testing.TB, seed []byte) refXWing {
	t.Helper()
	s := sha3.NewSHAKE256()
	s.Write(seed)
	var wide [96]byte
	s.Read(wide[:])
	m, err := mlkem.NewDecapsulationKey768(wide[:64])
	if err != nil {
		t.Fatal(err)
	}
	x, err := ecdh.X25519().NewPrivateKey(wide[64:])
	if err != nil {
		t.Fatal(err)
	}
	return refXWing{m, x}
}

func (k refXWing) public() []byte {
	return append(k.m.EncapsulationKey().Bytes(), k.x.PublicKey().Bytes()...)
}

// refEncap is §5.4 of the draft, with its randomness given.
func refEncap(t testing.TB, public, random []byte) (ct, ss []byte) {
	t.Helper()
	m, err := mlkem.NewEncapsulationKey768(public[:1184])
	if err != nil {
		t.Fatal(err)
	}
	x, err := ecdh.X25519().NewPublicKey(public[1184:])
	if err != nil {
		t.Fatal(err)
	}
	e, err := ecdh.X25519().NewPrivateKey(random[32:64])
	if err != nil {
		t.Fatal(err)
	}
	ssX, err := e.ECDH(x)
	if err != nil {
		t.Fatal(err)
	}
	ssM, ctM, err := mlkemtest.Encapsulate768(m, random[:32])
	if err != nil {
		t.Fatal(err)
	}
	ctX := e.PublicKey().Bytes()
	return append(ctM, ctX...), refCombine(ssM, ssX, ctX, x.Bytes())
}

func (k refXWing) decap(t testing.TB, ct []byte) []byte {
	t.Helper()
	ssM, err := k.m.Decapsulate(ct[:1088])
	if err != nil {
		t.Fatal(err)
	}
	x, err := ecdh.X25519().NewPublicKey(ct[1088:])
	if err != nil {
		t.Fatal(err)
	}
	ssX, err := k.x.ECDH(x)
	if err != nil {
		t.Fatal(err)
	}
	return refCombine(ssM, ssX, ct[1088:], k.x.PublicKey().Bytes())
}

func refCombine(parts ...[]byte) []byte { return refSHA3(append(parts, []byte(`\.//^\`))...) }

func refSHA3(parts ...[]byte) []byte {
	h := sha3.New256()
	for _, p := range parts {
		h.Write(p)
	}
	return h.Sum(nil)
}

// refHandshake is one handshake from its randomness to its keys: SPEC §3 and §4.
type refHandshake struct {
	create, created []byte
	fwd, bwd        []byte // layerKeys each

	ss1, th0, sealed []byte
}

// refInput is what a handshake is made of.
type refInput struct {
	version, kind byte
	relay         []byte // identity, 32
	seedB         []byte // of the relay's onion key, 32
	random        []byte // of the originator: nonce 16, seed of E 32, encapsulation 64
	answerRandom  []byte // of the relay: encapsulation, 64
	ext, answer   []byte
	hashB, e      []byte // in place of the hash of B's key, and of E, if any
}

// create is a CREATE alone, which may be wrong.
func (in refInput) create(t testing.TB) (out refHandshake) {
	t.Helper()
	b := newRefXWing(t, in.seedB).public()
	hash, e := refSHA3([]byte("nightjar onion key v1"), b), newRefXWing(t, in.random[16:48]).public()
	if in.hashB != nil {
		hash = in.hashB
	}
	if in.e != nil {
		e = in.e
	}
	ctB, ss1 := refEncap(t, b, in.random[48:112])
	open := cat([]byte{in.version, in.kind}, in.random[:16], hash, ctB, e)
	out.ss1, out.th0 = ss1, refSHA3([]byte("nightjar onion v1 handshake"), in.relay, open)
	out.sealed = refSeal([32]byte(refKDF(t, out.th0, ss1, "ext", 32)), in.ext)
	out.create = cat(open, out.sealed)
	return out
}

func (in refInput) run(t testing.TB) refHandshake {
	t.Helper()
	out := in.create(t)
	ctE, ss2 := refEncap(t, newRefXWing(t, in.random[16:48]).public(), in.answerRandom)
	th := refSHA3(out.th0, out.sealed, ctE)
	secret := cat(out.ss1, ss2)
	mac := hmac.New(sha256.New, refKDF(t, th, secret, "conf", 32))
	mac.Write(th)
	answer := refSeal([32]byte(refKDF(t, th, secret, "answer", 32)), in.answer)
	out.created = cat(ctE, mac.Sum(nil), answer)
	out.fwd = refKDF(t, th, secret, "fwd", 112)
	out.bwd = refKDF(t, th, secret, "bwd", 112)
	return out
}

func refKDF(t testing.TB, salt, secret []byte, label string, n int) []byte {
	t.Helper()
	k, err := hkdf.Key(sha256.New, secret, salt, label, n)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func cat(parts ...[]byte) (b []byte) {
	for _, p := range parts {
		b = append(b, p...)
	}
	return b
}

// The reference is itself held to published figures, in published_test.go; GCM by the book must also be the library's.
func TestReferenceSealIsGCM(t *testing.T) {
	key, plain := [32]byte{1, 2, 3}, []byte("forty-eight bytes of an answer, and a few more..")
	b, _ := aes.NewCipher(key[:])
	g, _ := cipher.NewGCM(b)
	if got, want := refSeal(key, plain), g.Seal(nil, make([]byte, 12), plain, nil); string(got) != string(want) {
		t.Errorf("%x, want %x", got, want)
	}
}

// someInput is a handshake of relayB with the key onionKey(1).
func someInput() refInput {
	return refInput{
		version: 1, kind: 1, relay: relayB[:], seedB: fill(make([]byte, 32), 1), random: fill(make([]byte, 112), 2),
		answerRandom: fill(make([]byte, 64), 3), ext: extC[:], answer: toC[:],
	}
}
