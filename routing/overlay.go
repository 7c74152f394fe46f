package routing

import (
	"math/rand/v2"
	"time"

	"nightjar/routing/wire"
)

// Overlay is the state machine that chooses peers: it learns descriptors, keeps ring neighbours on both sides and
// long links whose lengths follow 1/d, and says whom to dial and whom to drop. It handles Near and Nodes.
type Overlay struct {
	self wire.NodeID
	rng  *rand.Rand
}

// OverlayEvent is something that the overlay must know.
type OverlayEvent interface{ overlayEvent() }

// Learned brings descriptors that were verified (seeds, saved peers, Nodes answers, Hello).
type Learned struct{ Nodes []wire.Descriptor }

// Linked says that a link to a peer is ready; Self is what it said of itself in Hello.
type Linked struct {
	Self    wire.Descriptor
	Inbound bool
}

// Unlinked says that a link has ended.
type Unlinked struct{ Peer wire.NodeID }

// DialFailed says that a Dial effect did not lead to a link.
type DialFailed struct{ Peer wire.NodeID }

// Asked carries a Near or Nodes message from a peer.
type Asked struct {
	From wire.NodeID
	Msg  wire.Message
}

// Overdue says that time has passed; due when NextDeadline has come.
type Overdue struct{}

func (Learned) overlayEvent()    {}
func (Linked) overlayEvent()     {}
func (Unlinked) overlayEvent()   {}
func (DialFailed) overlayEvent() {}
func (Asked) overlayEvent()      {}
func (Overdue) overlayEvent()    {}

// Dial asks the shell to connect to a node. It is an Effect, as are Send and Hangup.
type Dial struct{ Node wire.Descriptor }

// Hangup asks the shell to close the link to a peer.
type Hangup struct{ Peer wire.NodeID }

func (Dial) effect()   {}
func (Hangup) effect() {}

// NewOverlay returns an overlay that knows nobody.
func NewOverlay(self wire.NodeID, rng *rand.Rand) *Overlay { return &Overlay{self, rng} }

// Step takes in one event and returns Dial, Hangup and Send effects, in order.
func (o *Overlay) Step(now time.Time, ev OverlayEvent) []Effect { return nil }

// NextDeadline is when the overlay wants Overdue; ok is false if it waits for nothing.
func (o *Overlay) NextDeadline() (t time.Time, ok bool) { return time.Time{}, false }

// Known returns the descriptors that are worth saving over a restart, most useful first.
func (o *Overlay) Known() []wire.Descriptor { return nil }
