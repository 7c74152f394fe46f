package keys

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"log/slog"

	"nightjar/crypto"
)

// Kind says how a block is verified.
type Kind uint8

const (
	// KindData is a block of DataSize bytes named by the SHA-256 of its ciphertext.
	KindData Kind = 1
	// KindRecord is a signed record named by its blinded public key.
	KindRecord Kind = 2
)

// IDSize is the size in bytes of an encoded ID.
const IDSize = 33

// ErrBadID reports bytes that are no ID.
var ErrBadID = errors.New("keys: malformed block id")

var errMarshalID = errors.New("keys: an ID is not text; formats hold its bytes")

// ID names one block in the network: what storing nodes see. It is comparable and prints redacted.
type ID struct {
	Kind Kind
	Name [32]byte
}

// Append appends the 33-byte encoding: kind, name.
func (id ID) Append(b []byte) []byte {
	b = append(b, byte(id.Kind))
	return append(b, id.Name[:]...)
}

// ParseID reads an ID from the front of b and returns what follows it.
func ParseID(b []byte) (id ID, rest []byte, err error) {
	if len(b) < IDSize {
		return ID{}, nil, ErrBadID
	}
	id.Kind = Kind(b[0])
	if id.Kind != KindData && id.Kind != KindRecord {
		return ID{}, nil, ErrBadID
	}
	copy(id.Name[:], b[1:IDSize])
	return id, b[IDSize:], nil
}

const redactedID = "keys.ID(redacted)"

// String hides the name: an ID in a log would say what was asked for.
func (id ID) String() string { return redactedID }

// GoString hides the name from %#v as String does from %v.
func (id ID) GoString() string { return redactedID }

// Format hides the name from the verbs that ignore String, such as %x.
func (id ID) Format(f fmt.State, _ rune) { io.WriteString(f, redactedID) }

// LogValue hides the name from structured logs.
func (id ID) LogValue() slog.Value { return slog.StringValue(redactedID) }

// MarshalText fails, so that an ID inside a value that is turned into JSON is an error rather than a leak. Formats use Append.
func (id ID) MarshalText() ([]byte, error) { return nil, errMarshalID }

// Location is a point on the ring [0,1) in units of 2^-64.
type Location uint64

// Distance is the shorter way round the ring between two locations, in units of 2^-64; at most 2^63.
func (l Location) Distance(m Location) uint64 {
	d := uint64(l - m)
	return min(d, -d)
}

// Float is the location as a number in [0,1).
func (l Location) Float() float64 { return float64(l) / (1 << 64) }

// Rotations is how many positions of the ring a top block has.
const Rotations = 4

// Location is where the block belongs: H("rot" | key | i). Content blocks use rotation 0 only, top blocks all of them.
func (id ID) Location(rotation uint8) Location {
	var b [len(crypto.LabelRotation) + IDSize + 1]byte
	n := copy(b[:], crypto.LabelRotation)
	b[n] = byte(id.Kind)
	copy(b[n+1:], id.Name[:])
	b[n+IDSize] = rotation
	h := sha256.Sum256(b[:])
	return Location(binary.BigEndian.Uint64(h[:8]))
}
