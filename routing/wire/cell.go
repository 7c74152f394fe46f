package wire

import "nightjar/crypto/onion"

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

// Cell is 2 112 bytes of a circuit. Circ names the circuit on this link; the side that dialled the link draws even numbers, the other odd ones.
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
