package wire

import (
	"bytes"
	"encoding/binary"
)

// Claim is a descriptor as it came in a Relays message: its layout was checked, its signature was not. Most of what gossip brings
// is known already, and a signature costs a thousand times what a comparison does, so whoever holds the view decides which ones
// are worth checking. The zero value is no claim.
type Claim struct{ raw []byte }

// Claim is how Relays carries d.
func (d Descriptor) Claim() Claim { return Claim{d.Append(make([]byte, 0, maxDescriptor))} }

// ID is whose descriptor it claims to be.
func (c Claim) ID() NodeID { return NodeID(c.raw[1:33]) }

// Issued is Descriptor.Issued, unchecked.
func (c Claim) Issued() uint64 { return binary.BigEndian.Uint64(c.raw[33:41]) }

// Equal reports whether both have the same bytes.
func (c Claim) Equal(other Claim) bool { return bytes.Equal(c.raw, other.raw) }

// Compare compares the bytes of c with those of d, as bytes.Compare does. If it returns 0, c is d and needs no check.
func (c Claim) Compare(d Descriptor) int {
	var b [maxDescriptor]byte
	return bytes.Compare(c.raw, d.Append(b[:0]))
}

// Verify checks the signature and the rest, and copies what it keeps. The error is ErrBadDescriptor.
func (c Claim) Verify() (Descriptor, error) {
	d, rest, err := ParseDescriptor(c.raw)
	if err != nil || len(rest) != 0 {
		return Descriptor{}, ErrBadDescriptor
	}
	return d, nil
}

// parseClaims reads n claims that fill b. They point into b.
func parseClaims(b []byte, n int) (nodes []Claim, ok bool) {
	ends, ok := layout(b, n)
	if !ok {
		return nil, false
	}
	if n > 0 {
		nodes = make([]Claim, n)
	}
	for i := range nodes {
		nodes[i].raw, b = b[:ends[i]:ends[i]], b[ends[i]:]
	}
	return nodes, true
}
