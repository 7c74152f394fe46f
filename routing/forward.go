package routing

import (
	"cmp"
	"slices"

	"nightjar/keys"
	"nightjar/routing/wire"
	"nightjar/store"
)

// rank orders nodes by how close they are to a target: by distance, then by location, then by identity. It is total,
// so that two nodes always agree on which of them is closer.
type rank struct {
	distance uint64
	at       keys.Location
	id       wire.NodeID
}

func rankOf(id wire.NodeID, at, target keys.Location) rank { return rank{at.Distance(target), at, id} }

func (a *rank) less(b *rank) bool {
	if a.distance != b.distance {
		return a.distance < b.distance
	}
	return cmp.Or(cmp.Compare(a.at, b.at), slices.Compare(a.id[:], b.id[:])) < 0
}

// closer reports whether l is closer to the target than this node: a request may go to it, and none may come from it.
func (m *Machine) closer(l *link, target keys.Location) bool {
	own, other := rankOf(m.self, m.at, target), rankOf(l.id, l.at, target)
	return other.less(&own)
}

// pick returns the closest live peer after the last one tried; if below is set, only peers closer than this node.
func (m *Machine) pick(r *request, below, begun bool) *link {
	var best *link
	var bestRank rank
	own := rankOf(m.self, m.at, r.target)
	k := r.kind(0)
	if below {
		k = r.kind(r.htl)
	}
	for _, l := range m.ring {
		d := l.at.Distance(r.target)
		if best != nil && d > bestRank.distance || below && d > own.distance || begun && d < r.route.last.distance || !m.usable(l, k) {
			continue
		}
		at := rank{d, l.at, l.id}
		if best != nil && !at.less(&bestRank) || below && !at.less(&own) || begun && !r.route.last.less(&at) {
			continue
		}
		if r.phase == asking && r.asks(l) {
			continue
		}
		best, bestRank = l, at
	}
	return best
}

// onward returns the peer that a request goes to now: for what a circuit has launched here the first two are spread, all others are the
// closest that were not tried.
func (m *Machine) onward(r *request) *link {
	if r.foreign() && !r.route.begun {
		for i := range r.route.drawn {
			if r.route.drawn[i] == nil {
				if l := m.spread(r); l != nil {
					r.route.drawn[i] = l
					return l
				}
			}
		}
	}
	for {
		l := m.pick(r, true, r.route.begun)
		if l == nil {
			return nil
		}
		r.try(l)
		if !slices.Contains(r.route.drawn[:], l) {
			return l
		}
	}
}

// asks reports whether l is among the askers: it has looked in its own store before it asked.
func (r *request) asks(l *link) bool {
	for i := range r.waiters {
		if r.waiters[i].from == l {
			return true
		}
	}
	return false
}

func (r *request) try(l *link) {
	r.route.last, r.route.begun = rankOf(l.id, l.at, r.target), true
}

// advance takes a request to the next peer, or to what follows when there is none.
func (m *Machine) advance(r *request) {
	if r.busy() {
		return // another peer that was asked may yet answer
	}
	if r.phase == asking {
		m.ask(r)
		return
	}
	r.phase = routing
	for i := range r.attempts {
		r.attempts[i].htl = r.htl
	}
	for r.htl > 0 && r.route.tries < maxTries {
		l := m.onward(r)
		if l == nil {
			break
		}
		if m.offer(&r.attempts[0], l) {
			return
		}
		r.route.refused = true
	}
	switch {
	case r.htl == 0, m.pick(r, true, false) == nil:
		m.minimum(r)
	case r.key.put && r.route.reason == 0 && !r.route.refused: // no closer peer has said a word: none is live
		m.minimum(r)
	case r.route.reason == wire.NotFound:
		m.fail(r, wire.NotFound)
	case r.route.refused:
		m.fail(r, wire.Overload)
	default:
		m.fail(r, wire.Failed)
	}
}

