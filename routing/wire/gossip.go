package wire

import "encoding/binary"

const (
	// Buckets is how many parts a view of relays has: by the first byte of their IDs.
	Buckets = 256
	// MaxListed is the largest number of items in one List.
	MaxListed = 2048
)

// Root is the digest of a whole view of relays. Who has another one answers with Digests.
type Root struct{ Hash [16]byte }

// Digests are the digests of all buckets of a view. Who has others answers with a List for each bucket that differs.
type Digests struct{ Buckets *[Buckets]uint64 }

// Listed is one relay of a List.
type Listed struct {
	ID     uint64 // the first 8 bytes of the relay's ID; the first of them is the bucket
	Issued uint32 // of its descriptor, in hours since 1970
	Sum    uint32 // the first 4 bytes of its signature: tells two descriptors of one hour apart
}

// List is all that its sender knows in one bucket, in ascending order. Who knows more or newer ones answers with Relays. Reply says that the
// receiver should send its own List of the bucket too.
type List struct {
	Bucket uint8
	Reply  bool
	Items  []Listed
}

// Relays hands descriptors on, at most MaxNodes. Parse checks their layout only, and lets them point into the frame.
type Relays struct{ Nodes []Claim }

func (Root) message()    {}
func (Digests) message() {}
func (List) message()    {}
func (Relays) message()  {}

func appendGossip(b []byte, m Message) []byte {
	switch m := m.(type) {
	case Root:
		return append(append(b, typeRoot), m.Hash[:]...)
	case Digests:
		b = append(b, typeDigests)
		for _, d := range m.Buckets {
			b = binary.BigEndian.AppendUint64(b, d)
		}
	case List:
		b = append(b, typeList, m.Bucket, 0)
		if m.Reply {
			b[len(b)-1] = 1
		}
		for _, it := range m.Items {
			b = binary.BigEndian.AppendUint64(b, it.ID)
			b = binary.BigEndian.AppendUint32(b, it.Issued)
			b = binary.BigEndian.AppendUint32(b, it.Sum)
		}
	case Relays:
		b = append(b, typeRelays, byte(len(m.Nodes)))
		for i := range m.Nodes {
			b = append(b, m.Nodes[i].raw...)
		}
	}
	return b
}

func parseGossip(b []byte) (Message, error) {
	switch {
	case b[0] == typeRoot && len(b) == sizeRoot:
		return Root{Hash: [16]byte(b[1:])}, nil
	case b[0] == typeDigests && len(b) == sizeDigests:
		d := Digests{Buckets: new([Buckets]uint64)}
		for i := range d.Buckets {
			d.Buckets[i] = binary.BigEndian.Uint64(b[1+8*i:])
		}
		return d, nil
	case b[0] == typeList:
		return parseList(b)
	case b[0] == typeRelays && len(b) >= sizeRelays:
		nodes, ok := parseClaims(b[sizeRelays:], int(b[1]))
		if !ok {
			return nil, ErrMalformed
		}
		return Relays{Nodes: nodes}, nil
	}
	return nil, ErrMalformed
}

// parseList refuses items that are out of order or of another bucket, so that a list has one encoding.
func parseList(b []byte) (Message, error) {
	n := (len(b) - sizeList) / sizeListed
	if len(b) < sizeList || len(b) != sizeList+n*sizeListed || n > MaxListed || b[2] > 1 {
		return nil, ErrMalformed
	}
	l := List{Bucket: b[1], Reply: b[2] == 1}
	if n > 0 {
		l.Items = make([]Listed, n)
	}
	for i := range l.Items {
		at := b[sizeList+i*sizeListed:]
		l.Items[i] = Listed{binary.BigEndian.Uint64(at), binary.BigEndian.Uint32(at[8:]), binary.BigEndian.Uint32(at[12:])}
		if at[0] != l.Bucket || i > 0 && l.Items[i].ID <= l.Items[i-1].ID {
			return nil, ErrMalformed
		}
	}
	return l, nil
}
