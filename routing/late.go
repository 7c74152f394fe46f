package routing

import (
	"time"

	"nightjar/routing/wire"
)

// kind tells requests apart by how long their answers take, and by whether a peer answers them: one that reads may never store.
type kind uint8

const (
	quickGet  kind = iota // interactive, with hops to live
	bulkGet               // the same, bulk
	routedPut             // with hops to live
	ownGet                // with none: it concerns the peer's own store
	ownPut
	kinds
)

// kind is what r is on a link that it takes with so many hops to live.
func (r *request) kind(htl uint8) kind {
	switch {
	case r.key.put && htl > 0:
		return routedPut
	case r.key.put:
		return ownPut
	case htl == 0:
		return ownGet
	case r.class == wire.Bulk:
		return bulkGet
	}
	return quickGet
}

// limits are how long an answer may take at the least, and how long where nothing is known of such answers.
func (k kind) limits() (least, unknown time.Duration) {
	switch k {
	case ownGet:
		return getLate, ownUnknown
	case ownPut:
		return putLate, ownUnknown
	case routedPut:
		return putLate, putUnknown
	}
	return getLate, getUnknown
}

// strikes is how often in a row a peer must be late in silence to count as mute.
func (k kind) strikes() uint8 {
	if k == ownGet || k == ownPut {
		return ownStrikes
	}
	return routedStrikes
}

// dealing is how a peer deals with requests of one kind.
//
//	answering ── late and silent since it was asked, kind.strikes() times in a row ──> mute ── rest over ──> probed by one request
//	    ^                                                                               ^ late and silent ───────┤
//	    └──────────────────────────── any answer, a late one too ────────────────────────────────────────────────┘
type dealing struct {
	usual    estimate
	inflight int
	heard    time.Duration // the last answer
	struck   time.Duration // the last strike
	until    time.Duration // of the rest
	strikes  uint8
	level    uint8
}

// hear takes in an answer.
func (d *dealing) hear(now time.Duration) {
	d.heard, d.strikes, d.level, d.until = now, 0, 0, 0
}

// departed remembers the last late requests that were taken back, so that a peer which is only slow is known to be that.
type departed struct {
	last [8]departure
	n    uint
}

type departure struct {
	open bool
	kind kind
	req  wire.Req
	sent time.Duration
	most time.Duration // that it counts for: one answer out of the ordinary does not make the next peer that is mute be waited for long
}

func (g *departed) add(a *attempt, most time.Duration) {
	g.last[g.n%uint(len(g.last))] = departure{true, a.kind, a.req, a.sent, most}
	g.n++
}

func (g *departed) take(req wire.Req) (departure, bool) {
	for i, d := range g.last {
		if d.open && d.req == req {
			g.last[i].open = false
			return d, true
		}
	}
	return departure{}, false
}

// haste is what the machine knows of the times that answers take, and how many requests it may make because some are late.
type haste struct {
	usual  [kinds]estimate // over all peers
	credit int             // in parts of spareOneIn
}

func (m *Machine) sample(l *link, k kind, took time.Duration) {
	l.dealings[k].usual.sample(took)
	m.usual[k].sample(took)
}

// usualFor is how long the peer, or for want of experience any peer, takes for what a asks.
func (m *Machine) usualFor(a *attempt) (e estimate, own bool) {
	k := a.r.kind(a.htl)
	if e := a.link.dealings[k].usual; e.mean != 0 {
		return e, true
	}
	return m.usual[k], false
}

// lateAfter is when the answer to a is late: after what nineteen of twenty take, to be on the safe side (four mean deviations, as
// for retransmissions in RFC 6298). A peer that has not answered yet may be farther away than others.
func (m *Machine) lateAfter(a *attempt) time.Duration {
	least, after := a.r.kind(a.htl).limits()
	e, own := m.usualFor(a)
	switch {
	case own:
		after = max(e.mean+4*e.dev, least)
	case e.mean != 0:
		after = max(e.mean+6*e.dev, after/2)
	}
	return min(after, patience(a.r.slow(), a.htl)/2)
}

// overdue takes in that the answer to a is late. It is looked at again when twice as much has passed.
func (m *Machine) overdue(a *attempt) {
	a.soon = m.now + m.now - a.sent
	if a.link.dealings[a.kind].heard <= a.sent {
		m.strike(a.link, a.kind)
	}
	if a.state != sent {
		return // the peer is mute now, and another one is asked
	}
	switch a.r.phase {
	case keeping:
		m.replace(a)
	case routing, asking:
		a.late = true
		m.askAnother(a.r)
	}
}

