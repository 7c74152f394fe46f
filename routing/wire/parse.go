package wire

import (
	"encoding/binary"

	"nightjar/keys"
)

// Parse reads one message that fills b exactly. Blocks are verified; they, cells, keys and claims take ownership of b. The error wraps ErrMalformed or is a *BadBlockError.
func Parse(b []byte) (Message, error) {
	if len(b) == 0 || len(b) > MaxMessage {
		return nil, ErrMalformed
	}
	switch b[0] {
	case typeCell:
		return parseCell(b)
	case typeData:
		return parseData(b)
	case typePut:
		return parsePut(b)
	case typeGet:
		return parseGet(b)
	case typeStored, typeFail, typeCancel:
		return parseAnswer(b)
	case typeLease:
		return parseLease(b)
	case typePush:
		return parsePush(b)
	case typeNear, typePing, typePong:
		return parseNumber(b)
	case typeNodes:
		return parseNodes(b)
	case typeHello:
		return parseHello(b)
	case typeAskKey, typeKey:
		return parseKey(b)
	case typeRoot, typeDigests, typeList, typeRelays:
		return parseGossip(b)
	case typeCopy:
		return parseCopy(b)
	case typeCompare, typeParts, typeHeld, typeWant, typeRefuse:
		return parseRepair(b)
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

func parseNodes(b []byte) (Message, error) {
	if len(b) < sizeNodes {
		return nil, ErrMalformed
	}
	nodes, ok := parseDescriptors(b[sizeNodes:], int(b[5]))
	if !ok {
		return nil, ErrMalformed
	}
	return Nodes{Req: req(b), Nodes: nodes}, nil
}

// layout finds the sizes of n descriptors that fill b.
func layout(b []byte, n int) (sizes [MaxNodes]int, ok bool) {
	if n > MaxNodes || len(b) > n*maxDescriptor {
		return sizes, false
	}
	for i := range n {
		size, ok := descriptorSize(b)
		if !ok {
			return sizes, false
		}
		sizes[i], b = size, b[size:]
	}
	return sizes, len(b) == 0
}

// parseDescriptors reads n descriptors that fill b. It checks the whole layout first and the signatures, which cost far more, only
// when it is sound.
func parseDescriptors(b []byte, n int) (nodes []Descriptor, ok bool) {
	ends, ok := layout(b, n)
	if !ok {
		return nil, false
	}
	if n > 0 {
		nodes = make([]Descriptor, n)
	}
	for i := range nodes {
		d, _, err := ParseDescriptor(b[:ends[i]])
		if err != nil {
			return nil, false
		}
		nodes[i], b = d, b[ends[i]:]
	}
	return nodes, true
}

func parseHello(b []byte) (Message, error) {
	if len(b) < sizeHello || len(b)-sizeHello > maxDescriptor {
		return nil, ErrMalformed
	}
	d, rest, err := ParseDescriptor(b[sizeHello:])
	if err != nil || len(rest) != 0 || Purpose(b[2]) > ForCircuits {
		return nil, ErrMalformed
	}
	return Hello{Version: b[1], Purpose: Purpose(b[2]), Self: d}, nil
}

// IsNodes reports whether an encoded message claims to be Nodes, whose parsing costs signatures, so that whoever expects none
// need not pay for them.
func IsNodes(b []byte) bool { return len(b) > 0 && b[0] == typeNodes }
