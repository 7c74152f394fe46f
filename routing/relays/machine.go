package relays

import (
	"math/rand/v2"
	"net/netip"
	"slices"
	"time"

	"nightjar/routing/wire"
)

// Event is something that happened to the node.
type Event interface{ event() }

// PeerUp says that a link is ready. Desc is what its other end says of itself; views are exchanged on links of key routing alone.
// At is the address at which this node has dialled it; "" = the other end has.
type PeerUp struct {
	Peer    wire.NodeID
	Desc    wire.Descriptor
	Routing bool
	From    netip.Addr // where this node sees the other end, which it cannot choose as freely as what Desc says; zero = not known
	At      wire.Addr
}

// Reached says that this node is linked with a relay that it has dialled at an address: an answer to Probe, as PeerUp is.
type Reached struct {
	Peer wire.NodeID
	At   wire.Addr
}

// Unreached says that a dial to a relay has come to nothing, asked for by Probe or else. Doubt: this node has not heard from
// anybody lately, and may have been cut off itself.
type Unreached struct {
	Peer  wire.NodeID
	Doubt bool
}

// PeerDown says that there is no link to a node any more.
type PeerDown struct{ Peer wire.NodeID }

// Received carries a Root, Digests, List or Relays from a peer.
type Received struct {
	From wire.NodeID
	Msg  wire.Message
}

// Own says what this node says of itself from now on.
type Own struct{ Desc wire.Descriptor }

// Tick says that time has passed; due when NextDeadline has come.
type Tick struct{}

func (PeerUp) event()    {}
func (PeerDown) event()  {}
func (Received) event()  {}
func (Reached) event()   {}
func (Unreached) event() {}
func (Own) event()       {}
func (Tick) event()      {}

// Effect is something that the shell must do, in order.
type Effect interface{ effect() }

// Send sends a message to a peer.
type Send struct {
	To  wire.NodeID
	Msg wire.Message
}

// Updated says that View gives something new. It comes the more seldom the larger the view is.
type Updated struct{}

// Changed says that State has changed and should be saved. It comes the more seldom the larger the state is.
type Changed struct{}

// Probe asks the shell to dial a relay, at the addresses in Desc alone, to see whether it can be reached. The answer is PeerUp with
// At, Reached, or Unreached.
type Probe struct{ Desc wire.Descriptor }

// Misbehaved reports a peer that handed on what its relay has not signed: an honest one checks that first.
type Misbehaved struct{ Peer wire.NodeID }

func (Send) effect()       {}
func (Updated) effect()    {}
func (Changed) effect()    {}
func (Probe) effect()      {}
func (Misbehaved) effect() {}

// Config says whose view it is.
type Config struct {
	Self wire.NodeID
	Rand *rand.Rand // needed: the machine has no randomness of its own
	// Dials lists those addresses of a relay that this node would dial on a stranger's word; nil = all.
	Dials func(wire.Descriptor) []wire.Addr
}

// Machine holds the view and reconciles it.
type Machine struct {
	self wire.NodeID
	rng  *rand.Rand

	entries  map[wire.NodeID]*entry
	buckets  [wire.Buckets]bucket
	peers    map[wire.NodeID]*peer
	order    []*peer // peers in the order of their coming: what is walked when order matters
	accounts map[origin]*account
	need     quorum
	probes   prober
	gone     map[wire.NodeID]gone

	since   time.Time // View.Since
	swept   int64     // the hour in which the old were last dropped
	view    notice    // that View gives something new
	state   notice    // that State does
	effects []Effect
}

// notice is whether there is something to announce, and when that may be done next.
type notice struct {
	due  bool
	next time.Time
}

// peer is a node with which views are exchanged.
type peer struct {
	id       wire.NodeID
	from     origin
	account  *account
	round    round
	lists    int       // how many of its Lists are still to be answered
	compared bool      // views were compared at least once
	agreed   [16]byte  // the root at which it was last found to hold the same
	answered time.Time // when a Root of it was last looked at
}

// New returns a machine that knows no relays.
func New(cfg Config) *Machine {
	if cfg.Rand == nil {
		panic("relays: Config.Rand is needed")
	}
	return &Machine{
		self: cfg.Self, rng: cfg.Rand, need: quorum{use: 1, keep: 1},
		entries: make(map[wire.NodeID]*entry), peers: make(map[wire.NodeID]*peer), accounts: make(map[origin]*account),
		probes: newProber(cfg.Dials), gone: make(map[wire.NodeID]gone),
	}
}

// Step takes in one event and returns what must be done, in order. The slice is valid until the next Step.
func (m *Machine) Step(now time.Time, ev Event) []Effect {
	clear(m.effects)
	m.effects = m.effects[:0]
	m.sweep(now)
	switch ev := ev.(type) {
	case PeerUp:
		m.peerUp(now, ev)
	case PeerDown:
		m.peerDown(now, ev.Peer)
	case Received:
		if p := m.peers[ev.From]; p != nil {
			m.receive(now, p, ev.Msg)
		}
	case Reached:
		m.reached(now, ev.Peer, ev.At)
	case Unreached:
		m.unreached(now, ev.Peer, ev.Doubt)
	case Own:
		m.own(now, ev.Desc)
	case Tick:
	}
	m.reconcile(now)
	m.probe(now)
	m.announce(now)
	return m.effects
}

func (m *Machine) emit(e Effect) { m.effects = append(m.effects, e) }

// NextDeadline is when the machine wants a Tick; ok is false if it waits for nothing.
func (m *Machine) NextDeadline() (t time.Time, ok bool) {
	soonest := func(at time.Time) {
		if !ok || at.Before(t) {
			t, ok = at, true
		}
	}
	for _, p := range m.order {
		soonest(p.round.next)
	}
	if !m.probes.next.IsZero() {
		soonest(m.probes.next)
	}
	if m.view.due {
		soonest(m.view.next)
	}
	if m.state.due {
		soonest(m.state.next)
	}
	return t, ok
}

func (m *Machine) peerUp(now time.Time, ev PeerUp) {
	if ev.Peer == m.self || ev.Desc.ID != ev.Peer {
		return
	}
	from := originOf(ev)
	a := m.account(now, from)
	if ev.Routing && m.peers[ev.Peer] == nil {
		p := &peer{id: ev.Peer, from: from, account: a, round: round{next: now}}
		a.links++
		m.peers[ev.Peer] = p
		m.order = append(m.order, p)
		m.count()
		if own := m.entries[m.self]; own != nil {
			m.emit(Send{To: p.id, Msg: wire.Relays{Nodes: []wire.Claim{own.desc.Claim()}}})
		}
	}
	// The link has proved who is there, so what it says of itself counts as shown by one.
	m.take(now, showing{id: ev.Peer, from: from, account: a}, []wire.Claim{ev.Desc.Claim()})
	if ev.At != "" {
		m.reached(now, ev.Peer, ev.At)
	} else {
		m.meet(now, ev.Peer)
	}
}

func (m *Machine) peerDown(now time.Time, id wire.NodeID) {
	p := m.peers[id]
	if p == nil {
		return
	}
	delete(m.peers, id)
	m.order = slices.DeleteFunc(m.order, func(o *peer) bool { return o == p })
	p.account.links--
	p.account.used = now
	m.count()
}
