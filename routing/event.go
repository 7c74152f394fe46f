package routing

import (
	"nightjar/keys"
	"nightjar/routing/wire"
	"nightjar/store"
)

// Event is something that happened to the node.
type Event interface{ event() }

// PeerUp says that a link to a peer is ready.
type PeerUp struct{ Peer wire.NodeID }

// PeerDown says that a link has ended; its requests have failed.
type PeerDown struct{ Peer wire.NodeID }

// Received carries a Get, Data, Put, Stored, Fail, Cancel, Lease or Push from a peer.
type Received struct {
	From wire.NodeID
	Msg  wire.Message
}

// Garbled says that the peer sent a block that does not match its ID.
type Garbled struct {
	From wire.NodeID
	Bad  wire.BadBlockError
}

// Token names a local request; the shell draws it.
type Token uint64

// LocalGet asks for a block on behalf of the local user, or of somebody whose circuit ends here.
type LocalGet struct {
	Token    Token
	ID       keys.ID
	Rotation uint8
	Class    wire.Class
	Launch   bool // for somebody else: bounded in number and time, for the user may not be hurt by it
}

// LocalPut inserts a block on behalf of the local user, or of somebody whose circuit ends here.
type LocalPut struct {
	Token    Token
	Block    keys.Block
	Rotation uint8
	Class    wire.Class
	Launch   bool // as in LocalGet
}

// LocalWait asks for a record that may not exist yet, on behalf of the local user, or of somebody whose circuit ends here: Done brings it when it
// appears, or says NotFound when its time is over.
type LocalWait struct {
	Token    Token
	ID       keys.ID
	Rotation uint8
}

// Appeared says that the store has come to hold a record otherwise than by a Keep.
type Appeared struct{ Block keys.Block }

// LocalCancel ends a local request without an answer.
type LocalCancel struct{ Token Token }

// Ref pairs the answer to a Lookup or Keep effect with it.
type Ref uint64

// LookedUp answers Lookup; Block is zero if the store does not hold it.
type LookedUp struct {
	Ref   Ref
	Block keys.Block
}

// Kept answers Keep: the block is on disk, or it is not.
type Kept struct {
	Ref Ref
	OK  bool
}

// Tick says that time has passed; due when NextDeadline has come.
type Tick struct{}

func (PeerUp) event()      {}
func (PeerDown) event()    {}
func (Received) event()    {}
func (Garbled) event()     {}
func (LocalGet) event()    {}
func (LocalPut) event()    {}
func (LocalCancel) event() {}
func (LocalWait) event()   {}
func (Appeared) event()    {}
func (LookedUp) event()    {}
func (Kept) event()        {}
func (Tick) event()        {}

// Effect is something that the shell must do, in order.
type Effect interface{ effect() }

// Send sends a message to a peer.
type Send struct {
	To  wire.NodeID
	Msg wire.Message
}

// Lookup asks the store for a block; the shell answers with LookedUp.
type Lookup struct {
	Ref Ref
	ID  keys.ID
}

// Keep asks the store to keep a block; the shell answers with Kept unless Ref is zero.
type Keep struct {
	Ref   Ref
	Block keys.Block
	Class store.Class
	At    keys.Location
	For   Asker // whose share of the store it falls into
}

// Asker is who first asked for what a block was brought by: a peer, or somebody at the far end of a circuit that ends here, or, if
// it is zero, the local user.
type Asker struct {
	Peer    wire.NodeID
	Foreign bool
}

// Done ends a local request. Block is set for a Get, or a LocalWait, that found it; Copies for a Put that was stored; else Reason says why not.
type Done struct {
	Token  Token
	Block  keys.Block
	Copies uint8
	Reason wire.Reason
}

// Misbehaved reports a peer that broke a rule which honest nodes cannot break.
type Misbehaved struct{ Peer wire.NodeID }

func (Send) effect()       {}
func (Lookup) effect()     {}
func (Keep) effect()       {}
func (Done) effect()       {}
func (Misbehaved) effect() {}
