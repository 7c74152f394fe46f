package keys

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"slices"

	"nightjar/crypto"
)

// MaxPayload is the largest payload in bytes of a record.
const MaxPayload = 3840

// The layout of a record, SPEC §4.
const (
	offBody    = crypto.SignatureSize
	offExpiry  = offBody + 8
	offNonce   = offExpiry + 8
	offSealed  = offNonce + crypto.NonceSize
	lengthSize = 2
	overhead   = offSealed + crypto.Overhead + lengthSize
)

// recordClasses are the payload capacities of a record's three sizes: what a storing node learns of the payload's length.
var recordClasses = [...]int{256, 1024, MaxPayload}

// ErrWrongKey reports a record that a document's read capability does not open.
var ErrWrongKey = errors.New("keys: record does not open under this key")

// ErrTooLarge reports a payload of more than MaxPayload bytes.
var ErrTooLarge = errors.New("keys: payload does not fit in a record")

// Record is what a reader finds in a record block.
type Record struct {
	Version uint64 // grows with every new record of the document
	Expiry  uint64 // Unix time in seconds after which storers may forget it; 0 = never
	Payload []byte
}

// Document is the capability to find and read one document of an author.
type Document struct {
	id  ID
	key crypto.Key
}

// ID names the document's record in the network.
func (d Document) ID() ID { return d.id }

// Wipe overwrites the capability.
func (d *Document) Wipe() {
	d.key.Wipe()
	d.id = ID{}
}

// Open decrypts the record of this document, or returns ErrWrongKey.
func (d Document) Open(b Block) (Record, error) {
	if d.id.Kind != KindRecord || b.id != d.id || !isRecordSize(len(b.data)) {
		return Record{}, ErrWrongKey
	}
	nonce := (*[crypto.NonceSize]byte)(b.data[offNonce:])
	plain, err := crypto.Open(nil, &d.key, nonce, b.data[offSealed:], recordContext(d.id, b.data))
	if err != nil {
		return Record{}, ErrWrongKey
	}
	n := int(binary.BigEndian.Uint16(plain))
	rest := plain[lengthSize:]
	if n > len(rest) || slices.ContainsFunc(rest[n:], func(c byte) bool { return c != 0 }) {
		return Record{}, ErrWrongKey
	}
	return Record{
		Version: binary.BigEndian.Uint64(b.data[offBody:]),
		Expiry:  binary.BigEndian.Uint64(b.data[offExpiry:]),
		Payload: rest[:n:n],
	}, nil
}

// Author is the capability to write documents.
type Author struct {
	seed crypto.Key
	read crypto.Key
}

// Wipe overwrites the capability.
func (a *Author) Wipe() {
	a.seed.Wipe()
	a.read.Wipe()
}

// Seal signs and encrypts a record of the author's document doc. random hedges the signature's nonce and draws the encryption nonce.
// ErrTooLarge if the payload does not fit; an error that wraps ErrBadURI if doc is no document name; else the reader's error.
func (a Author) Seal(doc string, r Record, random io.Reader) (Block, error) {
	if a == (Author{}) {
		return Block{}, fmt.Errorf("%w: no author", ErrBadURI)
	}
	if err := checkDocName(doc); err != nil {
		return Block{}, err
	}
	class, err := recordClass(len(r.Payload))
	if err != nil {
		return Block{}, err
	}
	signer := crypto.NewSigner(&a.seed, &a.read, doc)
	defer signer.Wipe()
	key := signer.RecordKey()
	defer key.Wipe()
	id := ID{KindRecord, signer.Public()}

	data := make([]byte, offSealed, overhead+class)
	binary.BigEndian.PutUint64(data[offBody:], r.Version)
	binary.BigEndian.PutUint64(data[offExpiry:], r.Expiry)
	nonce := (*[crypto.NonceSize]byte)(data[offNonce:])
	if _, err := io.ReadFull(random, nonce[:]); err != nil {
		return Block{}, fmt.Errorf("keys: drawing a nonce: %w", err)
	}
	plain := make([]byte, lengthSize+class)
	binary.BigEndian.PutUint16(plain, uint16(len(r.Payload)))
	copy(plain[lengthSize:], r.Payload)
	data = crypto.Seal(data, &key, nonce, plain, recordContext(id, data))

	sig, err := signer.Sign(recordMessage(id, data), random)
	if err != nil {
		return Block{}, err
	}
	copy(data, sig[:])
	return Block{id, data}, nil
}

