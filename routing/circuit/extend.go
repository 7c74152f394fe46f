package circuit

import (
	"time"

	"nightjar/crypto/onion"
	"nightjar/routing/wire"
)

// setup is what the last relay of a circuit does towards the next one: it fetches that relay's onion key (DESC), or
// passes a handshake on (EXTEND). There is one at a time.
type setup struct {
	extend  bool
	node    wire.Descriptor
	create  []byte // of EXTEND
	whole   bool   // both cells of EXTEND have come
	expires time.Duration
}

// EXTEND's second cell: the rest of CREATE, and the descriptor.
const createRest = onion.CreateSize - payloadSize

// creating reports whether a handshake of the next relay is awaited.
func (s *setup) creating() bool { return s != nil && s.extend && s.whole }

// begin starts a setup; false breaks a rule.
func (r *relayed) begin(m *Machine, s *setup) bool {
	l := r.prev.link
	if r.setup != nil || r.next.link != nil || r.exit != nil || l.load.setups >= maxSetups || !l.budget.take(m.now) {
		return false
	}
	l.load.setups++
	s.expires = m.now + setupTime
	r.setup = s
	m.alarms.soonest(&r.alarm, s.expires)
	return true
}

// endSetup forgets what was under way.
func (r *relayed) endSetup(m *Machine) {
	if s := r.setup; s != nil {
		r.prev.link.load.setups--
		r.setup = nil
		m.forgetDial(s.node.ID, r)
	}
}

// setupFailed tells the originator that the next relay cannot be had: in words if it asked for a key, else by ending.
func (r *relayed) setupFailed(m *Machine) {
	if r.setup.extend {
		r.destroy(m, nil)
		return
	}
	r.endSetup(m)
	r.answer(m, header{cmd: cmdDescr}, nil)
}

// neighbour parses the next relay's descriptor, which fills b.
func (r *relayed) neighbour(m *Machine, b []byte) (wire.Descriptor, bool) {
	d, rest, err := wire.ParseDescriptor(b)
	ok := err == nil && len(rest) == 0 && d.ID != m.self && d.ID != r.prev.link.peer && d.Onion != [32]byte{}
	return d, ok
}

// desc takes in DESC; false breaks a rule.
func (r *relayed) desc(m *Machine, h header, b *body) bool {
	if h.flags != 0 {
		return false
	}
	s := &setup{}
	if !r.begin(m, s) {
		return false
	}
	var ok bool
	if s.node, ok = r.neighbour(m, h.payload(b)); !ok {
		return false
	}
	m.linkTo(s.node, r)
	return true
}

// extend takes in one of the two cells of EXTEND; false breaks a rule.
func (r *relayed) extend(m *Machine, h header, b *body) bool {
	p := h.payload(b)
	if h.flags == 0 {
		if h.n != payloadSize || !r.begin(m, &setup{extend: true}) {
			return false
		}
		r.setup.create = append(make([]byte, 0, onion.CreateSize), p...)
		return true
	}
	s := r.setup
	if h.flags != 1 || s == nil || !s.extend || s.whole || h.n < createRest {
		return false
	}
	var ok bool
	if s.node, ok = r.neighbour(m, p[createRest:]); !ok {
		return false
	}
	s.create = append(s.create, p[:createRest]...)
	s.whole = true
	m.linkTo(s.node, r)
	return true
}

// linked takes in that there is a link to the next relay, or that there is none.
func (r *relayed) linked(m *Machine, l *link) {
	s := r.setup
	switch {
	case s == nil:
	case l == nil:
		r.setupFailed(m)
	case s.extend:
		r.pass(m, l)
	default:
		if key := m.ring.recall(m.now, s.node.Onion); key != nil {
			r.keyed(m, key)
		} else {
			m.askKey(l, s.node.Onion, r)
		}
	}
}

// keyed takes in the next relay's onion key, or that it cannot be had.
func (r *relayed) keyed(m *Machine, key *onion.PublicKey) {
	s := r.setup
	switch {
	case s == nil || s.extend:
	case key == nil:
		r.setupFailed(m)
	case key.Hash() == s.node.Onion: // else the answer to a question of before
		m.ring.learn(m.now, key)
		r.endSetup(m)
		r.answer(m, header{cmd: cmdDescr}, key.Bytes())
	}
}

// pass sends the handshake on.
func (r *relayed) pass(m *Machine, l *link) {
	m.open(&r.next, l, r.prev.link)
	m.sendCreate(&r.next, r.setup.create)
	r.setup.create = nil
}

// sendCreate sends a handshake's first message in its two cells.
func (m *Machine) sendCreate(e *end, create []byte) {
	first, second := m.newBody(), m.newBody()
	n := copy(first[:], create)
	clear(second[copy(second[:], create[n:]):])
	m.direct(e.link, wire.Cell{Circ: e.circ, Cmd: wire.Create, Body: first})
	m.direct(e.link, wire.Cell{Circ: e.circ, Cmd: wire.Create, Body: second})
}

// extended takes in the next relay's answer: from now on this one forwards.
func (r *relayed) extended(m *Machine, b *body) {
	if r.next.link.down {
		return
	}
	r.endSetup(m)
	m.turn(&r.prev, r.next.link)
	r.answer(m, header{cmd: cmdExtended}, b[:onion.CreatedSize])
	m.free(b)
}
