package wire

import (
	"crypto/ed25519"
	"errors"
)

// ErrBadDescriptor reports a descriptor that is malformed or not signed by its node.
var ErrBadDescriptor = errors.New("wire: bad descriptor")

// MaxAddrs is the largest number of addresses in a descriptor.
const MaxAddrs = 4

// Addr is where a node listens, as "tcp/127.0.0.1:4001" or "quic/[::1]:4001": a transport's name and an address literal, never a host name.
type Addr string

// Descriptor says who a node is and where it listens, signed by its identity key. It is verified when it is parsed.
type Descriptor struct {
	ID     NodeID
	Issued uint64 // Unix time in seconds, rounded down to the hour; the newest descriptor of a node wins
	Addrs  []Addr
	sig    [64]byte
}

// NewDescriptor signs a descriptor with the node's identity key.
func NewDescriptor(identity ed25519.PrivateKey, issued uint64, addrs []Addr) (Descriptor, error) {
	return Descriptor{}, ErrBadDescriptor
}

// Location is the node's place on the ring.
// Append appends the encoding of d.
func (d Descriptor) Append(b []byte) []byte { return b }

// ParseDescriptor reads a descriptor from the front of b, checks its signature, and returns what follows it.
func ParseDescriptor(b []byte) (d Descriptor, rest []byte, err error) {
	return Descriptor{}, nil, ErrBadDescriptor
}

// RefPrefix begins a node reference: the one line by which people pass a node on.
const RefPrefix = "nightjar-peer:"

// Ref is the descriptor as one line of text: RefPrefix and base64url.
func (d Descriptor) Ref() string { return "" }

// ParseRef reads a node reference.
func ParseRef(s string) (Descriptor, error) { return Descriptor{}, ErrBadDescriptor }
