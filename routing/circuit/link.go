package circuit

import (
	"bytes"
	"cmp"
	"slices"
	"time"

	"nightjar/routing/wire"
)

// network is the links of the node, and the ones on their way.
type network struct {
	links map[Link]*link
	peers map[wire.NodeID][]*link // whoever was heard last first, since an old link may be dead without knowing
	dials map[wire.NodeID]*dial
	held  int // cells that wait
}

func (n *network) init() {
	n.links = make(map[Link]*link)
	n.peers = make(map[wire.NodeID][]*link)
	n.dials = make(map[wire.NodeID]*dial)
}

// dial is a connection that the shell was asked for.
type dial struct {
	since   time.Duration
	waiters []linkWaiter
	tried   wire.Descriptor // what the shell was given
	newest  wire.Descriptor // of those who wait
	by      *link           // whose circuit was the first to want it; nil = this node's own
}

// linkWaiter waits for a link; nil says that there will be none.
type linkWaiter interface{ linked(m *Machine, l *link) }

// link is what the machine knows of one connection.
type link struct {
	id     Link
	peer   wire.NodeID
	parity uint32 // of the circuits that this node opens on it
	down   bool
	ends   map[uint32]*end
	output
	asks   asks
	load   load
	pace   pace
	budget bucket
	computed
	pad  alarm
	last time.Duration // when the last cell was sent
}

// computed is what handshakes cost for a link.
type computed struct {
	creates recent
	network *source // nil: it counts for itself
}

// output is what goes out on a link.
type output struct {
	schedule
	inflight int // cells in the shell's hands
	touched  bool
}

// load is what the circuits that came in on a link, or the cells that did, make this node hold.
type load struct {
	carried  int // circuits
	held     int // cells that wait anywhere
	setups   int // circuits that wait for the next relay
	dials    int // connections under way
	launches int // requests here that are not answered, waits aside
	waits    int // that are not answered
	answers  int // blocks that wait to be sent as answers
	puts     int // blocks of PUTs
	open     int // own requests through this link, as a guard's
	bulk     int // of which Bulk
}

// end is one side of a circuit: what goes out to, and comes in from, one link.
type end struct {
	link    *link
	circ    uint32
	carrier carrier
	out     cells // relay cells that wait
	flow    *flow
	ready   bool // stands in flow

	before, after *end
}

// carrier is what the ends of a circuit belong to.
type carrier interface {
	// received takes in a Create, Created or Relay cell.
	received(m *Machine, e *end, cmd wire.Cmd, b *body)
	// closed takes in that the circuit is gone beyond e: DESTROY has come from there, or the link is down.
	closed(m *Machine, e *end)
	// pending reports whether emit would return a cell.
	pending(m *Machine, e *end) bool
	// emit returns the next cell to go out on e, sealed, or nil if there is none after all. It may end the circuit.
	emit(m *Machine, e *end) *body
}

func (m *Machine) linkUp(ev LinkUp) {
	if m.net.links[ev.Link] != nil || ev.Peer == m.self || len(m.net.links) >= maxLinks {
		return
	}
	l := &link{
		id: ev.Link, peer: ev.Peer, ends: make(map[uint32]*end), last: m.now,
		budget: bucket{left: setupBurst, at: m.now}, pace: pace{window: firstBulk},
	}
	if !ev.Dialed {
		l.parity = 1
	}
	l.flows = make(map[*link]*flow)
	l.asks.init(wire.Req(m.rng.Uint32()))
	l.pad.owner = l
	m.relay.creates.enter(m.now, l, ev.Network)
	m.net.links[ev.Link] = l
	m.net.peers[ev.Peer] = slices.Insert(m.net.peers[ev.Peer], 0, l)
	m.answerDial(ev.Peer, l)
}

// heard notes that a link lives.
func (m *Machine) heard(l *link) {
	if all := m.net.peers[l.peer]; all[0] != l {
		i := slices.Index(all, l)
		copy(all[1:i+1], all[:i])
		all[0] = l
	}
}

