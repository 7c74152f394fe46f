package wire

import (
	"encoding/binary"

	"nightjar/keys"
)

const (
	// MaxParts is the largest number of parts in one Parts.
	MaxParts = 16
	// MaxItems is the largest number of items in one Held.
	MaxItems = 256
)

// Span is an arc of the ring: the positions from From up to Last, both included. It is never empty; From = Last + 1 is the whole ring.
type Span struct{ From, Last keys.Location }

// Mark is the digest of what a node holds in a span.
type Mark [32]byte

// Compare says what its sender holds in a span, and asks how the receiver's sink blocks there differ. Answers are Parts, Held and Refuse.
type Compare struct {
	Req  Req
	Span Span
	Mark Mark
}

// Part is the end of a part and the mark of what the sender holds in it. A part begins where the one before it ends.
type Part struct {
	Last keys.Location
	Mark Mark
}

// Parts answers Compare: the parts of Span, which lies in the span that was asked about. No parts: the marks are equal.
type Parts struct {
	Req   Req
	Span  Span
	Parts []Part
}

// Item is a block, the position for which it is kept, and the version of a record.
type Item struct {
	ID       keys.ID
	Rotation uint8
	Version  uint64 // 0 of a data block
}

// Held answers Compare: all that the sender holds in Span, which lies in the span that was asked about.
type Held struct {
	Req   Req
	Span  Span
	Items []Item
}

// Want asks for a sink block that the receiver has listed. Answers are Copy and Refuse.
type Want struct {
	Req      Req
	Rotation uint8
	ID       keys.ID
}

// Copy answers Want with the block.
type Copy struct {
	Req   Req
	Block keys.Block
}

// Refuse answers Compare and Want. NotFound: the two share no such positions, or the block is not held. Overload: ask again later.
type Refuse struct {
	Req    Req
	Reason Reason
}

func (Compare) message() {}
func (Parts) message()   {}
func (Held) message()    {}
func (Want) message()    {}
func (Copy) message()    {}
func (Refuse) message()  {}

func appendRepair(b []byte, m Message) []byte {
	switch m := m.(type) {
	case Compare:
		return append(appendSpan(b, typeCompare, m.Req, m.Span), m.Mark[:]...)
	case Parts:
		b = append(appendSpan(b, typeParts, m.Req, m.Span), byte(len(m.Parts)))
		for i := range m.Parts {
			b = binary.BigEndian.AppendUint64(b, uint64(m.Parts[i].Last))
			b = append(b, m.Parts[i].Mark[:]...)
		}
	case Held:
		b = binary.BigEndian.AppendUint16(appendSpan(b, typeHeld, m.Req, m.Span), uint16(len(m.Items)))
		for i := range m.Items {
			it := &m.Items[i]
			b = it.ID.Append(append(b, it.Rotation))
			if it.ID.Kind == keys.KindRecord {
				b = binary.BigEndian.AppendUint64(b, it.Version)
			}
		}
	case Want:
		return m.ID.Append(append(appendReq(b, typeWant, m.Req), m.Rotation))
	case Refuse:
		return append(appendReq(b, typeRefuse, m.Req), byte(m.Reason))
	}
	return b
}

func appendSpan(b []byte, kind byte, r Req, s Span) []byte {
	b = binary.BigEndian.AppendUint64(appendReq(b, kind, r), uint64(s.From))
	return binary.BigEndian.AppendUint64(b, uint64(s.Last))
}

// span reads the span of a message, of which the caller has checked the length.
func span(b []byte) Span {
	return Span{keys.Location(binary.BigEndian.Uint64(b[5:])), keys.Location(binary.BigEndian.Uint64(b[13:]))}
}

func parseRepair(b []byte) (Message, error) {
	switch {
	case b[0] == typeCompare && len(b) == sizeCompare:
		return Compare{Req: req(b), Span: span(b), Mark: Mark(b[sizeCompare-len(Mark{}):])}, nil
	case b[0] == typeParts && len(b) >= sizeParts:
		return parseParts(b)
	case b[0] == typeHeld && len(b) >= sizeHeld:
		return parseHeld(b)
	case b[0] == typeWant && len(b) == sizeWant:
		id, _, err := keys.ParseID(b[6:])
		if err != nil || b[5] >= keys.Rotations {
			return nil, ErrMalformed
		}
		return Want{Req: req(b), Rotation: b[5], ID: id}, nil
	case b[0] == typeRefuse && len(b) == sizeRefuse && (Reason(b[5]) == NotFound || Reason(b[5]) == Overload):
		return Refuse{Req: req(b), Reason: Reason(b[5])}, nil
	}
	return nil, ErrMalformed
}

// parseParts refuses parts that do not tile their span: each must end after the one before it, and the last one where the span does.
func parseParts(b []byte) (Message, error) {
	n := int(b[sizeParts-1])
	if n > MaxParts || len(b) != sizeParts+n*sizePart {
		return nil, ErrMalformed
	}
	p := Parts{Req: req(b), Span: span(b)}
	if n > 0 {
		p.Parts = make([]Part, n)
	}
	for i := range p.Parts {
		at := b[sizeParts+i*sizePart:]
		p.Parts[i] = Part{keys.Location(binary.BigEndian.Uint64(at)), Mark(at[8:sizePart])}
		if i > 0 && p.Parts[i].Last-p.Span.From <= p.Parts[i-1].Last-p.Span.From {
			return nil, ErrMalformed
		}
	}
	if n > 0 && p.Parts[n-1].Last != p.Span.Last {
		return nil, ErrMalformed
	}
	return p, nil
}

// parseHeld leaves the order of the items to whoever takes them in: their positions are hashes.
func parseHeld(b []byte) (Message, error) {
	n := int(binary.BigEndian.Uint16(b[sizeHeld-2:]))
	rest := b[sizeHeld:]
	if n > MaxItems || len(rest) < n*sizeItem || len(rest) > n*(sizeItem+8) {
		return nil, ErrMalformed
	}
	h := Held{Req: req(b), Span: span(b)}
	if n > 0 {
		h.Items = make([]Item, n)
	}
	for i := range h.Items {
		if len(rest) < sizeItem {
			return nil, ErrMalformed
		}
		it := Item{Rotation: rest[0]}
		var err error
		if it.ID, rest, err = keys.ParseID(rest[1:]); err != nil || it.Rotation >= keys.Rotations {
			return nil, ErrMalformed
		}
		if it.ID.Kind == keys.KindRecord {
			if len(rest) < 8 {
				return nil, ErrMalformed
			}
			it.Version, rest = binary.BigEndian.Uint64(rest), rest[8:]
		}
		h.Items[i] = it
	}
	if len(rest) != 0 {
		return nil, ErrMalformed
	}
	return h, nil
}

// parseCopy verifies the block, as parseData does.
func parseCopy(b []byte) (Message, error) {
	if len(b) < sizeCopy {
		return nil, ErrMalformed
	}
	id, _, err := keys.ParseID(b[5:sizeCopy])
	if err != nil || !fits(id.Kind, len(b)-sizeCopy) {
		return nil, ErrMalformed
	}
	block, err := keys.Verify(id, b[sizeCopy:len(b):len(b)])
	if err != nil {
		return nil, &BadBlockError{Req: req(b), Put: true}
	}
	return Copy{Req: req(b), Block: block}, nil
}
