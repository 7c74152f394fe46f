package routing

import (
	"cmp"
	"slices"
	"time"

	"nightjar/keys"
	"nightjar/routing/wire"
)

// link is what the machine knows of one peer.
type link struct {
	id   wire.NodeID
	at   keys.Location
	down bool // the link has ended; nothing may be sent

	next  wire.Req              // of the next request to the peer; starts at random
	sent  map[wire.Req]*attempt // requests that the peer has not answered
	asked map[wire.Req]*request // requests of the peer that we have not answered
	puts  int                   // how many of asked hold a block

	launched uint64 // requests that were launched here for circuits, and went to the peer first

	flights  [2]flight      // by class
	dealings [kinds]dealing // by kind of request
	gone     departed
	tenancy  tenancy
	faults
}

// faults is what tells a broken peer from a slow one.
type faults struct {
	silent    int           // time-outs since the last answer of any kind
	level     int           // of back-off
	backedOff time.Duration // nothing is sent before
	levelReq  wire.Req      // a failure of an older request does not raise level again
	unasked   int           // answers to nothing, less requests abandoned
}

// flight is the congestion state of one class on one link.
//
//	inflight <= window at every send;  minWindow <= window <= maxWindow;  backed off => queue empty
type flight struct {
	window   float64
	inflight int
	slow     bool     // past the first loss: grow by one per round trip, not per answer
	cut      wire.Req // a failure of an older request belongs to the last cut
	queue    queue
}

// estimate is a smoothed time to answer and its mean deviation, as RFC 6298 keeps for round trips.
type estimate struct{ mean, dev time.Duration }

func (e *estimate) sample(took time.Duration) {
	if e.mean == 0 {
		e.mean, e.dev = max(took, 1), took/2
		return
	}
	e.dev += (max(took-e.mean, e.mean-took) - e.dev) / 4
	e.mean = max(1, e.mean+(took-e.mean)/8)
}

func (m *Machine) newLink(id wire.NodeID) *link {
	l := &link{
		id: id, at: id.Location(), next: wire.Req(m.rng.Uint32()),
		sent: make(map[wire.Req]*attempt), asked: make(map[wire.Req]*request),
	}
	for i := range l.flights {
		l.flights[i].window = startWindow
		l.flights[i].cut = l.next
	}
	l.levelReq = l.next
	l.tenancy = tenancy{left: maxLeases, at: m.now}
	return l
}

// after reports whether a was drawn later than b, or is b.
func after(a, b wire.Req) bool { return int32(a-b) >= 0 }

// usable reports whether the link counts as live for requests of a kind: it is up, and the peer is not known to swallow them.
func (m *Machine) usable(l *link, k kind) bool {
	return !l.down && (l.silent < silentLimit || m.now >= l.backedOff) && !m.mute(l, k)
}

// grow takes in an answer that was no overload.
func (m *Machine) grow(a *attempt) {
	l := a.link
	f := &l.flights[a.class]
	l.silent, l.level, l.backedOff = 0, 0, 0
	if float64(f.inflight) >= f.window/2 {
		if f.slow {
			f.window += 1 / f.window
		} else {
			f.window++
		}
		f.window = min(f.window, maxWindow)
	}
	m.sample(l, a.kind, m.now-a.sent)
}

// shrink halves the window, once for all that was in flight together, and reports whether it did.
func (l *link) shrink(a *attempt) bool {
	f := &l.flights[a.class]
	if !after(a.req, f.cut) {
		return false
	}
	f.cut, f.slow = l.next, true
	f.window = max(f.window/2, minWindow)
	return true
}

// overloaded takes in a reject.
func (m *Machine) overloaded(a *attempt) {
	l := a.link
	l.silent = 0
	atFloor := l.flights[a.class].window <= minWindow
	if l.shrink(a) && atFloor {
		m.backOff(l, overloadBackoff, maxOverloadBackoff)
	}
}

// timedOut takes in that a peer did not answer in time.
func (m *Machine) timedOut(a *attempt) {
	l := a.link
	l.silent++
	l.shrink(a)
	if l.silent >= silentLimit && after(a.req, l.levelReq) {
		m.backOff(l, silentBackoff, maxSilentBackoff)
	}
}

// backOff lets a link rest, longer each time, and finds other ways for what waits for it.
func (m *Machine) backOff(l *link, first, most time.Duration) {
	rest := min(first<<min(l.level, 16), most)
	rest += time.Duration(m.rng.Int64N(int64(rest)/4 + 1))
	l.backedOff, l.levelReq = m.now+rest, l.next
	l.level++
	m.emptyQueues(l, m.rejected)
}

// emptyQueues tells all that waits for a link that it waits in vain.
func (m *Machine) emptyQueues(l *link, tell func(*attempt)) {
	for i := range l.flights {
		for q := &l.flights[i].queue; q.n > 0; {
			a := q.flows[0].first
			q.remove(a)
			a.state = idle
			tell(a)
		}
	}
}

