package vault

import (
	"bytes"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"

	"nightjar/crypto"
)

// The labels under which the vault's key gives its three keys, SPEC §2.
const (
	labelName  crypto.Label = "vault name v1"
	labelValue crypto.Label = "vault value v1"
	labelMark  crypto.Label = "vault mark v1"
)

// The first bytes of Badger keys, SPEC §3.
const (
	kindRecord = 'r'
	kindPiece  = 'c'
	kindCensus = 'm'
)

const (
	maxSpace  = 64
	maxID     = 1024
	maxInline = 16 << 10
	pieceSize = 32 << 10

	spaceTag = 8
	idTag    = 24
	keySize  = 1 + spaceTag + idTag

	recordVersion = 1
	formHere      = 0
	formPieces    = 1
	headSize      = 9
	genSize       = 8
	minClass      = 512
	censusSize    = 17
	sealSize      = crypto.NonceSize + crypto.Overhead
)

// sealer makes what goes to the disk.
type sealer struct{ name, value, mark crypto.Key }

func newSealer(key *[32]byte) *sealer {
	return &sealer{
		name:  crypto.DeriveKey(key[:], labelName, nil),
		value: crypto.DeriveKey(key[:], labelValue, nil),
		mark:  crypto.DeriveKey(key[:], labelMark, nil),
	}
}

func (s *sealer) wipe() {
	s.name.Wipe()
	s.value.Wipe()
	s.mark.Wipe()
}

func tag(key *crypto.Key, parts ...[]byte) []byte {
	mac := hmac.New(sha256.New, key[:])
	for _, p := range parts {
		mac.Write(p)
	}
	return mac.Sum(nil)
}

// prefix begins the Badger keys of a space's records.
func (s *sealer) prefix(space string) []byte {
	return append([]byte{kindRecord}, tag(&s.name, []byte{1}, []byte(space))[:spaceTag]...)
}

// key is the Badger key of a record.
func (s *sealer) key(space string, id []byte) []byte {
	return append(s.prefix(space), tag(&s.name, []byte{2, byte(len(space))}, []byte(space), id)[:idTag]...)
}

// pieceKey is the Badger key of a piece of a value.
func pieceKey(gen [genSize]byte, i int) []byte {
	k := append([]byte{kindPiece}, gen[:]...)
	return binary.BigEndian.AppendUint32(k, uint32(i))
}

func (s *sealer) seal(plain []byte, ad ...[]byte) []byte {
	var nonce [crypto.NonceSize]byte
	rand.Read(nonce[:])
	out := make([]byte, crypto.NonceSize, len(plain)+sealSize)
	copy(out, nonce[:])
	return crypto.Seal(out, &s.value, &nonce, plain, bytes.Join(ad, nil))
}

// open undoes seal; ErrDamaged.
func (s *sealer) open(sealed []byte, ad ...[]byte) ([]byte, error) {
	if len(sealed) < sealSize {
		return nil, ErrDamaged
	}
	nonce := [crypto.NonceSize]byte(sealed)
	plain, err := crypto.Open(nil, &s.value, &nonce, sealed[crypto.NonceSize:], bytes.Join(ad, nil))
	if err != nil {
		return nil, ErrDamaged
	}
	return plain, nil
}

// record is what a record's entry says.
type record struct {
	space string
	id    []byte
	size  int    // of the value
	value []byte // nil if it is in pieces
	gen   [genSize]byte
}

// inPieces reports whether the value is in entries of its own.
func (r *record) inPieces() bool { return r.size > maxInline }

// pieces is how many.
func (r *record) pieces() int {
	if !r.inPieces() {
		return 0
	}
	return (r.size + pieceSize - 1) / pieceSize
}

// append encodes the record (SPEC §3), padded to its class.
func (r *record) append(b []byte) []byte {
	form, body := byte(formHere), r.value
	if r.inPieces() {
		form, body = formPieces, r.gen[:]
	}
	b = append(b, recordVersion, form, byte(len(r.space)))
	b = binary.BigEndian.AppendUint16(b, uint16(len(r.id)))
	b = binary.BigEndian.AppendUint32(b, uint32(r.size))
	b = append(b, r.space...)
	b = append(b, r.id...)
	b = append(b, body...)
	return append(b, make([]byte, class(len(b))-len(b))...)
}

// class is the length to which a record of n bytes is padded.
func class(n int) int {
	c := minClass
	for c < n {
		c *= 2
	}
	return c
}

// parseRecord reads what append wrote; ErrDamaged. What it returns shares b's bytes.
func parseRecord(b []byte) (*record, error) {
	if len(b) < minClass || b[0] != recordVersion || b[1] > formPieces {
		return nil, ErrDamaged
	}
	spaces, ids := int(b[2]), int(binary.BigEndian.Uint16(b[3:]))
	size := binary.BigEndian.Uint32(b[5:])
	body := genSize
	if b[1] == formHere {
		body = int(min(size, maxInline+1))
	}
	if spaces < 1 || spaces > maxSpace || ids < 1 || ids > maxID || size > MaxValue || (size > maxInline) != (b[1] == formPieces) ||
		class(headSize+spaces+ids+body) != len(b) {
		return nil, ErrDamaged
	}
	rest := b[headSize:]
	r := &record{space: string(rest[:spaces]), id: rest[spaces:][:ids], size: int(size)}
	rest = rest[spaces+ids:]
	if r.inPieces() {
		r.gen = [genSize]byte(rest)
	} else {
		r.value = rest[:body]
	}
	for _, c := range rest[body:] {
		if c != 0 {
			return nil, ErrDamaged
		}
	}
	return r, nil
}

// openRecord reads a record's entry and looks that it is under its own name.
func (s *sealer) openRecord(key, sealed []byte) (*record, error) {
	plain, err := s.open(sealed, key)
	if err != nil {
		return nil, err
	}
	r, err := parseRecord(plain)
	if err != nil {
		return nil, err
	}
	if !bytes.Equal(s.key(r.space, r.id), key) {
		return nil, ErrDamaged
	}
	return r, nil
}

// census counts what there should be.
type census struct{ seq, records uint64 }

func (c census) append(b []byte) []byte {
	b = append(b, recordVersion)
	b = binary.BigEndian.AppendUint64(b, c.seq)
	return binary.BigEndian.AppendUint64(b, c.records)
}

func parseCensus(b []byte) (census, error) {
	if len(b) != censusSize || b[0] != recordVersion {
		return census{}, ErrDamaged
	}
	return census{binary.BigEndian.Uint64(b[1:]), binary.BigEndian.Uint64(b[9:])}, nil
}
