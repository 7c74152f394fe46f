package repair

import (
	"math/rand/v2"
	"time"

	"nightjar/keys"
	"nightjar/routing/wire"
)

// Config holds the parameters of a Machine; the zero value of every number means its default.
type Config struct {
	Self wire.NodeID
	Rand *rand.Rand // needed: the machine has no randomness of its own
	Rate int        // bytes a second that are copied at most, and that are handed out at most; 0 = DefaultRate
}

// Machine keeps the sink set of every block whole for which this node is responsible.
type Machine struct {
	self  wire.NodeID
	at    keys.Location
	rng   *rand.Rand
	rate  float64
	now   time.Time // never falls
	peers map[wire.NodeID]*peer
	ring  []*peer // those of peers in the order of their places

	client
	server
	jobs
	wake    time.Time
	effects []Effect
	counts  Counts
}

// client is what this node does to find out what it lacks.
type client struct {
	session *session  // the comparison under way; nil = none
	rest    time.Time // no comparison before: the store is full
	in      tokens    // of bytes to be copied
	req     wire.Req  // of the last question
}

// jobs are those of which the store has not said what came of them.
type jobs struct {
	refs map[Ref]pending
	ref  Ref // the last one
}

// Counts is what has been done since the beginning.
type Counts struct {
	Copied   uint64 // blocks that neighbours had and this node lacked
	Given    uint64 // blocks handed out to neighbours
	Compared uint64 // comparisons that were finished
}

// New returns a machine without peers.
func New(cfg Config) *Machine {
	if cfg.Rand == nil {
		panic("repair: Config.Rand is needed")
	}
	if cfg.Rate == 0 {
		cfg.Rate = DefaultRate
	}
	rate := float64(max(cfg.Rate, 2*share*keys.DataSize)) // a burst, and a neighbour's share of it, must hold a block
	return &Machine{
		self: cfg.Self, at: cfg.Self.Location(), rng: cfg.Rand, rate: rate,
		peers: make(map[wire.NodeID]*peer), jobs: jobs{refs: make(map[Ref]pending)},
		client: client{req: wire.Req(cfg.Rand.Uint32())},
	}
}

// Step takes in one event and returns what must be done, in order. The slice is valid until the next Step.
func (m *Machine) Step(now time.Time, ev Event) []Effect {
	m.begin(now)
	switch ev := ev.(type) {
	case Received:
		if p := m.peers[ev.From]; p != nil && p.up {
			m.receive(p, ev.Msg)
		}
	case PeerUp:
		m.peerUp(ev.Peer)
	case PeerDown:
		m.peerDown(ev.Peer)
	case Tick:
	default:
		m.worked(ev)
	}
	m.sweep()
	m.serve()
	m.advance()
	m.wake = m.deadline()
	return m.effects
}

func (m *Machine) begin(now time.Time) {
	if m.now.IsZero() {
		m.now = now
		m.in, m.out = newTokens(now, m.rate, m.rate), newTokens(now, m.rate, m.rate)
	}
	if now.After(m.now) {
		m.now = now
	}
	clear(m.effects)
	m.effects = m.effects[:0]
}

func (m *Machine) emit(e Effect) { m.effects = append(m.effects, e) }

// NextDeadline is when the machine wants a Tick; ok is false if it waits for nothing.
func (m *Machine) NextDeadline() (t time.Time, ok bool) { return m.wake, !m.wake.IsZero() }

// Counts is what has been done so far.
func (m *Machine) Counts() Counts { return m.counts }

// deadline is the earliest of all that the machine waits for.
func (m *Machine) deadline() (first time.Time) {
	at := func(t time.Time) {
		if !t.IsZero() && (first.IsZero() || t.Before(first)) {
			first = t
		}
	}
	for _, p := range m.ring {
		if !p.up {
			at(p.gone)
		} else if m.session == nil {
			at(m.due(p))
		}
	}
	if m.session != nil {
		at(m.session.deadline(m))
	}
	return first
}

// around draws from 0 to d.
func (m *Machine) around(d time.Duration) time.Duration {
	return time.Duration(m.rng.Int64N(int64(d) + 1))
}

// receive takes in a message of a peer.
func (m *Machine) receive(p *peer, msg wire.Message) {
	switch msg.(type) {
	case wire.Parts, wire.Held, wire.Copy, wire.Refuse:
		p.owes--
	}
	switch msg := msg.(type) {
	case wire.Compare:
		m.compared(p, msg)
	case wire.Want:
		m.wanted(p, msg)
	case wire.Parts:
		m.receiveParts(p, msg)
	case wire.Held:
		m.receiveHeld(p, msg)
	case wire.Copy:
		m.receiveCopy(p, msg)
	case wire.Refuse:
		m.receiveRefuse(p, msg)
	}
}

// unasked takes in an answer that nothing waits for: late, most likely. Late answers are as many as questions, however slow a peer is.
func (m *Machine) unasked(p *peer) {
	if p.owes < -maxUnasked {
		p.owes = 0
		m.emit(Misbehaved{p.id})
	}
}

// pending is what a job is for.
type pending struct {
	// For a peer: who asked, what for.
	p      *peer
	req    wire.Req
	answer bool
	// For the comparison under way.
	session *session
	flight  *flight // a block that is being kept
}

func (m *Machine) begun(p pending) Ref {
	m.ref++
	m.refs[m.ref] = p
	return m.ref
}

// worked takes in what came of a job.
func (m *Machine) worked(ev Event) {
	var ref Ref
	switch ev := ev.(type) {
	case Summed:
		ref = ev.Ref
	case Answered:
		ref = ev.Ref
	case Checked:
		ref = ev.Ref
	case Loaded:
		ref = ev.Ref
	case Kept:
		ref = ev.Ref
	case Failed:
		ref = ev.Ref
	}
	job, ok := m.refs[ref]
	if !ok {
		return
	}
	delete(m.refs, ref)
	switch {
	case job.p != nil && job.answer:
		m.answered(job, ev)
	case job.p != nil:
		m.loaded(job, ev)
	case job.session != m.session:
	case job.flight != nil:
		m.kept(job.flight, ev)
	default:
		m.looked(ev)
	}
}
