package onion

import (
	"fmt"
	"io"
)

// Secrets print redacted under every verb: by value as well, because a struct that holds one may be printed (invariant 7).

// Format keeps a key out of logs.
func (s SecretKey) Format(f fmt.State, _ rune) { io.WriteString(f, "onion.SecretKey(redacted)") }

// Format keeps the secrets of a handshake out of logs.
func (h Handshake) Format(f fmt.State, _ rune) { io.WriteString(f, "onion.Handshake(redacted)") }

// Format keeps the keys of a layer out of logs.
func (l Layer) Format(f fmt.State, _ rune) { io.WriteString(f, "onion.Layer(redacted)") }
