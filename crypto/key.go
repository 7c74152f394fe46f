package crypto

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
)

// KeySize is the size in bytes of every symmetric secret.
const KeySize = 32

const redactedKey = "crypto.Key(redacted)"

var errMarshalKey = errors.New("crypto: a key is not text; spell its bytes out where a format holds them")

// Key is a symmetric secret of 32 bytes. It prints redacted.
type Key [KeySize]byte

// NewKey draws a key from random. The error is the reader's.
func NewKey(random io.Reader) (k Key, err error) {
	if _, err := io.ReadFull(random, k[:]); err != nil {
		return Key{}, fmt.Errorf("crypto: drawing a key: %w", err)
	}
	return k, nil
}

// Wipe overwrites the secret. It is kept out of line because the compiler may drop a store to a local variable
// that it can see nobody reads again.
//
//go:noinline
func (k *Key) Wipe() { clear(k[:]) }

// String hides the secret, so that a key that reaches a log by mistake says nothing.
func (k Key) String() string { return redactedKey }

// GoString hides the secret from %#v as String does from %v.
func (k Key) GoString() string { return redactedKey }

// Format hides the secret from the verbs that ignore String, such as %d.
func (k Key) Format(f fmt.State, _ rune) { io.WriteString(f, redactedKey) }

// LogValue hides the secret from structured logs.
func (k Key) LogValue() slog.Value { return slog.StringValue(redactedKey) }

// MarshalText fails, so that a key inside a value that is turned into JSON is an error rather than a leak.
func (k Key) MarshalText() ([]byte, error) { return nil, errMarshalKey }
