package onion

import (
	"crypto/cipher"
	"crypto/subtle"
	"encoding/binary"
	"errors"
)

// ErrExhausted reports a layer that has carried all the cells that its keys are good for, or that was wiped.
var ErrExhausted = errors.New("onion: this layer carries no more cells")

const (
	// maxCells is how many cells one direction of one hop carries (SPEC §5.4).
	maxCells = 1 << 24
	// MarkSize is how many zero bytes begin a body that is meant for whoever opens it.
	MarkSize = 16

	blockSize = 16
	leftSize  = BodySize - blockSize // what is hashed and enciphered by the stream; the rest, the right part, by one AES block
	nonceSize = 12

	// layerKeys is the size of the key material of one direction of one hop (SPEC §4.3).
	layerKeys = 3*32 + blockSize
)

// Layer is one direction of one hop: keys, and the chain that ties each cell to all before it. Each end has its own and
// steps it with every cell:
//
//	m = right ⊕ H(left) ⊕ chain ; encrypt or decrypt m ; left ⊕= S ; right = m ⊕ H(left) ⊕ chain ; chain = the next of S
//
// It is not safe for concurrent use.
type Layer struct {
	gcm    cipher.AEAD  // AES-GCM under K: S and H in one pass
	key    cipher.Block // AES under K: the first block of S, which GCM keeps to itself
	middle cipher.Block // E
	nonces cipher.Block // N

	fix   [blockSize]byte // what makes the tag of GMAC under the zero nonce H
	chain [blockSize]byte
	m     [blockSize]byte // scratch of one call, here so that no cell allocates
	n     [blockSize]byte
	z     [blockSize]byte
	cells uint32
}

// newLayer takes layerKeys bytes of key material.
func newLayer(k []byte) *Layer {
	l := &Layer{key: block(k[:32]), middle: block(k[32:64]), nonces: block(k[64:96])}
	copy(l.chain[:], k[96:layerKeys])
	l.gcm = gcm(k[:32])

	// GCM hashes what it enciphers and what it only authenticates with the lengths in another order, and masks both: the
	// difference is the same for every text of this length.
	var text [BodySize]byte
	l.gcm.Seal(text[:0], l.n[:nonceSize], text[:leftSize], nil)
	l.gcm.Seal(l.fix[:0], l.n[:nonceSize], nil, text[:leftSize])
	xor(&l.fix, (*[blockSize]byte)(text[leftSize:]))
	l.n[blockSize-1] = 1
	l.key.Encrypt(l.z[:], l.n[:])
	xor(&l.fix, &l.z)
	return l
}

// Encrypt adds the layer to a body, in place. The error is ErrExhausted, and then the body is as it was.
func (l *Layer) Encrypt(body *[BodySize]byte) error {
	if l.cells >= maxCells {
		return ErrExhausted
	}
	l.absorb(body)
	l.middle.Encrypt(l.m[:], l.m[:])
	l.nonces.Encrypt(l.n[:], l.m[:])
	l.emit(body)
	return nil
}

// Decrypt removes the layer from a body, in place. A body that the other end did not make, or made for another place in
// the order, becomes noise, and so does every later one. The error is ErrExhausted, and then the body is as it was.
func (l *Layer) Decrypt(body *[BodySize]byte) error {
	if l.cells >= maxCells {
		return ErrExhausted
	}
	l.absorb(body)
	l.nonces.Encrypt(l.n[:], l.m[:])
	l.middle.Decrypt(l.m[:], l.m[:])
	l.emit(body)
	return nil
}

var zeroNonce [nonceSize]byte

// absorb makes m = right ⊕ H(left) ⊕ chain.
func (l *Layer) absorb(body *[BodySize]byte) {
	l.gcm.Seal(l.m[:0], zeroNonce[:], nil, body[:leftSize])
	xor(&l.m, &l.fix)
	xor(&l.m, &l.chain)
	xor(&l.m, (*[blockSize]byte)(body[leftSize:]))
}

// emit enciphers left under the nonce in n, makes right = m ⊕ H(left) ⊕ chain, and steps the chain. The tag of GCM, H of
// the new left and a mask, falls on right, which is in m by now.
func (l *Layer) emit(body *[BodySize]byte) {
	binary.BigEndian.PutUint32(l.n[nonceSize:], 1)
	l.key.Encrypt(l.z[:], l.n[:])
	l.gcm.Seal(body[:0], l.n[:nonceSize], body[:leftSize], nil)
	right := (*[blockSize]byte)(body[leftSize:])
	xor(right, &l.z)
	xor(right, &l.m)
	xor(right, &l.chain)
	l.chain = l.z
	l.cells++
}

func xor(dst, src *[blockSize]byte) {
	e := binary.NativeEndian
	e.PutUint64(dst[:8], e.Uint64(dst[:8])^e.Uint64(src[:8]))
	e.PutUint64(dst[8:], e.Uint64(dst[8:])^e.Uint64(src[8:]))
}

// Wipe forgets the layer; it carries no cell after. Key schedules inside the cipher library go with the garbage.
func (l *Layer) Wipe() { *l = Layer{cells: maxCells} }

// Ours reports, in constant time, whether an opened body is meant for whoever opened it.
func Ours(body *[BodySize]byte) bool {
	var zero [MarkSize]byte
	return subtle.ConstantTimeCompare(body[:MarkSize], zero[:]) == 1
}
