package circuit

import (
	"time"

	"nightjar/crypto/onion"
	"nightjar/routing/wire"
)

// relay is what this node does for the circuits of others.
type relay struct {
	carried int // circuits
	replay  replay
	creates creates
}

// relayed is one circuit of somebody else at this node.
//
//	opening ──CREATE──> last ──EXTEND──> setting up ──CREATED──> forwarding
//	                     │  ^                │
//	                     │  └──DESC──────────┘
//	                     └──GET, PUT, PROBE──> launching
//
// From every state DESTROY from either side, the loss of either link, an unrecognised cell or a broken rule ends it: DESTROY
// goes to the side, or to both, that has not said it.
type relayed struct {
	prev, next end // next.link is nil while this is the last relay
	fwd, bwd   *onion.Layer
	create     *body // the first half of a CREATE
	setup      *setup
	exit       *exit
	shaper     *shaper
	dead       bool
	alarm      alarm
	last       time.Duration // when a cell came last
}

// other is the opposite end.
func (r *relayed) other(e *end) *end {
	if e == &r.prev {
		return &r.next
	}
	return &r.prev
}

// opened takes in the first half of a CREATE for a new circuit.
func (m *Machine) opened(l *link, c wire.Cell) {
	if c.Circ < 2 || c.Circ&1 == l.parity {
		m.misbehaved(l)
		return
	}
	if full(l.load.carried, maxCarried, m.relay.carried, maxAllCarried) {
		m.refuse(l, c.Circ)
		m.free(c.Body)
		return
	}
	l.load.carried++
	m.relay.carried++
	r := &relayed{create: c.Body, last: m.now}
	r.alarm.owner = r
	r.prev.carrier, r.next.carrier = r, r
	m.attach(&r.prev, l, c.Circ, nil)
	m.alarms.set(&r.alarm, m.now+halfTime)
}

// refuse answers a CREATE for which there is no room.
func (m *Machine) refuse(l *link, circ uint32) {
	if l.inflight < 16*window { // whoever does not read need not be told
		m.direct(l, wire.Cell{Circ: circ, Cmd: wire.Destroy, Body: m.blank()})
	}
}

// accept completes the handshake with the second half of a CREATE.
func (r *relayed) accept(m *Machine, second *body) {
	var create [onion.CreateSize]byte
	n := copy(create[:], r.create[:])
	copy(create[n:], second[:])
	m.free(r.create)
	m.free(second)
	r.create = nil
	l := r.prev.link
	if !l.budget.take(m.now) || !m.relay.creates.take(m.now, l) || !m.relay.replay.fresh(m.now, onion.ReplayTag(create[:])) {
		r.destroy(m, nil)
		return
	}
	created, fwd, bwd, err := onion.Accept(m.cfg.Rand, m.self, m.ring.secrets(), create[:], noExtension)
	if err != nil {
		r.destroy(m, nil)
		return
	}
	r.fwd, r.bwd = fwd, bwd
	m.alarms.set(&r.alarm, m.now+longestIdle)
	b := m.newBody()
	clear(b[copy(b[:], created):])
	m.direct(l, wire.Cell{Circ: r.prev.circ, Cmd: wire.Created, Body: b})
}

// noExtension answers the sealed data of a CREATE: version 1 uses none.
func noExtension(*[onion.ExtSize]byte) (none [onion.AnswerSize]byte) { return none }

func (r *relayed) received(m *Machine, e *end, cmd wire.Cmd, b *body) {
	r.last = m.now
	switch {
	case cmd == wire.Relay && r.fwd != nil && e == &r.prev:
		r.forward(m, b)
	case cmd == wire.Relay && e == &r.next && !r.setup.creating():
		r.backward(m, b)
	case cmd == wire.Create && e == &r.prev && r.create != nil:
		r.accept(m, b)
	case cmd == wire.Created && e == &r.next && r.setup.creating():
		r.extended(m, b)
	default:
		m.misbehaved(e.link)
		r.destroy(m, nil)
	}
}

