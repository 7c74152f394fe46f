package circuit

import (
	"net/netip"

	"nightjar/crypto/onion"
	"nightjar/keys"
	"nightjar/routing/relays"
	"nightjar/routing/wire"
)

// Event is something that happened to the node.
type Event interface{ event() }

// Link names one connection to another node while it lives; the shell draws it and never uses it again.
type Link uint64

// LinkUp says that a connection is ready, for key routing as well or for circuits only.
type LinkUp struct {
	Link   Link
	Peer   wire.NodeID
	Dialed bool // by this node
	// Network is where the other end is seen, as far as one party may own all of it: a /24 or a /48. Not valid: it counts for itself.
	Network netip.Prefix
}

// LinkDown says that a connection has ended.
type LinkDown struct{ Link Link }

// Received carries a Cell, AskKey, Key or Fail from the other end of a link.
type Received struct {
	Link Link
	Msg  wire.Message
}

// Cells carries cells that have come together from the other end of a link, in their order. It is a Received for each, but what follows goes out
// when all are taken in.
type Cells struct {
	Link  Link
	Cells []wire.Cell
}

// Written says that so many cells that Send effects put on a link have been given to the network: room for as many more.
type Written struct {
	Link  Link
	Cells int
	Spent []*[onion.BodySize]byte // optional: bodies of such cells that nobody else holds, for the machine to use again
}

// DialFailed says that a Connect effect came to nothing.
type DialFailed struct{ Peer wire.NodeID }

// Known brings the view of all usable relays, whenever it has changed.
type Known struct{ View relays.View }

// Token names a local request; the shell draws it.
type Token uint64

// Group is what may share circuits: one site, one download, one identity's inserts. Requests of two groups never meet on a circuit.
type Group struct {
	Key    [32]byte // drawn or derived by the caller
	Blocks int      // how many blocks the whole download or insert is expected to have; decides the number of circuits
}

// Get asks for a block through a circuit.
type Get struct {
	Token    Token
	ID       keys.ID
	Rotation uint8
	Class    wire.Class
	Group    Group
	Wait     bool // of a record: until it appears, or Done says NotFound after some minutes
}

// Put inserts a block through a circuit.
type Put struct {
	Token    Token
	Block    keys.Block
	Rotation uint8
	Class    wire.Class
	Group    Group
}

// Cancel ends a local request without an answer.
type Cancel struct{ Token Token }

// Finished says that nothing more comes of a group: its circuits may go.
type Finished struct{ Group Group }

// Ref pairs the answer to a Launch effect with it.
type Ref uint64

// Launched answers LaunchGet (with Block, or Reason) or LaunchPut (with Copies, or Reason).
type Launched struct {
	Ref    Ref
	Block  keys.Block
	Copies uint8
	Reason wire.Reason
}

// Tick says that time has passed; due when NextDeadline has come.
type Tick struct{}

func (LinkUp) event()     {}
func (LinkDown) event()   {}
func (Received) event()   {}
func (Cells) event()      {}
func (Written) event()    {}
func (DialFailed) event() {}
func (Known) event()      {}
func (Get) event()        {}
func (Put) event()        {}
func (Cancel) event()     {}
func (Finished) event()   {}
func (Launched) event()   {}
func (Tick) event()       {}

// Effect is something that the shell must do, in order.
type Effect interface{ effect() }

// Send sends a Cell, AskKey, Key or Fail on a link. Cells on one link must stay in order.
type Send struct {
	Link Link
	Msg  wire.Message
}

// Connect asks for a link to a node, for circuits; the shell answers with LinkUp or DialFailed.
type Connect struct {
	Node wire.Descriptor
	Own  bool // to a guard of this node: others' circuits must not take its place
}

// Unwanted says that the link of a Connect is not wanted any more; no answer is.
type Unwanted struct{ Node wire.NodeID }

// LaunchGet starts key routing for somebody else's request; nothing of it may be cached or logged.
type LaunchGet struct {
	Ref      Ref
	ID       keys.ID
	Rotation uint8
	Class    wire.Class
	Wait     bool // answer when the record appears, or NotFound when a lease is over
}

// LaunchPut starts key routing for somebody else's insert.
type LaunchPut struct {
	Ref      Ref
	Block    keys.Block
	Rotation uint8
	Class    wire.Class
}

// LaunchCancel takes a launch back; Launched may cross it and is then ignored.
type LaunchCancel struct{ Ref Ref }

// Done ends a local request, as routing.Done does.
type Done struct {
	Token  Token
	Block  keys.Block
	Copies uint8
	Reason wire.Reason
}

// Changed says that State has changed and should be saved: guards, ages and counters.
type Changed struct{}

// Rekeyed says that this node has a new onion key: the shell signs a descriptor with its hash.
type Rekeyed struct{ Hash [32]byte }

// Misbehaved reports the other end of a link that broke a rule which honest nodes cannot break.
type Misbehaved struct{ Link Link }

func (Send) effect()         {}
func (Connect) effect()      {}
func (Unwanted) effect()     {}
func (LaunchGet) effect()    {}
func (LaunchPut) effect()    {}
func (LaunchCancel) effect() {}
func (Done) effect()         {}
func (Changed) effect()      {}
func (Rekeyed) effect()      {}
func (Misbehaved) effect()   {}
