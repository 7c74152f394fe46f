package wire

import (
	"encoding/binary"

	"nightjar/crypto/onion"
)

// Cmd says what a cell is.
type Cmd uint8

const (
	// Pad cells are dropped by whoever receives them.
	Pad Cmd = 0
	// Create cells carry the handshake's first message, in two cells.
	Create Cmd = 1
	// Created cells carry its answer.
	Created Cmd = 2
	// Relay cells are sealed for somebody on the circuit.
	Relay Cmd = 3
	// Destroy ends the circuit, without a reason.
	Destroy Cmd = 4
)

// Cell is one cell of a circuit. Circ names the circuit on this link; the side that dialled the link draws even numbers, the
// other odd ones.
type Cell struct {
	Circ uint32
	Cmd  Cmd
	Body *[onion.BodySize]byte // owned by whoever holds the cell
}

// AskKey asks a relay for one of its own onion keys.
type AskKey struct {
	Req  Req
	Hash [32]byte
}

// Key answers AskKey; Fail does if the relay does not have it.
type Key struct {
	Req Req
	Key *[onion.KeySize]byte
}

func (Cell) message()   {}
func (AskKey) message() {}
func (Key) message()    {}

func appendCell(b []byte, c Cell) []byte {
	b = binary.BigEndian.AppendUint32(append(b, typeCell), c.Circ)
	b = append(b, byte(c.Cmd), 0, 0, 0)
	return append(b, c.Body[:]...)
}

// cellHead is the size of what precedes a cell's body.
const cellHead = sizeCell - onion.BodySize

// readCell reads the cell that fills b exactly. Its Body points into b.
func readCell(b []byte) (Cell, error) {
	if len(b) != sizeCell || Cmd(b[5]) > Destroy || b[6]|b[7]|b[8] != 0 {
		return Cell{}, ErrMalformed
	}
	return Cell{Circ: binary.BigEndian.Uint32(b[1:5]), Cmd: Cmd(b[5]), Body: (*[onion.BodySize]byte)(b[cellHead:])}, nil
}

func parseCell(b []byte) (Message, error) {
	c, err := readCell(b)
	if err != nil {
		return nil, err
	}
	return c, nil
}

// IsCell reports whether b, a whole frame, can only be a Cell.
func IsCell(b []byte) bool { return len(b) > 0 && b[0] == typeCell }

// CopyCell parses the cell that fills b exactly and copies its body, so that b can be used again.
func CopyCell(b []byte, body *[onion.BodySize]byte) (Cell, error) {
	if !IsCell(b) {
		return Cell{}, ErrMalformed
	}
	c, err := readCell(b)
	if err != nil {
		return Cell{}, err
	}
	*body = *c.Body
	c.Body = body
	return c, nil
}

func parseKey(b []byte) (Message, error) {
	switch {
	case b[0] == typeAskKey && len(b) == sizeAskKey:
		return AskKey{Req: req(b), Hash: [32]byte(b[5:])}, nil
	case b[0] == typeKey && len(b) == sizeKey:
		return Key{Req: req(b), Key: (*[onion.KeySize]byte)(b[5:])}, nil
	}
	return nil, ErrMalformed
}
