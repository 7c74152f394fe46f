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

// parseCell lets Body point into b.
func parseCell(b []byte) (Message, error) {
	if len(b) != sizeCell || Cmd(b[5]) > Destroy || b[6]|b[7]|b[8] != 0 {
		return nil, ErrMalformed
	}
	return Cell{Circ: binary.BigEndian.Uint32(b[1:5]), Cmd: Cmd(b[5]), Body: (*[onion.BodySize]byte)(b[9:])}, nil
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
