package onion

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/subtle"
	"encoding/binary"
	"errors"
)

// ErrExhausted reports a layer that has sealed or opened all the cells that its keys are good for.
var ErrExhausted = errors.New("onion: this circuit has carried as many cells as it may")

const (
	// maxCells is how many cells one direction of one hop carries (SPEC §5.5).
	maxCells = 1 << 24
	// right is the size of the half that the block cipher takes; the rest is the left half.
	right = aes.BlockSize
	// MarkSize is how many zero bytes begin a body that is meant for whoever opens it.
	MarkSize = 16
	// layerKeys is the size of the keys of one direction of one hop.
	layerKeys = 5*32 + right
)

// Layer is one direction of one hop: keys, and the chain that ties each cell to all before it. Both ends step their own.
// It is not safe for concurrent use.
type Layer struct {
	hash   cipher.AEAD  // H: GMAC under a constant nonce, almost-XOR-universal
	middle cipher.Block // E: what stands between the two hashes
	stream cipher.Block // S: AES-CTR, started at the middle value
	tweak  cipher.Block // how the chain enters the hash
	next   cipher.Block // how the chain goes on

	chain [right]byte
	cells uint32
	x, y  [right]byte // scratch, so that no cell costs an allocation here
}

// newLayer takes layerKeys bytes of key material.
func newLayer(k []byte) *Layer {
	l := &Layer{middle: block(k[32:64]), stream: block(k[64:96]), tweak: block(k[96:128]), next: block(k[128:160])}
	hash, err := cipher.NewGCM(block(k[:32]))
	if err != nil {
		panic("onion: " + err.Error()) // AES has the block size that GCM wants
	}
	l.hash = hash
	copy(l.chain[:], k[160:])
	return l
}

func block(key []byte) cipher.Block {
	b, err := aes.NewCipher(key)
	if err != nil {
		panic("onion: " + err.Error()) // the length is right
	}
	return b
}

// Encrypt adds the layer to a body, in place. The error is ErrExhausted.
func (l *Layer) Encrypt(body *[BodySize]byte) error {
	if l.cells >= maxCells {
		return ErrExhausted
	}
	r, left := (*[right]byte)(body[:right]), body[right:]
	l.tweak.Encrypt(l.y[:], l.chain[:])
	l.mix(r, left)
	l.middle.Encrypt(r[:], r[:])
	l.step(r)
	cipher.NewCTR(l.stream, r[:]).XORKeyStream(left, left)
	l.mix(r, left)
	return nil
}

// Decrypt removes the layer from a body, in place. A body that was not sealed by the other end, or not in this order,
// becomes noise, and so does every later one. The error is ErrExhausted.
func (l *Layer) Decrypt(body *[BodySize]byte) error {
	if l.cells >= maxCells {
		return ErrExhausted
	}
	r, left := (*[right]byte)(body[:right]), body[right:]
	l.tweak.Encrypt(l.y[:], l.chain[:])
	l.mix(r, left)
	cipher.NewCTR(l.stream, r[:]).XORKeyStream(left, left)
	l.step(r)
	l.middle.Decrypt(r[:], r[:])
	l.mix(r, left)
	return nil
}

// nonce is the constant under which GMAC is GHASH and a constant. It is never used to authenticate anything.
var nonce [12]byte

// mix XORs the hash of the left half and of the tweak into the right half.
func (l *Layer) mix(r *[right]byte, left []byte) {
	l.hash.Seal(l.x[:0], nonce[:], nil, left)
	subtle.XORBytes(r[:], r[:], l.x[:])
	subtle.XORBytes(r[:], r[:], l.y[:])
}

// step moves the chain on by the middle value, which depends on every byte of this cell and of all before.
func (l *Layer) step(middle *[right]byte) {
	binary.BigEndian.PutUint32(l.x[:], l.cells)
	clear(l.x[4:])
	subtle.XORBytes(l.x[:], l.x[:], middle[:])
	l.next.Encrypt(l.chain[:], l.x[:])
	l.cells++
}

// Wipe forgets what it can of the layer; a layer that was wiped refuses to work.
func (l *Layer) Wipe() {
	*l = Layer{cells: maxCells}
}

// Ours reports, in constant time, whether an opened body is meant for whoever opened it.
func Ours(body *[BodySize]byte) bool {
	var zero [MarkSize]byte
	return subtle.ConstantTimeCompare(body[:MarkSize], zero[:]) == 1
}