// patienceFor is how long to wait for this peer: by what it, or for want of experience any peer, usually takes.
func (m *Machine) patienceFor(a *attempt) time.Duration {
	most := patience(a.r.slow(), a.htl)
	e, _ := m.usualFor(a)
	if e.mean == 0 {
		return most / 2
	}
	return min(max(e.mean+8*e.dev, most/hasty, hastyLeast), most)
}

// offer sends a on l, or queues it there; false means that there is no room.
func (m *Machine) offer(a *attempt, l *link) bool {
	if l.down || m.now < l.backedOff {
		return false
	}
	r := a.r
	a.link, a.class = l, r.class
	f := &l.flights[a.class]
	if f.queue.n == 0 && f.inflight < int(f.window) {
		m.send(a)
		return true
	}
	a.state = queued
	switch evicted := f.queue.push(a, r.predecessor()); evicted {
	case nil:
	case a:
		a.state = idle
		return false
	default:
		evicted.state = idle
		m.rejected(evicted)
	}
	return true
}

// pump sends what waits while there is room, interactive first.
func (m *Machine) pump(l *link) {
	if l.down || m.now < l.backedOff {
		return
	}
	for i := range l.flights {
		f := &l.flights[i]
		for f.queue.n > 0 && f.inflight < int(f.window) {
			m.send(f.queue.pop())
		}
	}
}

// send sends the request that a stands for.
func (m *Machine) send(a *attempt) {
	l, r := a.link, a.r
	a.req, a.sent, a.state = l.next, m.now, sent
	l.next++
	l.sent[a.req] = a
	l.flights[a.class].inflight++
	a.kind = r.kind(a.htl)
	l.dealings[a.kind].inflight++
	m.credit = min(m.credit+1, maxSpareAsks*spareOneIn)
	a.late, a.soon = false, m.now+m.lateAfter(a)
	a.expires = m.now + m.patienceFor(a)
	m.timers.set(r, min(a.soon, a.expires))
	var msg wire.Message
	if r.key.put {
		msg = wire.Put{Req: a.req, HTL: a.htl, Class: a.class, Rotation: r.key.rotation, Block: r.block}
	} else {
		msg = wire.Get{Req: a.req, HTL: a.htl, Class: a.class, Rotation: r.key.rotation, ID: r.key.id}
	}
	m.effects = append(m.effects, Send{To: l.id, Msg: msg})
}

// land ends a, which was sent: its place on the link is free.
func (m *Machine) land(a *attempt) {
	l := a.link
	delete(l.sent, a.req)
	l.flights[a.class].inflight--
	l.dealings[a.kind].inflight--
	a.state = idle
}

// abandon ends a wherever it stands, without an answer.
func (m *Machine) abandon(a *attempt) {
	switch a.state {
	case queued:
		a.link.flights[a.class].queue.remove(a)
		a.state = idle
	case sent:
		m.land(a)
		a.link.unasked--
		if a.late {
			a.link.gone.add(a, 2*m.lateAfter(a))
		}
		if !a.link.down {
			m.effects = append(m.effects, Send{To: a.link.id, Msg: wire.Cancel{Req: a.req}})
			m.pump(a.link)
		}
	}
}

// unasked takes in an answer to nothing: late, most likely.
func (m *Machine) unasked(l *link, req wire.Req) {
	l.silent = 0
	if d, ok := l.gone.take(req); ok {
		l.dealings[d.kind].hear(m.now)
		m.sample(l, d.kind, min(m.now-d.sent, d.most))
	}
	if l.unasked++; l.unasked > maxUnasked {
		m.misbehaved(l)
	}
}

func (m *Machine) misbehaved(l *link) {
	m.effects = append(m.effects, Misbehaved{Peer: l.id})
}

func (m *Machine) peerUp(id wire.NodeID) {
	if id == m.self {
		return
	}
	m.peerDown(id)
	if len(m.ring) >= maxLinks {
		return
	}
	l := m.newLink(id)
	l.launched = m.usualLaunches()
	m.links[id] = l
	i, _ := slices.BinarySearchFunc(m.ring, l, byPlace)
	m.ring = slices.Insert(m.ring, i, l)
	m.leasesUp(l)
}

func byPlace(a, b *link) int {
	return cmp.Or(cmp.Compare(a.at, b.at), slices.Compare(a.id[:], b.id[:]))
}

// peerDown ends a link: its requests vanish, and ours on it go another way.
func (m *Machine) peerDown(id wire.NodeID) {
	l := m.links[id]
	if l == nil {
		return
	}
	l.down = true
	delete(m.links, id)
	m.ring = slices.DeleteFunc(m.ring, func(other *link) bool { return other == l })
	for _, req := range inOrder(l.asked) {
		m.forget(l.asked[req], l, req)
	}
	m.emptyQueues(l, m.lost)
	for _, req := range inOrder(l.sent) {
		if a := l.sent[req]; a != nil {
			m.land(a)
			m.lost(a)
		}
	}
	m.leasesDown(l)
}

// inOrder lists requests in the order of their numbers, so that map order never reaches an effect.
func inOrder[T any](requests map[wire.Req]T) []wire.Req {
	all := make([]wire.Req, 0, len(requests))
	for req := range requests {
		all = append(all, req)
	}
	slices.Sort(all)
	return all
}
