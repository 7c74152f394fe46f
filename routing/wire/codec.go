package wire

import (
	"encoding/binary"
	"errors"
	"fmt"

	"nightjar/crypto/onion"
	"nightjar/keys"
)

// ErrMalformed reports bytes that are no message.
var ErrMalformed = errors.New("wire: malformed message")

// BadBlockError reports a well-formed Data, Put, Copy or Push whose block does not match its ID: the peer lies or is broken.
type BadBlockError struct {
	Req Req
	Put bool // the message was a Put, a Copy or a Push, not a Data
}

func (e *BadBlockError) Error() string { return fmt.Sprintf("wire: bad block (put=%t)", e.Put) }

// Version is the version of the messages, as Hello carries it; descriptors have one of their own.
const (
	Version           = 4
	descriptorVersion = 2
)

// The first byte of a message: SPEC.md §2.
const (
	typeHello  = 0x01
	typePing   = 0x02
	typePong   = 0x03
	typeNear   = 0x04
	typeNodes  = 0x05
	typeGet    = 0x10
	typeData   = 0x11
	typePut    = 0x12
	typeStored = 0x13
	typeFail   = 0x14
	typeCancel = 0x15
	typeLease  = 0x16
	typePush   = 0x17

	typeCell   = 0x20
	typeAskKey = 0x21
	typeKey    = 0x22

	typeRoot    = 0x30
	typeDigests = 0x31
	typeList    = 0x32
	typeRelays  = 0x33

	typeCompare = 0x40
	typeParts   = 0x41
	typeHeld    = 0x42
	typeWant    = 0x43
	typeCopy    = 0x44
	typeRefuse  = 0x45
)

// Sizes in bytes of whole messages, or of all that precedes their variable part.
const (
	sizeHello  = 1 + 2
	sizePing   = 1 + 8
	sizeNear   = 1 + 4 + 8
	sizeNodes  = 1 + 4 + 1
	sizeGet    = 1 + 4 + 3 + keys.IDSize
	sizeData   = 1 + 4 + keys.IDSize
	sizePut    = sizeGet
	sizeStored = 1 + 4 + 1
	sizeFail   = 1 + 4 + 1
	sizeCancel = 1 + 4
	sizeLease  = 1 + 2 + keys.IDSize
	sizePush   = 1 + keys.IDSize

	sizeCell   = 1 + 8 + onion.BodySize
	sizeAskKey = 1 + 4 + 32
	sizeKey    = 1 + 4 + onion.KeySize

	sizeRoot    = 1 + 16
	sizeDigests = 1 + 8*Buckets
	sizeList    = 1 + 2
	sizeListed  = 8 + 4 + 4
	sizeRelays  = 1 + 1

	sizeSpan    = 8 + 8
	sizeCompare = 1 + 4 + sizeSpan + len(Mark{})
	sizeParts   = 1 + 4 + sizeSpan + 1
	sizePart    = 8 + len(Mark{})
	sizeHeld    = 1 + 4 + sizeSpan + 2
	sizeItem    = 1 + keys.IDSize // of a data block; a record's version follows
	sizeWant    = 1 + 4 + 1 + keys.IDSize
	sizeCopy    = sizeData
	sizeRefuse  = 1 + 4 + 1
)

// Append appends the encoding of m to b.
func Append(b []byte, m Message) []byte {
	switch m := m.(type) {
	case Cell:
		return appendCell(b, m)
	case Data:
		b = appendReq(b, typeData, m.Req)
		b = m.Block.ID().Append(b)
		return append(b, m.Block.Data()...)
	case Put:
		b = appendAsk(b, typePut, Get{m.Req, m.HTL, m.Class, m.Rotation, m.Block.ID()})
		return append(b, m.Block.Data()...)
	case Get:
		return appendAsk(b, typeGet, m)
	case Stored:
		return append(appendReq(b, typeStored, m.Req), m.Copies)
	case Fail:
		return append(appendReq(b, typeFail, m.Req), byte(m.Reason))
	case Cancel:
		return appendReq(b, typeCancel, m.Req)
	case Lease:
		return appendLease(b, m)
	case Push:
		return append(m.Block.ID().Append(append(b, typePush)), m.Block.Data()...)
	case Near:
		return binary.BigEndian.AppendUint64(appendReq(b, typeNear, m.Req), uint64(m.Target))
	case Nodes:
		b = append(appendReq(b, typeNodes, m.Req), byte(len(m.Nodes)))
		for i := range m.Nodes {
			b = m.Nodes[i].Append(b)
		}
		return b
	case Hello:
		return m.Self.Append(append(b, typeHello, m.Version, byte(m.Purpose)))
	case Ping:
		return binary.BigEndian.AppendUint64(append(b, typePing), m.Nonce)
	case Pong:
		return binary.BigEndian.AppendUint64(append(b, typePong), m.Nonce)
	case AskKey:
		return append(appendReq(b, typeAskKey, m.Req), m.Hash[:]...)
	case Key:
		return append(appendReq(b, typeKey, m.Req), m.Key[:]...)
	case Root, Digests, List, Relays:
		return appendGossip(b, m)
	case Copy:
		b = m.Block.ID().Append(appendReq(b, typeCopy, m.Req))
		return append(b, m.Block.Data()...)
	case Compare, Parts, Held, Want, Refuse:
		return appendRepair(b, m)
	}
	panic("wire: Append of a message that this package does not define")
}

// Size is the length of the encoding of m: len(Append(nil, m)), without making it for blocks.
func Size(m Message) int {
	switch m := m.(type) {
	case Data:
		return sizeData + len(m.Block.Data())
	case Put:
		return sizePut + len(m.Block.Data())
	case Copy:
		return sizeCopy + len(m.Block.Data())
	case Push:
		return sizePush + len(m.Block.Data())
	case Cell:
		return sizeCell
	}
	var b [sizeGet]byte
	return len(Append(b[:0], m))
}

func appendReq(b []byte, kind byte, r Req) []byte {
	return binary.BigEndian.AppendUint32(append(b, kind), uint32(r))
}

// appendAsk appends what Get and Put have in common.
func appendAsk(b []byte, kind byte, g Get) []byte {
	b = append(appendReq(b, kind, g.Req), g.HTL, byte(g.Class), g.Rotation)
	return g.ID.Append(b)
}