// minimum goes on where no live peer is closer to the target than this node: here the block belongs.
func (m *Machine) minimum(r *request) {
	r.route = route{pauses: r.route.pauses}
	for i := range r.attempts {
		r.attempts[i].htl = 0
	}
	if r.launched && m.pick(r, false, false) == nil {
		m.fail(r, wire.Failed)
		return
	}
	if !r.key.put {
		r.phase = asking
		m.ask(r)
		return
	}
	r.phase = keeping
	m.keep(r)
	for i := range sinkCopies {
		l := m.pick(r, false, r.route.begun)
		if l == nil {
			return
		}
		r.try(l)
		if !m.offer(&r.attempts[i], l) {
			r.route.refused = true
		}
	}
}

// ask asks the next member of the sink set whether it holds the block.
func (m *Machine) ask(r *request) {
	for r.route.tries < sinkCopies {
		l := m.pick(r, false, r.route.begun)
		if l == nil {
			break
		}
		r.try(l)
		r.route.tries++
		if m.offer(&r.attempts[0], l) {
			return
		}
		r.route.refused = true
	}
	switch {
	case r.route.refused:
		m.fail(r, wire.Overload)
	case r.route.reason == wire.Failed:
		m.fail(r, wire.Failed)
	default:
		m.fail(r, wire.NotFound)
	}
}

// refused takes in that a peer has answered that it cannot.
func (m *Machine) refused(a *attempt, reason wire.Reason) {
	if a.r.phase == routing {
		a.r.route.tries++
	}
	m.missed(a, reason)
}

// missed takes in that a peer has answered that it cannot.
func (m *Machine) missed(a *attempt, reason wire.Reason) {
	r := a.r
	if reason == wire.Overload {
		r.route.refused = true
	} else if r.route.reason != wire.NotFound {
		r.route.reason = reason
	}
	switch r.phase {
	case routing:
		if reason == wire.NotFound && m.rng.IntN(100) >= secondLook {
			m.fail(r, wire.NotFound)
			return
		}
		m.list(r)
	case asking:
		m.list(r)
	case keeping:
		m.settle(r)
	}
}

// unheard takes in that a peer has not answered, and is not expected to any more.
func (m *Machine) unheard(a *attempt) {
	switch r := a.r; r.phase {
	case asking:
		if r.route.reason == 0 {
			r.route.reason = wire.Failed
		}
		m.list(r)
	case routing:
		m.list(r)
	case keeping:
		m.settle(r)
	}
}

// rejected takes in that there is no room for an attempt on its link any more.
func (m *Machine) rejected(a *attempt) {
	a.r.route.refused = true
	m.lost(a)
}

// lost takes in that the link of an attempt has ended, for which its peer is not to blame.
func (m *Machine) lost(a *attempt) {
	switch r := a.r; r.phase {
	case routing, asking:
		m.list(r)
	case keeping:
		m.settle(r)
	}
}

// look asks the own store.
func (m *Machine) look(r *request) {
	r.phase = looking
	m.effects = append(m.effects, Lookup{Ref: m.wait(r), ID: r.key.id})
}

// keep has the own store keep the block of a Put.
func (m *Machine) keep(r *request) {
	m.effects = append(m.effects, Keep{Ref: m.wait(r), Block: r.block, Class: store.Sink, At: r.target, For: r.asker()})
}

func (m *Machine) wait(r *request) Ref {
	r.store.ref = m.next
	m.refs[m.next] = r
	m.next++
	return r.store.ref
}

// settle ends a Put at a local minimum when nothing more is to be expected soon: all have answered, or there are enough copies and
// who has not answered is late.
func (m *Machine) settle(r *request) {
	if r.store.ref != 0 {
		return
	}
	for i := range r.attempts {
		a := &r.attempts[i]
		if a.state == idle || r.store.copies > sinkCopies || a.state == sent && a.late && r.store.copies >= enoughCopies {
			continue
		}
		return
	}
	switch {
	case r.launched && r.store.kept && r.store.copies == 1 && r.route.refused:
		m.fail(r, wire.Overload) // the local user's block must not be on this machine alone
	case r.launched && r.store.kept && r.store.copies == 1:
		m.fail(r, wire.Failed)
	case r.store.copies > 0:
		m.succeed(r, keys.Block{}, min(r.store.copies, wire.MaxCopies)) // more, if the late have answered as well as those who made up for them
	case r.route.refused && !r.own:
		m.fail(r, wire.Overload)
	default:
		m.fail(r, wire.Failed)
	}
}
