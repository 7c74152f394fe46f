package wire

import (
	"errors"
	"fmt"
)

// ErrMalformed reports bytes that are no message.
var ErrMalformed = errors.New("wire: malformed message")

// BadBlockError reports a well-formed Data or Put whose block does not match its ID: the peer lies or is broken.
type BadBlockError struct {
	Req Req
	Put bool // the message was a Put, not a Data
}

func (e *BadBlockError) Error() string { return fmt.Sprintf("wire: bad block (put=%t)", e.Put) }

// Append appends the encoding of m to b.
func Append(b []byte, m Message) []byte { return b }

// Parse reads one message that fills b exactly. Blocks are verified and take ownership of b. The error wraps ErrMalformed or is a *BadBlockError.
func Parse(b []byte) (Message, error) { return nil, ErrMalformed }
