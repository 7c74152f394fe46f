package keys

import (
	"errors"
	"io"
)

// MaxPayload is the largest payload in bytes of a record.
const MaxPayload = 3840

// ErrWrongKey reports a record that a document's read capability does not open.
var ErrWrongKey = errors.New("keys: record does not open under this key")

// Record is what a reader finds in a record block.
type Record struct {
	Version uint64 // grows with every new record of the document
	Expiry  uint64 // Unix time in seconds after which storers may forget it; 0 = never
	Payload []byte
}

// Document is the capability to find and read one document of an author.
type Document struct{ id ID }

// ID names the document's record in the network.
func (d Document) ID() ID { return d.id }

// Open decrypts the record of this document.
func (d Document) Open(b Block) (Record, error) { return Record{}, ErrWrongKey }

// Author is the capability to write documents.
type Author struct{}

// Seal signs and encrypts a record of the author's document doc. random hedges the signature's nonce and draws the encryption nonce.
func (a Author) Seal(doc string, r Record, random io.Reader) (Block, error) {
	return Block{}, ErrWrongKey
}

// RecordVersion is the version that a record block carries in clear, for storers that keep only the newest.
func RecordVersion(b Block) uint64 { return 0 }

func verifyRecord(id ID, data []byte) error { return ErrInvalid }
