package routing

import (
	"nightjar/keys"
	"nightjar/routing/wire"
	"nightjar/store"
)

// lowered is the HTL with which a request goes on that came with h > 0. The coins at both ends hide from a peer how
// far it is from where the request was launched, and how far it will still go.
func (m *Machine) lowered(h uint8) uint8 {
	switch {
	case h >= coinHTL && m.rng.IntN(2) == 0:
		return h
	case h == 1 && m.rng.IntN(4) != 0:
		return h
	}
	return h - 1
}

// admit checks a peer's request before anything is done for it, and answers it if it is refused.
func (m *Machine) admit(l *link, req wire.Req, htl uint8, target keys.Location) bool {
	switch {
	case l.asked[req] != nil:
		m.misbehaved(l)
		return false
	case htl > 0 && m.closer(l, target):
		m.misbehaved(l)
		m.refuse(waiter{from: l, req: req}, wire.Failed)
		return false
	case len(l.asked) >= maxAsked:
		m.refuse(waiter{from: l, req: req}, wire.Overload)
		return false
	}
	return true
}

func (m *Machine) receiveGet(l *link, g wire.Get) {
	k := key{id: g.ID, rotation: g.Rotation}
	if !m.admit(l, g.Req, g.HTL, g.ID.Location(g.Rotation)) {
		return
	}
	m.serve(k, keys.Block{}, g.HTL, g.Class, waiter{from: l, req: g.Req})
}

func (m *Machine) receivePut(l *link, p wire.Put) {
	id := p.Block.ID()
	if !m.admit(l, p.Req, p.HTL, id.Location(p.Rotation)) {
		return
	}
	w := waiter{from: l, req: p.Req}
	if l.puts >= maxPuts || m.puts >= maxAllPuts && l.puts >= minPuts {
		m.refuse(w, wire.Overload)
		return
	}
	m.serve(key{id: id, rotation: p.Rotation, put: true}, p.Block, p.HTL, p.Class, w)
}

// serve takes in a peer's request that was admitted.
func (m *Machine) serve(k key, b keys.Block, htl uint8, class wire.Class, w waiter) {
	t := patience(k.put || class == wire.Bulk, htl)
	w.expires = m.now + t - t/16
	if htl == 0 {
		r := m.newRequest(k, class, 0)
		r.block, r.own = b, true
		m.attach(r, w)
		m.start(r)
		return
	}
	htl, seen := m.lowered(htl), htl
	r, index := m.joinable(k, htl, b)
	if r != nil {
		r.seen = max(r.seen, seen)
		if !m.join(r, w, class) {
			m.refuse(w, wire.Overload)
		}
		return
	}
	r = m.newRequest(k, class, htl)
	r.block, r.seen = b, seen
	if index {
		m.active[k] = r
	}
	m.attach(r, w)
	m.start(r)
}

func (m *Machine) localGet(ev LocalGet) {
	w := waiter{token: ev.Token, foreign: ev.Launch}
	m.launch(w, key{id: ev.ID, rotation: ev.Rotation}, keys.Block{}, ev.Class)
}

func (m *Machine) localPut(ev LocalPut) {
	w := waiter{token: ev.Token, foreign: ev.Launch}
	m.launch(w, key{id: ev.Block.ID(), rotation: ev.Rotation, put: true}, ev.Block, ev.Class)
}

// launch begins a request that enters key routing here. Its HTL is that of a request which may have come from elsewhere.
func (m *Machine) launch(w waiter, k key, b keys.Block, class wire.Class) {
	w.expires = m.now + launchTime(w.foreign, k.put, class)
	if m.local[w.token] != nil || m.leases.local[w.token] != nil {
		m.refuse(w, wire.Failed)
		return
	}
	if len(m.local) >= maxLocal || w.foreign && m.foreign >= maxForeign {
		m.refuse(w, wire.Overload)
		return
	}
	htl := uint8(launchHTL + m.rng.IntN(wire.MaxHTL-launchHTL+1))
	r, index := m.joinable(k, htl, b)
	if r != nil {
		m.join(r, w, class)
		return
	}
	r = m.newRequest(k, class, htl)
	r.block = b
	if index {
		m.active[k] = r
	}
	m.attach(r, w)
	m.start(r)
}

// cancelLocal takes back what was asked for locally.
func (m *Machine) cancelLocal(token Token) {
	if r := m.local[token]; r != nil {
		m.forgetLocal(r, token)
		return
	}
	m.quitLocal(token)
}