// dial asks the shell for the link that a dial is for.
func (m *Machine) dial(x *dial, own bool) {
	x.since, x.tried = m.now, x.newest
	m.effects = append(m.effects, Connect{Node: x.newest, Own: own})
}

func (m *Machine) dialFailed(peer wire.NodeID) {
	x := m.net.dials[peer]
	switch {
	case x == nil || len(m.net.peers[peer]) > 0:
	case x.newest.Issued > x.tried.Issued: // whoever named an old address must not fail those who know a newer one
		m.dial(x, slices.ContainsFunc(x.waiters, func(w linkWaiter) bool { _, mine := w.(*own); return mine }))
	default:
		m.answerDial(peer, nil)
	}
}

func (m *Machine) answerDial(peer wire.NodeID, l *link) {
	d := m.net.dials[peer]
	if d == nil {
		return
	}
	delete(m.net.dials, peer)
	if d.by != nil {
		d.by.load.dials--
	}
	for _, w := range d.waiters {
		w.linked(m, l)
	}
}

// linkDown ends all circuits on a link.
func (m *Machine) linkDown(id Link) {
	l := m.net.links[id]
	if l == nil {
		return
	}
	l.down = true
	delete(m.net.links, id)
	m.relay.creates.leave(l)
	rest := slices.DeleteFunc(m.net.peers[l.peer], func(o *link) bool { return o == l })
	if len(rest) == 0 {
		delete(m.net.peers, l.peer)
	} else {
		m.net.peers[l.peer] = rest
	}
	m.alarms.stop(&l.pad)
	ends := l.inOrder()
	if len(rest) == 0 && slices.ContainsFunc(ends, func(e *end) bool { _, mine := e.carrier.(*own); return mine }) {
		m.guard.Lost(m.time(), l.peer)
		m.origin.begun = false // a new pool is built at once: that tells nothing of the user
	}
	for _, e := range ends {
		if l.ends[e.circ] == e {
			e.carrier.closed(m, e)
		}
	}
	m.loseAsks(l)
}

// inOrder lists the ends in the order of their numbers, so that map order never reaches an effect.
func (l *link) inOrder() []*end {
	all := make([]*end, 0, len(l.ends))
	for _, e := range l.ends {
		all = append(all, e)
	}
	slices.SortFunc(all, func(a, b *end) int { return cmp.Compare(a.circ, b.circ) })
	return all
}

// linkTo tells w of a link to a node, at once if there is one; else the shell is asked for one.
func (m *Machine) linkTo(d wire.Descriptor, w linkWaiter) {
	if ls := m.net.peers[d.ID]; len(ls) > 0 {
		w.linked(m, ls[0])
		return
	}
	x := m.net.dials[d.ID]
	_, mine := w.(*own) // whose number is bounded, and who must not be shut out by others' dials
	by := dialler(w)
	var refused bool
	if x == nil {
		refused = len(m.net.dials) >= maxDials || by != nil && by.load.dials >= maxLinkDials
	} else {
		refused = len(x.waiters) >= maxSetups
	}
	if refused && !mine && x == nil {
		refused = !m.giveUpDial(by)
	}
	if d.ID == m.self || !mine && refused {
		w.linked(m, nil)
		return
	}
	if x == nil {
		x = &dial{since: -dialTime, by: by}
		m.net.dials[d.ID] = x
		if by != nil {
			by.load.dials++
		}
	}
	x.waiters = append(x.waiters, w)
	if d.Issued > x.newest.Issued || len(x.waiters) == 1 {
		x.newest = d
	}
	if m.now-x.since >= dialTime {
		m.dial(x, mine)
	}
}

// dialler is the link whose circuit wants a connection; nil = this node itself.
func dialler(w linkWaiter) *link {
	if r, others := w.(*relayed); others {
		return r.prev.link
	}
	return nil
}

// forgetDial takes w out of those who wait for a link.
func (m *Machine) forgetDial(peer wire.NodeID, w linkWaiter) {
	if x := m.net.dials[peer]; x != nil {
		x.waiters = slices.DeleteFunc(x.waiters, func(o linkWaiter) bool { return o == w })
	}
}