// FirstVersion draws the version of a document's first record; every further record adds 1. It is random because a
// version that counted from 1, or told the time, would say how often or when an author writes.
func FirstVersion(random io.Reader) (uint64, error) {
	var b [8]byte
	if _, err := io.ReadFull(random, b[2:]); err != nil {
		return 0, fmt.Errorf("keys: drawing a version: %w", err)
	}
	return binary.BigEndian.Uint64(b[:]) + 1, nil
}

// RecordVersion is the version that a record block carries in clear, for storers that keep only the newest; 0 for other blocks.
func RecordVersion(b Block) uint64 { return b.recordField(offBody) }

// RecordExpiry is the expiry that a record block carries in clear, in Unix seconds; 0 = never, and for other blocks.
func RecordExpiry(b Block) uint64 { return b.recordField(offExpiry) }

func (b Block) recordField(off int) uint64 {
	if b.id.Kind != KindRecord || len(b.data) < offSealed {
		return 0
	}
	return binary.BigEndian.Uint64(b.data[off:])
}

func verifyRecord(id ID, data []byte) error {
	if !isRecordSize(len(data)) {
		return ErrInvalid
	}
	if !crypto.VerifySignature(&id.Name, recordMessage(id, data), data[:offBody]) {
		return ErrInvalid
	}
	return nil
}

// recordMessage is what the signature covers: LabelRecord | A_d | body.
func recordMessage(id ID, data []byte) []byte {
	m := make([]byte, 0, len(crypto.LabelRecord)+len(id.Name)+len(data)-offBody)
	m = append(m, crypto.LabelRecord...)
	m = append(m, id.Name[:]...)
	return append(m, data[offBody:]...)
}

// recordContext is the associated data of the encryption: LabelRecord | A_d | version | expiry.
func recordContext(id ID, data []byte) []byte {
	ad := append([]byte(crypto.LabelRecord), id.Name[:]...)
	return append(ad, data[offBody:offNonce]...)
}

// recordClass is the smallest capacity that holds n bytes.
func recordClass(n int) (int, error) {
	for _, c := range recordClasses {
		if n <= c {
			return c, nil
		}
	}
	return 0, ErrTooLarge
}

func isRecordSize(n int) bool { return slices.Contains(recordClasses[:], n-overhead) }

const (
	redactedDocument = "keys.Document(redacted)"
	redactedAuthor   = "keys.Author(redacted)"
)

// String hides the capability.
func (d Document) String() string { return redactedDocument }

// GoString hides the capability from %#v as String does from %v.
func (d Document) GoString() string { return redactedDocument }

// Format hides the capability from the verbs that ignore String.
func (d Document) Format(f fmt.State, _ rune) { io.WriteString(f, redactedDocument) }

// LogValue hides the capability from structured logs.
func (d Document) LogValue() slog.Value { return slog.StringValue(redactedDocument) }

// String hides the capability.
func (a Author) String() string { return redactedAuthor }

// GoString hides the capability from %#v as String does from %v.
func (a Author) GoString() string { return redactedAuthor }

// Format hides the capability from the verbs that ignore String.
func (a Author) Format(f fmt.State, _ rune) { io.WriteString(f, redactedAuthor) }

// LogValue hides the capability from structured logs.
func (a Author) LogValue() slog.Value { return slog.StringValue(redactedAuthor) }