// start does the first thing for a request.
func (m *Machine) start(r *request) {
	switch {
	case !r.key.put:
		m.look(r)
	case r.own:
		r.phase = keeping
		m.keep(r)
	default:
		m.list(r)
	}
}

// lookedUp goes on when the own store has answered.
func (m *Machine) lookedUp(ref Ref, b keys.Block) {
	if m.lookedForLease(ref, b) {
		return
	}
	r := m.refs[ref]
	if r == nil || r.phase != looking {
		return
	}
	delete(m.refs, ref)
	r.store.ref = 0
	switch {
	case !b.IsZero() && b.ID() == r.key.id:
		m.succeed(r, b, 0)
	case r.own:
		m.fail(r, wire.NotFound)
	default:
		m.list(r)
	}
}

// kept goes on when the own store has kept a block, or could not.
func (m *Machine) kept(ref Ref, ok bool) {
	r := m.refs[ref]
	if r == nil || r.phase != keeping {
		return
	}
	delete(m.refs, ref)
	r.store.ref = 0
	if ok {
		r.store.kept = true
		r.store.copies++
		m.appeared(r.block, nil)
	}
	m.settle(r)
}

// answered finds what a peer's answer is about; nil if it is about nothing.
func (m *Machine) answered(l *link, req wire.Req) *attempt {
	a := l.sent[req]
	if a == nil {
		m.unasked(l, req)
	} else {
		l.dealings[a.kind].hear(m.now)
	}
	return a
}

func (m *Machine) receiveData(l *link, d wire.Data) {
	a := m.answered(l, d.Req)
	if a == nil {
		return
	}
	r := a.r
	if r.key.put || d.Block.ID() != r.key.id {
		m.broken(a)
		return
	}
	m.grow(a)
	m.land(a)
	m.passing(r, d.Block)
	m.succeed(r, d.Block, 0)
	m.pump(l)
}

func (m *Machine) receiveStored(l *link, s wire.Stored) {
	a := m.answered(l, s.Req)
	if a == nil {
		return
	}
	r := a.r
	if !r.key.put {
		m.broken(a)
		return
	}
	m.grow(a)
	m.land(a)
	if r.phase == keeping {
		r.store.copies++
		m.settle(r)
	} else {
		m.succeed(r, keys.Block{}, max(1, min(s.Copies, wire.MaxCopies)))
	}
	m.pump(l)
}

func (m *Machine) receiveFail(l *link, f wire.Fail) {
	a := m.answered(l, f.Req)
	if a == nil {
		return
	}
	reason := f.Reason
	if a.r.key.put && reason == wire.NotFound {
		reason = wire.Failed
	}
	switch reason {
	case wire.NotFound:
		m.grow(a)
	case wire.Overload:
		m.overloaded(a)
	default:
		l.silent = 0
	}
	m.land(a)
	m.refused(a, reason)
	m.pump(l)
}

// garbled takes in a block that does not match its ID. Every honest node verifies blocks before it sends them.
func (m *Machine) garbled(ev Garbled) {
	l := m.links[ev.From]
	if l == nil {
		return
	}
	if a := l.sent[ev.Bad.Req]; a != nil && !ev.Bad.Put {
		m.broken(a)
		return
	}
	m.misbehaved(l)
}

// broken ends an attempt that was answered in a way in which no honest node answers.
func (m *Machine) broken(a *attempt) {
	m.misbehaved(a.link)
	m.land(a)
	m.refused(a, wire.Failed)
	m.pump(a.link)
}

// passing decides whether to keep a block that a peer has sent for somebody. What the local user fetches leaves no trace
// in the store, nor does what may have been launched one hop away; a record is not cached, since it would hide a newer one.
func (m *Machine) passing(r *request, b keys.Block) {
	switch {
	case r.launched:
	case r.phase == asking && r.htl > 0: // this node should have held it
		m.effects = append(m.effects, Keep{Block: b, Class: store.Sink, At: r.target, For: r.asker()})
		m.appeared(b, nil)
	case b.ID().Kind == keys.KindData && r.seen <= cacheHTL && m.rng.Uint32N(m.cacheOneIn) == 0:
		m.effects = append(m.effects, Keep{Block: b, Class: store.Cache, At: r.target, For: r.asker()})
	}
}
