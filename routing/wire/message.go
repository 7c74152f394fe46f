package wire

import (
	"crypto/sha256"
	"encoding/binary"

	"nightjar/keys"
)

// NodeID is a node's Ed25519 identity key.
type NodeID [32]byte

// Location is the node's place on the ring: the hash of its identity, never chosen.
func (n NodeID) Location() keys.Location {
	h := sha256.New()
	h.Write([]byte("node"))
	h.Write(n[:])
	return keys.Location(binary.BigEndian.Uint64(h.Sum(nil)))
}

// Class is the priority class of a request.
type Class uint8

const (
	// Interactive requests have somebody waiting for a page.
	Interactive Class = 0
	// Bulk requests belong to large downloads and uploads.
	Bulk Class = 1
)

// Reason is why a request failed: the one byte that travels instead of an error text.
type Reason uint8

const (
	// NotFound says that every way was tried and nobody holds the block.
	NotFound Reason = 1
	// Overload says that this node has no room for the request now; try another.
	Overload Reason = 2
	// Failed says that the request could not be finished: nobody left to ask, a time-out, no room to store.
	Failed Reason = 3
)

// MaxHTL is the largest number of hops to live that a request may carry.
const MaxHTL = 18

// MaxCopies is the largest number of copies that a Stored may report: the size of a sink set.
const MaxCopies = 3

// Message is one message on a link.
type Message interface{ message() }

// Req pairs an answer with its request. It is drawn by the sender, has meaning on one link in one direction, and never survives a hop.
type Req uint32

// Get asks for a block.
type Get struct {
	Req      Req
	HTL      uint8 // hops to live; 0 = answer from your own store only
	Class    Class
	Rotation uint8 // which of the block's positions to route to, < keys.Rotations
	ID       keys.ID
}

// Data answers Get with the block.
type Data struct {
	Req   Req
	Block keys.Block
}

// Put asks to store a block.
type Put struct {
	Req      Req
	HTL      uint8 // 0 = keep it yourself: you are of its sink set
	Class    Class
	Rotation uint8
	Block    keys.Block
}

// Stored answers Put: the block is on disk in Copies places.
type Stored struct {
	Req    Req
	Copies uint8
}

// Fail answers Get or Put.
type Fail struct {
	Req    Req
	Reason Reason
}

// Near asks for descriptors of nodes near a location.
type Near struct {
	Req    Req
	Target keys.Location
}

// Nodes answers Near with at most MaxNodes descriptors.
type Nodes struct {
	Req   Req
	Nodes []Descriptor
}

// Purpose is what a link is for.
type Purpose uint8

const (
	// ForRouting links carry everything: their ends are peers.
	ForRouting Purpose = 0
	// ForCircuits links carry cells and the keys for them, nothing else: their ends are no peers.
	ForCircuits Purpose = 1
)

// Hello is the first message in each direction: who is there and how to reach it. The side that dialled says what for; the other repeats it.
type Hello struct {
	Version uint8
	Purpose Purpose
	Self    Descriptor
}

// Cancel takes a Get or Put back: whoever asked does not wait any more. It has no answer; an answer may cross it.
type Cancel struct{ Req Req }

// Ping asks for a Pong with the same nonce.
type Ping struct{ Nonce uint64 }

// Pong answers Ping.
type Pong struct{ Nonce uint64 }

func (Get) message()    {}
func (Data) message()   {}
func (Put) message()    {}
func (Stored) message() {}
func (Fail) message()   {}
func (Cancel) message() {}
func (Near) message()   {}
func (Nodes) message()  {}
func (Hello) message()  {}
func (Ping) message()   {}
func (Pong) message()   {}

// MaxNodes is the largest number of descriptors in one Nodes message.
const MaxNodes = 16

// MaxMessage is the largest encoded message in bytes.
const MaxMessage = keys.DataSize + 64
