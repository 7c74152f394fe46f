package relays

import (
	"math/rand/v2"
	"time"

	"nightjar/routing/wire"
)

// Event is something that happened to the node.
type Event interface{ event() }

// PeerUp says that a link is ready. Desc is what its other end says of itself; views are exchanged on links of key routing alone.
type PeerUp struct {
	Peer    wire.NodeID
	Desc    wire.Descriptor
	Routing bool
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

func (PeerUp) event()   {}
func (PeerDown) event() {}
func (Received) event() {}
func (Own) event()      {}
func (Tick) event()     {}

// Effect is something that the shell must do, in order.
type Effect interface{ effect() }

// Send sends a message to a peer.
type Send struct {
	To  wire.NodeID
	Msg wire.Message
}

// Updated says that View gives something new.
type Updated struct{}

// Changed says that State has changed and should be saved in time.
type Changed struct{}

// Misbehaved reports a peer that broke a rule which honest nodes cannot break.
type Misbehaved struct{ Peer wire.NodeID }

func (Send) effect()       {}
func (Updated) effect()    {}
func (Changed) effect()    {}
func (Misbehaved) effect() {}

// Config says whose view it is.
type Config struct {
	Self wire.NodeID
	Rand *rand.Rand // needed: the machine has no randomness of its own
}

// Machine holds the view and reconciles it.
type Machine struct {
	self wire.NodeID
	rng  *rand.Rand

	entries map[wire.NodeID]*entry
	buckets [wire.Buckets]bucket
	peers   map[wire.NodeID]*peer
	order   []*peer // peers in the order of their coming: what is walked when order matters

	started time.Time // the first time that Step was told
	since   time.Time // View.Since
	updates updates
	effects []Effect
}

// updates is when the view was announced last, and whether there is anything to announce.
type updates struct {
	dirty bool
	next  time.Time
}

// peer is a node with which views are exchanged.
type peer struct {
	id      wire.NodeID
	desc    wire.Descriptor
	synced  bool      // views were compared at least once
	next    time.Time // when to send a Root
	rounds  int       // Roots sent
	asks    bucketOfTokens
	fresh   bucketOfTokens
	digests time.Time // when Digests were sent last
}

// New returns a machine that knows no relays.
func New(cfg Config) *Machine {
	if cfg.Rand == nil {
		panic("relays: Config.Rand is needed")
	}
	return &Machine{
		self: cfg.Self, rng: cfg.Rand,
		entries: make(map[wire.NodeID]*entry), peers: make(map[wire.NodeID]*peer),
	}
}

// Step takes in one event and returns what must be done, in order. The slice is valid until the next Step.
func (m *Machine) Step(now time.Time, ev Event) []Effect {
	if m.started.IsZero() {
		m.started = now
	}
	clear(m.effects)
	m.effects = m.effects[:0]
	switch ev := ev.(type) {
	case PeerUp:
		m.peerUp(now, ev)
	case PeerDown:
		m.peerDown(ev.Peer)
	case Received:
		if p := m.peers[ev.From]; p != nil {
			m.receive(now, p, ev.Msg)
		}
	case Own:
		m.take(now, nil, []wire.Descriptor{ev.Desc})
	case Tick:
	}
	m.reconcile(now)
	m.announce(now)
	return m.effects
}

func (m *Machine) emit(e Effect) { m.effects = append(m.effects, e) }

// NextDeadline is when the machine wants a Tick; ok is false if it waits for nothing.
func (m *Machine) NextDeadline() (t time.Time, ok bool) {
	for _, p := range m.order {
		if !ok || p.next.Before(t) {
			t, ok = p.next, true
		}
	}
	if m.updates.dirty && (!ok || m.updates.next.Before(t)) {
		t, ok = m.updates.next, true
	}
	return t, ok
}

func (m *Machine) peerUp(now time.Time, ev PeerUp) {
	if ev.Peer == m.self {
		return
	}
	if ev.Routing && m.peers[ev.Peer] == nil {
		p := &peer{id: ev.Peer, desc: ev.Desc, next: now, asks: fullTokens(now, askBurst, askEvery), fresh: fullTokens(now, freshBurst, freshEvery)}
		m.peers[ev.Peer] = p
		m.order = append(m.order, p)
		if own := m.entries[m.self]; own != nil {
			m.emit(Send{To: p.id, Msg: wire.Relays{Nodes: []wire.Claim{own.desc.Claim()}}})
		}
		m.updates.dirty = true
	}
	// The link has proved who is there, so what it says of itself counts as shown by one.
	m.take(now, &peer{id: ev.Peer, desc: ev.Desc, fresh: fullTokens(now, 1, freshEvery)}, []wire.Descriptor{ev.Desc})
}

func (m *Machine) peerDown(id wire.NodeID) {
	p := m.peers[id]
	if p == nil {
		return
	}
	delete(m.peers, id)
	for i := range m.order {
		if m.order[i] == p {
			m.order = append(m.order[:i:i], m.order[i+1:]...)
			break
		}
	}
	m.updates.dirty = true
}

// bucketOfTokens limits how often something may be done.
type bucketOfTokens struct {
	tokens, burst float64
	every         time.Duration
	at            time.Time
}

func fullTokens(now time.Time, burst int, every time.Duration) bucketOfTokens {
	return bucketOfTokens{tokens: float64(burst), burst: float64(burst), every: every, at: now}
}

// take takes a token if there is one.
func (b *bucketOfTokens) take(now time.Time) bool {
	b.tokens = min(b.burst, b.tokens+float64(now.Sub(b.at))/float64(b.every))
	b.at = now
	if b.tokens < 1 {
		return false
	}
	b.tokens--
	return true
}
