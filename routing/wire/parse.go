package wire

import (
	"encoding/binary"

	"nightjar/keys"
)

// Parse reads one message that fills b exactly. Blocks are verified and take ownership of b. The error wraps ErrMalformed or is a *BadBlockError.
func Parse(b []byte) (Message, error) {
	if len(b) == 0 || len(b) > MaxMessage {
		return nil, ErrMalformed
	}
	switch b[0] {
	case typeData:
		return parseData(b)
	case typePut:
		return parsePut(b)
	case typeGet:
		return parseGet(b)
	case typeStored, typeFail, typeCancel:
		return parseAnswer(b)
	case typeNear, typePing, typePong:
		return parseNumber(b)
	case typeNodes:
		return parseNodes(b)
	case typeHello:
		return parseHello(b)
	}
	return nil, ErrMalformed
}

func req(b []byte) Req { return Req(binary.BigEndian.Uint32(b[1:5])) }

// parseAsk reads what Get and Put have in common, of which the caller has checked the length.
func parseAsk(b []byte) (g Get, err error) {
	g = Get{Req: req(b), HTL: b[5], Class: Class(b[6]), Rotation: b[7]}
	if g.HTL > MaxHTL || g.Class > Bulk || g.Rotation >= keys.Rotations {
		return Get{}, ErrMalformed
	}
	if g.ID, _, err = keys.ParseID(b[8:sizeGet]); err != nil {
		return Get{}, ErrMalformed
	}
	return g, nil
}

func parseGet(b []byte) (Message, error) {
	if len(b) != sizeGet {
		return nil, ErrMalformed
	}
	g, err := parseAsk(b)
	if err != nil {
		return nil, err
	}
	return g, nil
}

func parsePut(b []byte) (Message, error) {
	if len(b) < sizePut {
		return nil, ErrMalformed
	}
	g, err := parseAsk(b)
	if err != nil || !fits(g.ID.Kind, len(b)-sizePut) {
		return nil, ErrMalformed
	}
	block, err := keys.Verify(g.ID, b[sizePut:len(b):len(b)])
	if err != nil {
		return nil, &BadBlockError{Req: g.Req, Put: true}
	}
	return Put{Req: g.Req, HTL: g.HTL, Class: g.Class, Rotation: g.Rotation, Block: block}, nil
}

func parseData(b []byte) (Message, error) {
	if len(b) < sizeData {
		return nil, ErrMalformed
	}
	id, _, err := keys.ParseID(b[5:sizeData])
	if err != nil || !fits(id.Kind, len(b)-sizeData) {
		return nil, ErrMalformed
	}
	block, err := keys.Verify(id, b[sizeData:len(b):len(b)])
	if err != nil {
		return nil, &BadBlockError{Req: req(b)}
	}
	return Data{Req: req(b), Block: block}, nil
}

// fits reports whether a block of the kind can have n bytes.
func fits(kind keys.Kind, n int) bool {
	if kind == keys.KindData {
		return n == keys.DataSize
	}
	return n > 0 && n <= keys.MaxRecordSize
}

func parseAnswer(b []byte) (Message, error) {
	switch {
	case b[0] == typeCancel && len(b) == sizeCancel:
		return Cancel{Req: req(b)}, nil
	case b[0] == typeStored && len(b) == sizeStored && b[5] >= 1 && b[5] <= MaxCopies:
		return Stored{Req: req(b), Copies: b[5]}, nil
	case b[0] == typeFail && len(b) == sizeFail && Reason(b[5]) >= NotFound && Reason(b[5]) <= Failed:
		return Fail{Req: req(b), Reason: Reason(b[5])}, nil
	}
	return nil, ErrMalformed
}

func parseNumber(b []byte) (Message, error) {
	switch {
	case b[0] == typeNear && len(b) == sizeNear:
		return Near{Req: req(b), Target: keys.Location(binary.BigEndian.Uint64(b[5:]))}, nil
	case b[0] == typePing && len(b) == sizePing:
		return Ping{Nonce: binary.BigEndian.Uint64(b[1:])}, nil
	case b[0] == typePong && len(b) == sizePing:
		return Pong{Nonce: binary.BigEndian.Uint64(b[1:])}, nil
	}
	return nil, ErrMalformed
}

// parseNodes checks the whole layout first and the signatures, which cost far more, only when it is sound.
func parseNodes(b []byte) (Message, error) {
	if len(b) < sizeNodes || b[5] > MaxNodes || len(b)-sizeNodes > int(b[5])*maxDescriptor {
		return nil, ErrMalformed
	}
	m := Nodes{Req: req(b)}
	var ends [MaxNodes]int
	rest := b[sizeNodes:]
	n := int(b[5])
	for i := range n {
		size, ok := descriptorSize(rest)
		if !ok {
			return nil, ErrMalformed
		}
		ends[i], rest = size, rest[size:]
	}
	if len(rest) != 0 {
		return nil, ErrMalformed
	}
	if n > 0 {
		m.Nodes = make([]Descriptor, n)
	}
	rest = b[sizeNodes:]
	for i := range m.Nodes {
		d, _, err := ParseDescriptor(rest[:ends[i]])
		if err != nil {
			return nil, ErrMalformed
		}
		m.Nodes[i], rest = d, rest[ends[i]:]
	}
	return m, nil
}

func parseHello(b []byte) (Message, error) {
	if len(b) < sizeHello || len(b)-sizeHello > maxDescriptor {
		return nil, ErrMalformed
	}
	d, rest, err := ParseDescriptor(b[sizeHello:])
	if err != nil || len(rest) != 0 {
		return nil, ErrMalformed
	}
	return Hello{Version: b[1], Self: d}, nil
}

// IsNodes reports whether an encoded message claims to be Nodes: the one kind whose parsing costs signatures, so that whoever
// expects none need not pay for them.
func IsNodes(b []byte) bool { return len(b) > 0 && b[0] == typeNodes }