// forward takes in a cell from the originator's side: it is for this node, or for one beyond.
func (r *relayed) forward(m *Machine, b *body) {
	if r.fwd.Decrypt(b) != nil {
		r.destroy(m, nil)
		return
	}
	switch {
	case onion.Ours(b):
		r.command(m, b)
	case r.next.link == nil || r.setup != nil || !m.queue(&r.next, b):
		r.destroy(m, nil)
	}
	if r.shaper != nil && !r.dead {
		r.slot(m)
	}
}

// backward takes in a cell from the launch node's side. It is sealed when its turn to be sent has come.
func (r *relayed) backward(m *Machine, b *body) {
	if r.shaper != nil {
		r.shaper.hold(m, r, b)
		return
	}
	if !m.queue(&r.prev, b) {
		r.destroy(m, nil)
	}
}

// answer sends a relay cell of this node towards the originator.
func (r *relayed) answer(m *Machine, h header, payload []byte) {
	b := m.newBody()
	h.write(b, payload)
	if !m.queue(&r.prev, b) {
		r.destroy(m, nil)
	}
}

func (r *relayed) pending(m *Machine, e *end) bool {
	return e.out.n > 0 || e == &r.prev && r.exit != nil && len(r.exit.answers) > 0
}

func (r *relayed) emit(m *Machine, e *end) *body {
	var b *body
	switch {
	case e.out.n > 0:
		m.hold(e, -1)
		b = e.out.pop()
	case e == &r.prev && r.exit != nil && len(r.exit.answers) > 0:
		b = r.exit.next(m, r)
	default:
		return nil
	}
	if e == &r.prev && r.bwd.Encrypt(b) != nil {
		r.destroy(m, nil)
		return nil
	}
	return b
}

func (r *relayed) closed(m *Machine, e *end) { r.destroy(m, e) }

// destroy ends the circuit. from is the end that knows it already; nil = neither does.
func (r *relayed) destroy(m *Machine, from *end) {
	if r.dead {
		return
	}
	r.dead = true
	m.alarms.stop(&r.alarm)
	r.endSetup(m)
	if r.exit != nil {
		r.exit.close(m, r)
	}
	r.prev.link.load.carried--
	m.relay.carried--
	if r.shaper != nil {
		r.shaper.drop(m, r)
	}
	m.detach(&r.next, from != &r.next)
	m.detach(&r.prev, from != &r.prev)
	for _, l := range []*onion.Layer{r.fwd, r.bwd} {
		if l != nil {
			l.Wipe()
		}
	}
	r.create = nil
}

// ring takes in that the circuit has waited too long for something.
func (r *relayed) ring(m *Machine, _ *alarm) {
	switch {
	case r.create != nil:
		r.destroy(m, nil)
	case r.setup != nil && m.now >= r.setup.expires:
		r.setupFailed(m)
	case m.now-r.last >= longestIdle:
		r.destroy(m, nil)
	}
	if !r.dead {
		r.arm(m)
	}
}

// arm sets the alarm to what is due next.
func (r *relayed) arm(m *Machine) {
	next := r.last + longestIdle
	if r.setup != nil {
		next = min(next, r.setup.expires)
	}
	m.alarms.set(&r.alarm, next)
}

// command carries out a cell for this node.
func (r *relayed) command(m *Machine, b *body) {
	h, ok := readHeader(b)
	if ok {
		switch h.cmd {
		case cmdDesc:
			ok = r.desc(m, h, b)
		case cmdExtend:
			ok = r.extend(m, h, b)
		case cmdGet, cmdPut, cmdEnd, cmdProbe:
			ok = r.next.link == nil && r.setup == nil && m.serve(r, h, b)
		case cmdVoid:
			ok = r.void(m, h, b)
		default:
			ok = false
		}
	}
	m.free(b)
	if !ok {
		r.destroy(m, nil)
	}
}
