package repair

import (
	"nightjar/keys"
	"nightjar/routing/wire"
)

// server is what is done for peers that compare with this node.
type server struct {
	asks []ask // of all peers, in the order in which they came; maxAsks of each
	busy bool  // the store works on one
	out  tokens
}

// ask is a Compare that waits for the store.
type ask struct {
	p   *peer
	job Answer
}

// compared takes in a Compare. What it answers concerns the positions alone for which both are responsible.
func (m *Machine) compared(p *peer, msg wire.Compare) {
	var in []wire.Span
	for _, s := range m.shared(p, false) {
		in = append(in, intersect(msg.Span, s)...)
	}
	p.scans.fill(m.now)
	switch {
	case len(in) == 0:
		m.emit(Send{p.id, wire.Refuse{Req: msg.Req, Reason: wire.NotFound}})
	case p.waits >= maxAsks, p.scans.left <= 0:
		m.emit(Send{p.id, wire.Refuse{Req: msg.Req, Reason: wire.Overload}})
	default:
		p.waits++
		m.asks = append(m.asks, ask{p, Answer{Req: msg.Req, Span: in[0], Mark: msg.Mark, Clipped: in[0] != msg.Span}})
	}
}

// serve gives the store the next question: one at a time, so that peers wait for each other and nothing else waits for them.
func (m *Machine) serve() {
	for !m.busy && len(m.asks) > 0 {
		a := m.asks[0]
		if m.asks = m.asks[1:]; len(m.asks) == 0 {
			m.asks = nil
		}
		if !a.p.up {
			a.p.waits--
			continue
		}
		a.job.Ref = m.begun(pending{p: a.p, req: a.job.Req, answer: true})
		m.busy = true
		m.emit(a.job)
	}
}

func (m *Machine) answered(job pending, ev Event) {
	m.busy = false
	job.p.waits--
	var msg wire.Message = wire.Refuse{Req: job.req, Reason: wire.Overload}
	if a, ok := ev.(Answered); ok {
		msg = a.Msg
		job.p.scans.left -= float64(a.Cost)
	}
	if job.p.up {
		m.emit(Send{job.p.id, msg})
	}
}

// wanted takes in a Want. A peer has a part of what is handed out; it hears at once if that is used up.
func (m *Machine) wanted(p *peer, msg wire.Want) {
	at := msg.ID.Location(msg.Rotation)
	ours := false
	for _, s := range m.shared(p, false) {
		ours = ours || covers(s, at)
	}
	switch {
	case !ours:
		m.emit(Send{p.id, wire.Refuse{Req: msg.Req, Reason: wire.NotFound}})
		return
	case p.loads >= maxLoads, p.out.when(m.now, keys.DataSize) != m.now, !m.out.take(m.now, keys.DataSize):
		m.emit(Send{p.id, wire.Refuse{Req: msg.Req, Reason: wire.Overload}})
		return
	}
	p.out.take(m.now, keys.DataSize)
	p.loads++
	m.emit(Load{Ref: m.begun(pending{p: p, req: msg.Req}), ID: msg.ID, At: at})
}

func (m *Machine) loaded(job pending, ev Event) {
	job.p.loads--
	if !job.p.up {
		return
	}
	reason := wire.Overload
	if l, ok := ev.(Loaded); ok {
		if !l.Block.IsZero() {
			m.counts.Given++
			m.emit(Send{job.p.id, wire.Copy{Req: job.req, Block: l.Block}})
			return
		}
		reason = wire.NotFound
	}
	m.emit(Send{job.p.id, wire.Refuse{Req: job.req, Reason: reason}})
}
