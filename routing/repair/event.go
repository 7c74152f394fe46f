package repair

import (
	"nightjar/keys"
	"nightjar/routing/wire"
)

// Event is something that happened to the node.
type Event interface{ event() }

// PeerUp says that a link of key routing is ready.
type PeerUp struct{ Peer wire.NodeID }

// PeerDown says that it has ended.
type PeerDown struct{ Peer wire.NodeID }

// Received carries a Compare, Parts, Held, Want, Copy or Refuse from a peer.
type Received struct {
	From wire.NodeID
	Msg  wire.Message
}

// Tick says that time has passed; due when NextDeadline has come.
type Tick struct{}

// Ref pairs the answer to a Job with it.
type Ref uint64

// Summed answers Sum.
type Summed struct {
	Ref   Ref
	Marks []wire.Mark // of each span
}

// Answered answers Answer.
type Answered struct {
	Ref  Ref
	Msg  wire.Message // Parts or Held
	Cost int          // how many blocks were looked at; a record counts for more, since it was read
}

// Checked answers Check.
type Checked struct {
	Ref   Ref
	Lacks []wire.Item // of the items that were asked about, those that the store does not hold as new as that
}

// Loaded answers Load; Block is zero if the store does not hold it.
type Loaded struct {
	Ref   Ref
	Block keys.Block
}

// Kept answers Keep.
type Kept struct {
	Ref    Ref
	Result Result
}

// Result is what came of a Keep.
type Result uint8

const (
	// Stored says that the block is on disk.
	Stored Result = iota
	// Stale says that the store holds a record that is as new or newer.
	Stale
	// Full says that there is no room for a block of that position.
	Full
)

// Failed answers any job that could not be done.
type Failed struct{ Ref Ref }

func (PeerUp) event()   {}
func (PeerDown) event() {}
func (Received) event() {}
func (Tick) event()     {}
func (Summed) event()   {}
func (Answered) event() {}
func (Checked) event()  {}
func (Loaded) event()   {}
func (Kept) event()     {}
func (Failed) event()   {}

// Effect is something that the shell must do, in order.
type Effect interface{ effect() }

// Send sends a message to a peer.
type Send struct {
	To  wire.NodeID
	Msg wire.Message
}

// Misbehaved reports a peer that did what no honest node does.
type Misbehaved struct{ Peer wire.NodeID }

// Job is an effect that concerns the store: Do carries it out, and the shell hands the event that it returns to the machine. Each is
// answered once, be it with Failed.
type Job interface {
	Effect
	job() Ref
}

// Sum asks for the mark of each of some spans.
type Sum struct {
	Ref   Ref
	Spans []wire.Span
}

// Answer asks for the answer to a peer's Compare. Clipped says that Span is a part of what the peer asked about, so that its mark means nothing.
type Answer struct {
	Ref     Ref
	Req     wire.Req
	Span    wire.Span
	Mark    wire.Mark
	Clipped bool
}

// Check asks which of a peer's items the store lacks.
type Check struct {
	Ref   Ref
	Items []wire.Item
}

// Load asks for a sink block.
type Load struct {
	Ref Ref
	ID  keys.ID
	At  keys.Location
}

// Keep asks to keep a block as a sink block.
type Keep struct {
	Ref   Ref
	Block keys.Block
	At    keys.Location
	From  wire.NodeID // who copied it: into whose share of the store it falls
}

func (Send) effect()       {}
func (Misbehaved) effect() {}
func (Sum) effect()        {}
func (Answer) effect()     {}
func (Check) effect()      {}
func (Load) effect()       {}
func (Keep) effect()       {}

func (j Sum) job() Ref    { return j.Ref }
func (j Answer) job() Ref { return j.Ref }
func (j Check) job() Ref  { return j.Ref }
func (j Load) job() Ref   { return j.Ref }
func (j Keep) job() Ref   { return j.Ref }

// Refused is the answer to a job that is not even begun.
func Refused(j Job) Event { return Failed{j.job()} }
