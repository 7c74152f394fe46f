package badgerstore

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/binary"
	"errors"

	"nightjar/keys"
	"nightjar/store"
)

// The labels under which the store key gives its three keys, SPEC §4.
const (
	labelTag   = "nightjar store v1 index tag"
	labelIndex = "nightjar store v1 index cipher"
	labelValue = "nightjar store v1 value"
)

const (
	tagSize   = 16
	entrySize = 44 // kind 1, class 1, at 8, size 2, name 32
	// keySize is the size in bytes of a Badger key.
	keySize = tagSize + entrySize
	// sealSize is what sealing adds to a block: a nonce of 12 bytes in front, a tag of 16 behind.
	sealSize = 12 + 16
)

var errSeal = errors.New("badgerstore: the seal is broken")

// sealer encrypts what goes to the disk: entries into Badger keys, blocks into Badger values. Safe for concurrent use.
type sealer struct {
	tag   [32]byte
	index cipher.Block
	value cipher.AEAD
}

func newSealer(key *[32]byte) (*sealer, error) {
	derive := func(label string) ([]byte, error) { return hkdf.Expand(sha256.New, key[:], label, 32) }
	tag, err := derive(labelTag)
	if err != nil {
		return nil, err
	}
	index, err := derive(labelIndex)
	if err != nil {
		return nil, err
	}
	value, err := derive(labelValue)
	if err != nil {
		return nil, err
	}
	s := &sealer{tag: [32]byte(tag)}
	if s.index, err = aes.NewCipher(index); err != nil {
		return nil, err
	}
	block, err := aes.NewCipher(value)
	if err != nil {
		return nil, err
	}
	if s.value, err = cipher.NewGCMWithRandomNonce(block); err != nil {
		return nil, err
	}
	clear(tag)
	clear(index)
	clear(value)
	return s, nil
}

// wipe overwrites the part of the keys that is in our hands.
func (s *sealer) wipe() { clear(s.tag[:]) }

// key is the Badger key of an entry: a synthetic tag over the entry and the entry encrypted under it (SIV). Equal entries
// give equal keys, and nobody without the store key can tell what entry a key is, or that two keys are of one block.
func (s *sealer) key(e store.Entry) []byte {
	o := opener{sealer: s}
	k := make([]byte, keySize)
	plain := k[tagSize:]
	plain[0], plain[1] = byte(e.ID.Kind), byte(e.Class)
	binary.BigEndian.PutUint64(plain[2:], uint64(e.At))
	binary.BigEndian.PutUint16(plain[10:], uint16(e.Size))
	copy(plain[12:], e.ID.Name[:])
	tag := s.tagOf(plain)
	copy(k, tag[:])
	o.mask(plain, k)
	return k
}

// entry reads a Badger key back, or returns errSeal.
func (s *sealer) entry(key []byte) (store.Entry, error) {
	o := opener{sealer: s}
	return o.entry(key)
}

// opener reads many keys: what the cipher works in is on the heap, as a cipher is an interface, and is made once. For one caller at a time.
type opener struct {
	*sealer
	in, out [aes.BlockSize]byte
}

func (o *opener) entry(key []byte) (store.Entry, error) {
	if len(key) != keySize {
		return store.Entry{}, errSeal
	}
	var plain [entrySize]byte
	copy(plain[:], key[tagSize:])
	o.mask(plain[:], key)
	if tag := o.tagOf(plain[:]); subtle.ConstantTimeCompare(tag[:], key[:tagSize]) != 1 {
		return store.Entry{}, errSeal
	}
	e := store.Entry{
		ID:    keys.ID{Kind: keys.Kind(plain[0]), Name: [32]byte(plain[12:])},
		Class: store.Class(plain[1]),
		At:    keys.Location(binary.BigEndian.Uint64(plain[2:])),
		Size:  int(binary.BigEndian.Uint16(plain[10:])),
	}
	if !e.Valid() {
		return store.Entry{}, errSeal
	}
	return e, nil
}

// mask encrypts or decrypts an entry: AES-256 of the tag with the number of the 16-byte piece XORed into its last byte.
func (o *opener) mask(entry, tag []byte) {
	copy(o.in[:], tag[:tagSize])
	for i := range (entrySize + aes.BlockSize - 1) / aes.BlockSize {
		o.in[aes.BlockSize-1] = tag[tagSize-1] ^ byte(i)
		o.index.Encrypt(o.out[:], o.in[:])
		piece := entry[i*aes.BlockSize:]
		subtle.XORBytes(piece, piece, o.out[:min(len(o.out), len(piece))])
	}
}

// tagOf is a pseudo-random function of the entry: SHA-256 over key and message, which is one as all messages are
// equally long.
func (s *sealer) tagOf(plain []byte) [tagSize]byte {
	var m [32 + entrySize]byte
	copy(m[:], s.tag[:])
	copy(m[32:], plain)
	h := sha256.Sum256(m[:])
	return [tagSize]byte(h[:])
}

// sealBlock appends the sealed block to dst. The seal binds the bytes to the ID.
func (s *sealer) sealBlock(dst []byte, b keys.Block) []byte {
	return s.value.Seal(dst, nil, b.Data(), b.ID().Append(nil))
}

// openBlock decrypts a value into a buffer of its own, or returns errSeal.
func (s *sealer) openBlock(e store.Entry, value []byte) (keys.Block, error) {
	if len(value) != e.Size+sealSize {
		return keys.Block{}, errSeal
	}
	data, err := s.value.Open(make([]byte, 0, e.Size), nil, value, e.ID.Append(nil))
	if err != nil {
		return keys.Block{}, errSeal
	}
	return keys.Restore(e.ID, data), nil
}
