package wire

import (
	"crypto/ed25519"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"math"
	"slices"
	"strings"
)

// ErrBadDescriptor reports a descriptor that is malformed or not signed by its node.
var ErrBadDescriptor = errors.New("wire: bad descriptor")

// MaxAddrs is the largest number of addresses in a descriptor.
const MaxAddrs = 4

// Descriptor says who a node is and where it listens, signed by its identity key. It is verified when it is parsed.
type Descriptor struct {
	ID     NodeID
	Issued uint64   // Unix time in seconds, rounded down to the hour; the newest descriptor of a node wins
	Onion  [32]byte // hash of the onion key of the day (crypto/onion.KeyHash); zero = the node does not relay circuits
	Addrs  []Addr
	sig    [64]byte
}

const (
	// descriptorLabel separates these signatures from all others that an identity key makes.
	descriptorLabel = "nightjar descriptor v2"
	// headSize is what precedes the addresses: version, ID, time, onion key, number of addresses.
	headSize = 1 + 32 + 8 + 32 + 1
	// maxDescriptor is the largest encoded descriptor in bytes.
	maxDescriptor = headSize + MaxAddrs*maxAddr + ed25519.SignatureSize
	// hour is the grain in seconds of Issued: a finer one would tell when a node was started.
	hour = 3600
)

// NewDescriptor signs a descriptor with the node's identity key. onion is the hash of its onion key. issued is rounded down to the hour; addresses are
// brought into their one spelling. The error is ErrBadDescriptor.
func NewDescriptor(identity ed25519.PrivateKey, issued uint64, onion [32]byte, addrs []Addr) (Descriptor, error) {
	if len(identity) != ed25519.PrivateKeySize || len(addrs) > MaxAddrs {
		return Descriptor{}, ErrBadDescriptor
	}
	d := Descriptor{ID: NodeID(identity.Public().(ed25519.PublicKey)), Issued: issued - issued%hour, Onion: onion}
	for _, a := range addrs {
		raw, ok := appendAddr(nil, a)
		if !ok {
			return Descriptor{}, ErrBadDescriptor
		}
		canonical, _ := parseAddr(raw)
		d.Addrs = append(d.Addrs, canonical)
	}
	body := d.appendBody([]byte(descriptorLabel))
	copy(d.sig[:], ed25519.Sign(identity, body))
	return d, nil
}

// Append appends the encoding of d.
func (d Descriptor) Append(b []byte) []byte { return append(d.appendBody(b), d.sig[:]...) }

func (d Descriptor) appendBody(b []byte) []byte {
	b = append(b, descriptorVersion)
	b = append(b, d.ID[:]...)
	b = binary.BigEndian.AppendUint64(b, d.Issued)
	b = append(b, d.Onion[:]...)
	b = append(b, byte(len(d.Addrs)))
	for _, a := range d.Addrs {
		b, _ = appendAddr(b, a)
	}
	return b
}

// Equal reports whether both are the same signed statement.
func (d Descriptor) Equal(other Descriptor) bool {
	return d.ID == other.ID && d.Issued == other.Issued && d.Onion == other.Onion && d.sig == other.sig && slices.Equal(d.Addrs, other.Addrs)
}

// Listed is how a List names d.
func (d Descriptor) Listed() Listed {
	return Listed{binary.BigEndian.Uint64(d.ID[:]), uint32(d.Issued / hour), binary.BigEndian.Uint32(d.sig[:])}
}

// descriptorSize is the length of the descriptor at the front of b by its own account; ok is false if b is too short or the account absurd.
func descriptorSize(b []byte) (n int, ok bool) {
	if len(b) < headSize+ed25519.SignatureSize || b[0] != descriptorVersion || b[headSize-1] > MaxAddrs {
		return 0, false
	}
	n = headSize
	for range b[headSize-1] {
		size, ok := addrSize(b[n:])
		if !ok || size > maxAddr {
			return 0, false
		}
		n += size
	}
	n += ed25519.SignatureSize
	return n, n <= len(b)
}

// ParseDescriptor reads a descriptor from the front of b, checks its signature, and returns what follows it. The error is ErrBadDescriptor.
func ParseDescriptor(b []byte) (d Descriptor, rest []byte, err error) {
	size, ok := descriptorSize(b)
	if !ok {
		return Descriptor{}, nil, ErrBadDescriptor
	}
	d.ID = NodeID(b[1:33])
	d.Issued = binary.BigEndian.Uint64(b[33:41])
	if d.Issued%hour != 0 || d.Issued/hour > math.MaxUint32 {
		return Descriptor{}, nil, ErrBadDescriptor
	}
	d.Onion = [32]byte(b[41:73])
	at := headSize
	for range b[headSize-1] {
		n, _ := addrSize(b[at:])
		a, ok := parseAddr(b[at : at+n])
		if !ok {
			return Descriptor{}, nil, ErrBadDescriptor
		}
		d.Addrs = append(d.Addrs, a)
		at += n
	}
	copy(d.sig[:], b[at:size])
	signed := append([]byte(descriptorLabel), b[:at]...)
	if !ed25519.Verify(d.ID[:], signed, d.sig[:]) {
		return Descriptor{}, nil, ErrBadDescriptor
	}
	return d, b[size:], nil
}

// RefPrefix begins a node reference: the one line by which people pass a node on.
const RefPrefix = "nightjar-peer:"

// maxRef bounds the text that ParseRef looks at.
const maxRef = len(RefPrefix) + (maxDescriptor*4+2)/3

// Ref is the descriptor as one line of text: RefPrefix and base64url.
func (d Descriptor) Ref() string {
	return RefPrefix + base64.RawURLEncoding.EncodeToString(d.Append(nil))
}

// ParseRef reads a node reference; space around it is ignored. The error is ErrBadDescriptor.
func ParseRef(s string) (Descriptor, error) {
	text, ok := strings.CutPrefix(strings.TrimSpace(s), RefPrefix)
	if !ok || len(text) > maxRef-len(RefPrefix) {
		return Descriptor{}, ErrBadDescriptor
	}
	raw, err := base64.RawURLEncoding.Strict().DecodeString(text)
	if err != nil {
		return Descriptor{}, ErrBadDescriptor
	}
	d, rest, err := ParseDescriptor(raw)
	if err != nil || len(rest) != 0 || d.Ref()[len(RefPrefix):] != text { // the decoder skips line breaks
		return Descriptor{}, ErrBadDescriptor
	}
	return d, nil
}
