package routing

import (
	"math/rand/v2"
	"slices"
	"time"

	"nightjar/keys"
	"nightjar/routing/wire"
)

// Overlay is the state machine that chooses peers: it learns descriptors, keeps ring neighbours on both sides and
// long links whose lengths follow 1/d, and says whom to dial and whom to drop. It handles Near and Nodes.
//
// Every Step ends with plan, which compares what is linked with what is wanted; nothing else dials or hangs up. What is
// asked of peers follows a timer that starts at firstAsk, doubles while nothing changes, and starts again when a ring
// neighbour comes or goes.
type Overlay struct {
	self wire.NodeID
	at   keys.Location
	rng  *rand.Rand

	table  table
	slots  [LongLinks]slot
	gossip gossip
	dials  []*node // what the shell is dialling, in the order in which it was asked to

	now     time.Time
	wake    time.Time // zero = waits for nothing
	effects []Effect
}

// What the overlay wants: DESIGN §5.
const (
	RingSide  = 3  // ring neighbours on each side
	LongLinks = 8  // links whose lengths follow 1/d
	MaxDegree = 24 // links beyond are hung up when their grace is over

	hardDegree = 48 // and at once beyond this
	smallRing  = 16 // with at most so many known nodes, all are linked
	comfort    = 20 // with so many links no more long ones are sought
)

// Times and bounds of peer selection.
const (
	maxDials     = 8
	dialTimeout  = 30 * time.Second // the shell has forgotten the dial by then
	firstRetry   = time.Second      // after a failed dial or a lost link; doubles
	maxRetry     = 30 * time.Minute
	maxLonely    = time.Minute   // of a node without any link
	maxFails     = 6             // after so many a node that was never linked is forgotten, seeds excepted
	maxAhead     = 2 * time.Hour // a descriptor issued later than this from now is not believed
	settled      = 10 * time.Minute
	grace        = 10 * time.Second // an excess link lives that long, so that a newcomer can ask its question
	slotPatience = 2 * time.Second
	maxWalk      = 64 // known nodes looked at on each side in one plan
)

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
func NewOverlay(self wire.NodeID, rng *rand.Rand) *Overlay {
	if rng == nil {
		panic("routing: NewOverlay needs randomness")
	}
	o := &Overlay{self: self, at: self.Location(), rng: rng, table: newTable(self)}
	o.gossip = gossip{questions: make(map[question]topic), req: wire.Req(rng.Uint32()), interval: firstAsk}
	return o
}

// Step takes in one event and returns Dial, Hangup and Send effects, in order. The slice is valid until the next Step.
func (o *Overlay) Step(now time.Time, ev OverlayEvent) []Effect {
	if now.After(o.now) {
		o.now = now
	}
	clear(o.effects)
	o.effects = o.effects[:0]
	switch ev := ev.(type) {
	case Learned:
		for _, d := range ev.Nodes {
			o.learn(d, wire.NodeID{}, true)
		}
	case Linked:
		o.linked(ev)
	case Unlinked:
		o.unlinked(ev.Peer)
	case DialFailed:
		if n := o.table.known[ev.Peer]; n != nil && n.dialing {
			o.failed(n)
		}
	case Asked:
		if n := o.table.known[ev.From]; n != nil && n.linked {
			o.asked(n, ev.Msg)
		}
	case Overdue:
	}
	o.plan()
	return o.effects
}

// NextDeadline is when the overlay wants Overdue; ok is false if it waits for nothing.
func (o *Overlay) NextDeadline() (t time.Time, ok bool) { return o.wake, !o.wake.IsZero() }

// Known returns the descriptors that are worth saving over a restart, most useful first: ring neighbours, other links, then nodes that were linked once.
func (o *Overlay) Known() []wire.Descriptor {
	var near, far, once []wire.Descriptor
	for i, n := range o.table.links {
		if o.table.isNeighbour(i) {
			near = append(near, n.desc)
		} else {
			far = append(far, n.desc)
		}
	}
	for _, n := range o.table.all {
		if !n.linked && (n.proven || n.seed && n.fails < maxFails) {
			once = append(once, n.desc)
		}
	}
	return append(append(near, far...), once...)
}

func (o *Overlay) linked(ev Linked) {
	n := o.learn(ev.Self, ev.Self.ID, false)
	if n == nil {
		return
	}
	n.desc = ev.Self // it says itself where it is now, whatever it or others said before
	o.dialled(n)
	if n.linked {
		return
	}
	n.linked, n.proven, n.leaving, n.since = true, true, false, o.now
	n.budget, n.refilled = nearBurst, o.now
	i := o.table.link(n)
	if o.table.isNeighbour(i) || len(o.table.links) <= smallRing {
		o.hasten()
		o.ask(n, o.at, noSlot)
	}
}

func (o *Overlay) unlinked(id wire.NodeID) {
	n := o.table.known[id]
	if n == nil || !n.linked {
		return
	}
	if o.table.unlink(n) || len(o.table.links) < smallRing {
		o.hasten()
	}
	lived := o.now.Sub(n.since)
	hungUp := n.leaving
	n.linked, n.leaving = false, false
	o.forgetQuestions(n)
	if lived > settled {
		n.fails = 0
	}
	if hungUp {
		n.retry = o.now.Add(maxLonely)
		return
	}
	o.backOff(n)
}

// failed takes in that a node could not be reached.
func (o *Overlay) failed(n *node) {
	o.dialled(n)
	o.backOff(n)
	if n.fails >= maxFails && !n.proven && !n.seed {
		o.table.remove(n)
	}
}

// dialled takes n off the list of dials.
func (o *Overlay) dialled(n *node) {
	if n.dialing {
		n.dialing = false
		o.dials = slices.DeleteFunc(o.dials, func(other *node) bool { return other == n })
	}
}

func (o *Overlay) backOff(n *node) {
	most := maxRetry
	if len(o.table.links) == 0 {
		most = maxLonely
	}
	rest := min(firstRetry<<min(n.fails, 16), most)
	n.fails++
	n.retry = o.now.Add(rest/2 + time.Duration(o.rng.Int64N(int64(rest))))
}

// before moves the deadline forward to t.
func (o *Overlay) before(t time.Time) {
	if o.wake.IsZero() || t.Before(o.wake) {
		o.wake = t
	}
}