// giveUpDial gives up the oldest dial that others' circuits have asked for and nobody waits for any more, to make room for one that a
// link wants; one of that link if it has as many as it may. While there is room, such a dial goes on: somebody may ask again.
func (m *Machine) giveUpDial(by *link) bool {
	own := by != nil && by.load.dials >= maxLinkDials
	var who wire.NodeID
	var oldest *dial
	for id, x := range m.net.dials {
		if len(x.waiters) > 0 || x.by == nil || own && x.by != by {
			continue
		}
		if oldest == nil || cmp.Or(cmp.Compare(x.since, oldest.since), bytes.Compare(id[:], who[:])) < 0 {
			who, oldest = id, x
		}
	}
	if oldest == nil {
		return false
	}
	m.answerDial(who, nil)
	m.effects = append(m.effects, Unwanted{Node: who})
	return true
}

// attach opens this side of a new circuit on l. src is where its cells come from: nil = this node.
func (m *Machine) attach(e *end, l *link, circ uint32, src *link) {
	e.link, e.circ = l, circ
	l.ends[circ] = e
	e.flow = l.enter(src)
	m.startPad(l)
}

// open attaches e under a new number.
func (m *Machine) open(e *end, l *link, src *link) {
	for {
		circ := m.rng.Uint32()&^1 | l.parity
		if circ > 1 && l.ends[circ] == nil {
			m.attach(e, l, circ, src)
			return
		}
	}
}

// detach ends this side of a circuit; with tell, the other end of the link hears of it.
func (m *Machine) detach(e *end, tell bool) {
	l := e.link
	if l == nil || l.ends[e.circ] != e {
		return
	}
	if e.ready {
		l.remove(e)
	}
	m.hold(e, -e.out.n)
	e.out = cells{}
	l.leave(e.flow)
	delete(l.ends, e.circ)
	if tell && !l.down {
		m.direct(l, wire.Cell{Circ: e.circ, Cmd: wire.Destroy, Body: m.blank()})
	}
}

// blank is a body for cells whose body says nothing.
func (m *Machine) blank() *body {
	b := m.newBody()
	clear(b[:])
	return b
}

func (m *Machine) touch(l *link) {
	if !l.touched {
		l.touched = true
		m.touched = append(m.touched, l)
	}
}

// pump sends relay cells on a link while it has room.
func (m *Machine) pump(l *link) {
	for l.inflight < window && !l.down {
		e := l.pop()
		if e == nil {
			return
		}
		b := e.carrier.emit(m, e)
		if b == nil {
			continue
		}
		m.direct(l, wire.Cell{Circ: e.circ, Cmd: wire.Relay, Body: b})
		if !e.ready && e.carrier.pending(m, e) {
			l.push(e)
		}
	}
}

// direct sends a cell without waiting for room.
func (m *Machine) direct(l *link, c wire.Cell) {
	l.inflight++
	l.last = m.now
	m.effects = append(m.effects, Send{Link: l.id, Msg: c})
}

func (m *Machine) misbehaved(l *link) {
	m.effects = append(m.effects, Misbehaved{Link: l.id})
}

// startPad begins to pad a link that carries circuits.
func (m *Machine) startPad(l *link) {
	if !m.cfg.NoPadding && l.pad.slot == 0 {
		m.alarms.set(&l.pad, m.now+m.between(padMin, padMax))
	}
}

// ring sends a padding cell if none has been sent since the alarm was set.
func (l *link) ring(m *Machine, _ *alarm) {
	if len(l.ends) == 0 {
		return
	}
	next := m.between(padMin, padMax)
	if m.now-l.last >= padMin && l.inflight < window {
		m.direct(l, wire.Cell{Cmd: wire.Pad, Body: m.blank()})
	}
	m.alarms.set(&l.pad, m.now+next)
}

// Holds is the number of circuits on a link: those with none may be closed.
func (m *Machine) Holds(id Link) int {
	if l := m.net.links[id]; l != nil {
		return len(l.ends)
	}
	return 0
}
