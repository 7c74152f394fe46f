package keys

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"log/slog"

	"nightjar/crypto"
)

const (
	// DataSize is the exact size in bytes of a data block.
	DataSize = 32768
	// MaxRecordSize is the largest size in bytes of a record.
	MaxRecordSize = 4096
)

// ErrInvalid reports bytes that are not the block that their ID names. All causes are one error.
var ErrInvalid = errors.New("keys: block does not match its id")

// Block is a block that was verified against its ID: the only way to make one is to verify or to seal.
// The bytes are shared, never changed after construction.
type Block struct {
	id   ID
	data []byte
}

// ID names the block.
func (b Block) ID() ID { return b.id }

// Data is the block as it travels and is stored. Callers must not change it.
func (b Block) Data() []byte { return b.data }

const redactedBlock = "keys.Block(redacted)"

// String hides the block.
func (b Block) String() string { return redactedBlock }

// GoString hides the block from %#v as String does from %v.
func (b Block) GoString() string { return redactedBlock }

// Format hides the block from the verbs that ignore String.
func (b Block) Format(f fmt.State, _ rune) { io.WriteString(f, redactedBlock) }

// LogValue hides the block from structured logs.
func (b Block) LogValue() slog.Value { return slog.StringValue(redactedBlock) }

// IsZero reports whether b holds no block.
func (b Block) IsZero() bool { return b.data == nil }

// Verify checks that data is the block named by id and takes ownership of data. It needs no secret.
func Verify(id ID, data []byte) (Block, error) {
	switch id.Kind {
	case KindData:
		if len(data) != DataSize || sha256.Sum256(data) != id.Name {
			return Block{}, ErrInvalid
		}
	case KindRecord:
		if err := verifyRecord(id, data); err != nil {
			return Block{}, ErrInvalid
		}
	default:
		return Block{}, ErrInvalid
	}
	return Block{id, data}, nil
}

// Restore makes a block of bytes whose integrity the caller has already established by other means: a store
// that authenticated them with its own key since they were verified. It takes ownership of data.
func Restore(id ID, data []byte) Block { return Block{id, data} }

// SealData encrypts a data block in place and returns it; buf has DataSize bytes and now belongs to the block.
// The key must never seal another block.
func SealData(buf []byte, key *crypto.Key) Block {
	if len(buf) != DataSize {
		panic("keys: a data block has exactly DataSize bytes")
	}
	return Block{ID{KindData, crypto.SealBlock(buf, buf, key)}, buf}
}

// OpenData decrypts a data block into dst, which has DataSize bytes.
func OpenData(dst []byte, b Block, key *crypto.Key) {
	if b.id.Kind != KindData || len(dst) != DataSize {
		panic("keys: OpenData needs a data block and DataSize bytes")
	}
	crypto.OpenBlock(dst, b.data, key)
}