// strike takes in that a peer has said nothing to requests of a kind for too long. All that were under way together are one strike.
func (m *Machine) strike(l *link, k kind) {
	d := &l.dealings[k]
	if least, _ := k.limits(); d.strikes > 0 && m.now-d.struck < least {
		return
	}
	d.struck = m.now
	if d.strikes+1 < k.strikes() {
		d.strikes++
		return
	}
	if d.strikes < k.strikes() && m.manyMute(k) {
		return
	}
	d.strikes = k.strikes()
	rest := min(muteFirst<<min(d.level, 8), muteMost)
	d.until = m.now + rest + time.Duration(m.rng.Int64N(int64(rest)/4+1))
	d.level++
	m.silenced(l, k)
}

// mute reports whether a peer gets no requests of a kind. After its rest one at a time tries again.
func (m *Machine) mute(l *link, k kind) bool {
	d := &l.dealings[k]
	return d.strikes >= k.strikes() && (m.now < d.until || d.inflight > 0)
}

// manyMute reports whether one more mute peer would be more than may be: what all peers together seem to do, this node does.
func (m *Machine) manyMute(k kind) bool {
	n := 1
	for _, l := range m.ring {
		if l.dealings[k].strikes >= k.strikes() {
			n++
		}
	}
	return n*muteShare > len(m.ring)
}

// silenced takes all requests of a kind elsewhere that a mute peer has, or that wait for room on its link.
func (m *Machine) silenced(l *link, k kind) {
	for i := range l.flights {
		q := &l.flights[i].queue
		for _, a := range q.list() {
			if a.r.kind(a.htl) == k {
				q.remove(a)
				a.state = idle
				m.elsewhere(a)
			}
		}
	}
	for _, req := range inOrder(l.sent) {
		if a := l.sent[req]; a != nil && a.kind == k {
			m.elsewhere(a)
		}
	}
}

// elsewhere has another peer asked in place of a mute one.
func (m *Machine) elsewhere(a *attempt) {
	switch a.r.phase {
	case keeping:
		m.replace(a)
	case routing, asking:
		if a.state == sent {
			a.late = true
			m.abandon(a)
		}
		m.unheard(a)
	}
}

// replace gives a copy of what is kept here to the next closest peer in place of one that is late; the late one may still come.
func (m *Machine) replace(a *attempt) {
	r := a.r
	if !a.late {
		a.late = true
		m.replenish(r)
	}
	m.settle(r)
}

// replenish gives a copy to the next closest peer.
func (m *Machine) replenish(r *request) {
	spare := r.spare()
	if spare == nil || r.route.tries >= sinkSpares {
		return
	}
	r.route.tries++
	for l := m.pick(r, false, r.route.begun); l != nil; l = m.pick(r, false, r.route.begun) {
		r.try(l)
		if m.offer(spare, l) {
			return
		}
		r.route.refused = true
	}
}

// askAnother asks one more peer, if all that are being asked are late and there have been enough requests to allow for it. A bulk Get can
// wait: the rest of its file comes meanwhile, and nobody more than need be sees what is asked for.
func (m *Machine) askAnother(r *request) {
	if r.class == wire.Bulk && !r.key.put {
		return
	}
	spare, most := r.spare(), maxTries
	if r.phase == asking {
		most = sinkCopies
	}
	if spare == nil || m.credit < spareOneIn || r.route.tries >= most || r.hopeful() {
		return
	}
	var l *link
	if r.phase == routing {
		l = m.onward(r)
	} else if l = m.pick(r, false, r.route.begun); l != nil {
		r.try(l)
		r.route.tries++
	}
	if l == nil {
		return
	}
	if !m.offer(spare, l) {
		r.route.refused = true
		return
	}
	m.credit -= spareOneIn
}

// spare is an attempt that is free.
func (r *request) spare() *attempt {
	for i := range r.attempts {
		if r.attempts[i].state == idle {
			return &r.attempts[i]
		}
	}
	return nil
}

// hopeful reports whether some peer is being asked that is not late.
func (r *request) hopeful() bool {
	for i := range r.attempts {
		if a := &r.attempts[i]; a.state == queued || a.state == sent && !a.late {
			return true
		}
	}
	return false
}

// busy reports whether some peer is being asked.
func (r *request) busy() bool {
	for i := range r.attempts {
		if r.attempts[i].state != idle {
			return true
		}
	}
	return false
}
