package keys

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/sha512"
	"hash"
	"math/big"
	"slices"
)

// The reference is a second implementation of SPEC §3 and §4 on math/big and HMAC, written from RFC 8032 and RFC 5869
// alone: slow, plain, not constant-time. The vectors are made with it where they forge, and checked against it where
// they are honest.

type refPoint struct{ x, y *big.Int }

type refCurve struct{ p, d, l *big.Int }

func newRefCurve() refCurve {
	p := new(big.Int).Sub(new(big.Int).Lsh(big.NewInt(1), 255), big.NewInt(19))
	d := new(big.Int).Mul(big.NewInt(-121665), new(big.Int).ModInverse(big.NewInt(121666), p))
	l, _ := new(big.Int).SetString("27742317777372353535851937790883648493", 10)
	return refCurve{p, d.Mod(d, p), l.Add(l, new(big.Int).Lsh(big.NewInt(1), 252))}
}

func (c refCurve) mod(x *big.Int) *big.Int { return x.Mod(x, c.p) }

func (c refCurve) mul(xs ...*big.Int) *big.Int {
	r := big.NewInt(1)
	for _, x := range xs {
		c.mod(r.Mul(r, x))
	}
	return r
}

// add is the addition law of RFC 8032, 5.1.
func (c refCurve) add(a, b refPoint) refPoint {
	t := c.mul(c.d, a.x, b.x, a.y, b.y)
	one := big.NewInt(1)
	x := new(big.Int).Add(c.mul(a.x, b.y), c.mul(b.x, a.y))
	y := new(big.Int).Add(c.mul(a.y, b.y), c.mul(a.x, b.x))
	return refPoint{
		c.mul(x, new(big.Int).ModInverse(c.mod(new(big.Int).Add(one, t)), c.p)),
		c.mul(y, new(big.Int).ModInverse(c.mod(new(big.Int).Sub(one, t)), c.p)),
	}
}

func (c refCurve) scalarMult(k *big.Int, a refPoint) refPoint {
	r := refPoint{big.NewInt(0), big.NewInt(1)}
	for i := k.BitLen() - 1; i >= 0; i-- {
		r = c.add(r, r)
		if k.Bit(i) == 1 {
			r = c.add(r, a)
		}
	}
	return r
}

// point finds the point with this y whose x has this parity.
func (c refCurve) point(y *big.Int, sign uint) refPoint {
	yy := c.mul(y, y)
	u := new(big.Int).Sub(yy, big.NewInt(1))
	v := new(big.Int).Add(c.mul(c.d, yy), big.NewInt(1))
	x := new(big.Int).ModSqrt(c.mul(c.mod(u), new(big.Int).ModInverse(v, c.p)), c.p)
	if x == nil {
		panic("reference: no such point")
	}
	if x.Bit(0) != sign {
		c.mod(x.Neg(x))
	}
	return refPoint{x, y}
}

func (c refCurve) base() refPoint {
	return c.point(c.mul(big.NewInt(4), new(big.Int).ModInverse(big.NewInt(5), c.p)), 0)
}

func (c refCurve) encode(a refPoint) (b [32]byte) {
	a.y.FillBytes(b[:])
	b[0] |= byte(a.x.Bit(0)) << 7
	slices.Reverse(b[:])
	return b
}

func (c refCurve) decode(b [32]byte) refPoint {
	sign := uint(b[31] >> 7)
	b[31] &= 0x7f
	return c.point(littleEndian(b[:]), sign)
}

func littleEndian(b []byte) *big.Int {
	b = slices.Clone(b)
	slices.Reverse(b)
	return new(big.Int).SetBytes(b)
}

func scalarBytes(s *big.Int) []byte {
	b := s.FillBytes(make([]byte, 32))
	slices.Reverse(b)
	return b
}

// challenge is k = H(R | A | M) mod ℓ.
func (c refCurve) challenge(r, public [32]byte, message []byte) *big.Int {
	h := sha512.Sum512(slices.Concat(r[:], public[:], message))
	k := littleEndian(h[:])
	return k.Mod(k, c.l)
}

// sign makes R = [r]B, S = r + k·a.
func (c refCurve) sign(a *big.Int, public [32]byte, r *big.Int, message []byte) []byte {
	point := c.encode(c.scalarMult(r, c.base()))
	s := c.challenge(point, public, message)
	s.Mod(s.Add(s.Mul(s, a), r), c.l)
	return append(point[:], scalarBytes(s)...)
}

func refHKDF(h func() hash.Hash, secret, salt, info []byte, n int) []byte {
	if salt == nil {
		salt = make([]byte, h().Size())
	}
	mac := func(key []byte, parts ...[]byte) []byte {
		m := hmac.New(h, key)
		for _, p := range parts {
			m.Write(p)
		}
		return m.Sum(nil)
	}
	prk := mac(salt, secret)
	var out, t []byte
	for i := byte(1); len(out) < n; i++ {
		t = mac(prk, t, info, []byte{i})
		out = append(out, t...)
	}
	return out[:n]
}

// refDocument is everything about one document that SPEC §3 derives.
type refDocument struct {
	a, h, aD   *big.Int
	public, id [32]byte // A, A_d
	prefix, w  []byte
	key        [32]byte
}

func (c refCurve) document(seed, read [32]byte, doc string) refDocument {
	var d refDocument
	h := sha512.Sum512(seed[:])
	h[0] &= 0xf8
	h[31] = h[31]&0x7f | 0x40
	d.a, d.prefix = littleEndian(h[:32]), h[32:]
	d.public = c.encode(c.scalarMult(d.a, c.base()))
	info := slices.Concat([]byte("blind v1"), []byte{byte(len(doc) >> 8), byte(len(doc))}, []byte(doc))
	d.w = refHKDF(sha512.New, read[:], d.public[:], info, 96)
	d.h = littleEndian(d.w[:64])
	d.h.Mod(d.h, c.l)
	d.aD = new(big.Int).Mul(d.h, d.a)
	d.aD.Mod(d.aD, c.l)
	d.id = c.encode(c.scalarMult(d.aD, c.base()))
	copy(d.key[:], refHKDF(sha256.New, d.w[64:], nil, []byte("enc v1"), 32))
	return d
}

// nonce is r = H(pre_d | rnd | M) mod ℓ.
func (c refCurve) nonce(d refDocument, rnd, message []byte) *big.Int {
	pre := sha512.Sum512(slices.Concat([]byte("nonce v1"), d.prefix, d.id[:], d.w[:64]))
	h := sha512.Sum512(slices.Concat(pre[:32], rnd, message))
	r := littleEndian(h[:])
	return r.Mod(r, c.l)
}

func refSHA256(parts ...[]byte) []byte {
	h := sha256.Sum256(slices.Concat(parts...))
	return h[:]
}
