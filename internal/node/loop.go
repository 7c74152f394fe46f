package node

import (
	"context"
	"sync"
	"time"

	"nightjar/keys"
	"nightjar/routing"
	"nightjar/routing/circuit"
	"nightjar/routing/relays"
	"nightjar/routing/repair"
	"nightjar/routing/wire"
)

// deliverEvery is after how many events at most writers are woken.
const deliverEvery = 16

// Events of the shell itself, beside those of the machines.
type (
	linkUp   struct{ p *peer }
	linkDown struct{ p *peer }
	// learned brings nodes that the user named.
	learned struct{ nodes []wire.Descriptor }
	// request is a local request with the channel (of capacity 1) for its answer: a Get of id, or a Put of block.
	request struct {
		id       keys.ID
		block    keys.Block
		wait     bool // until id, a record, appears
		rotation uint8
		class    wire.Class
		group    circuit.Group
		token    routing.Token
		reply    chan routing.Done
	}
	// cancelled takes a request back.
	cancelled struct{ token routing.Token }
	// query runs f on the loop, for snapshots.
	query struct {
		f    func(*loop)
		done chan struct{}
	}
)

// loop owns the machines and the tables of links and requests.
type loop struct {
	n *Node
	machines
	peers    map[wire.NodeID]*peer // links of key routing
	links    links
	posted   []*peer   // whose writers are to be woken
	bodies   sync.Pool // used bodies of cells
	waiting  map[routing.Token]chan routing.Done
	launches launches
	dialing  map[wire.NodeID]bool // for key routing
	seeds    map[wire.NodeID]bool // whom the user named: dialled wherever they are
	barred   map[wire.NodeID]time.Time
	own      own
	state    saving
	look     lookout
	started  time.Time
}

// machines is everything that decides.
type machines struct {
	machine  *routing.Machine
	overlay  *routing.Overlay
	relays   *relays.Machine
	circuits *circuit.Machine
	repair   *repair.Machine
	lost     bool // there was a saved state that could not be used
}

func newLoop(n *Node) *loop {
	l := &loop{
		n:        n,
		peers:    make(map[wire.NodeID]*peer),
		links:    newLinks(),
		waiting:  make(map[routing.Token]chan routing.Done),
		launches: newLaunches(),
		dialing:  make(map[wire.NodeID]bool),
		seeds:    make(map[wire.NodeID]bool),
		barred:   make(map[wire.NodeID]time.Time),
		started:  time.Now(),
	}
	l.machines = newMachines(n, l.dials)
	l.own.last = n.saidBefore(l.started)
	return l
}

// run is the loop. When ctx has ended it closes all links, answers all who wait, and returns.
func (l *loop) run(ctx context.Context) {
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	l.learn(time.Now(), l.n.cfg.Seeds)
	var batch []any
	for {
		batch = l.n.inbox.take(batch)
		for i, ev := range batch {
			l.handle(time.Now(), ev)
			if i%deliverEvery == deliverEvery-1 {
				l.deliver()
			}
		}
		wait := l.tick(time.Now())
		l.deliver()
		if len(batch) > 0 && ctx.Err() == nil {
			continue
		}
		timer.Reset(wait)
		select {
		case <-l.n.inbox.wake:
		case <-timer.C:
		case <-ctx.Done():
			l.stop()
			return
		}
	}
}

// begin steps the circuits for the first time: the node's descriptor names their onion key.
func (l *loop) begin(now time.Time) {
	l.circuitEffects(l.circuits.Step(now, circuit.Tick{}))
}

// tick steps the machines whose deadline has come, does what is due now and then, and returns how long there is nothing to do.
func (l *loop) tick(now time.Time) time.Duration {
	next := alarm{now: now, wait: time.Hour}
	next.due(l.machine.NextDeadline, func() { l.effects(l.machine.Step(now, routing.Tick{})) })
	next.due(l.overlay.NextDeadline, func() { l.effects(l.overlay.Step(now, routing.Overdue{})) })
	next.due(l.relays.NextDeadline, func() { l.relayEffects(l.relays.Step(now, relays.Tick{})) })
	next.due(l.circuits.NextDeadline, func() { l.circuitEffects(l.circuits.Step(now, circuit.Tick{})) })
	next.due(l.repair.NextDeadline, func() { l.mend(now, repair.Tick{}) })
	if l.links.circuits > 0 {
		l.sweep(now)
		next.at(l.links.sweepAt)
	}
	if !now.Before(l.own.next) {
		l.describe(now)
	}
	next.at(l.own.next)
	next.at(l.lookOut(now))
	next.at(l.save(now))
	return max(next.wait, time.Millisecond)
}

// alarm finds out when the next thing is due.
type alarm struct {
	now  time.Time
	wait time.Duration
}

// at takes in a time at which something is due; zero = never.
func (a *alarm) at(t time.Time) {
	if !t.IsZero() {
		a.wait = min(a.wait, t.Sub(a.now))
	}
}

// due steps a machine if its deadline has come.
func (a *alarm) due(deadline func() (time.Time, bool), step func()) {
	t, ok := deadline()
	if ok && !a.now.Before(t) {
		step()
		t, ok = deadline()
	}
	if ok {
		a.at(t)
	}
}

func (l *loop) handle(now time.Time, ev any) {
	switch ev := ev.(type) {
	case circuit.Cells:
		l.cells(now, ev)
	case circuit.Received:
		if p := l.links.byNumber[ev.Link]; p != nil && !l.isBarred(p.id) {
			l.circuitEffects(l.circuits.Step(now, ev))
		}
	case routing.Received:
		if l.talks(ev.From) {
			l.effects(l.machine.Step(now, ev))
		}
	case request:
		l.request(now, ev)
	case cancelled:
		l.cancel(now, ev.token)
	case failed:
		l.fail(now, ev)
	case routing.Garbled:
		if l.talks(ev.From) {
			l.effects(l.machine.Step(now, ev))
		}
	case routing.Misbehaved:
		l.bar(ev.Peer)
	case circuit.DialFailed:
		delete(l.links.dialing, ev.Peer)
		l.circuitEffects(l.circuits.Step(now, ev))
	case guardFailed:
		l.unreached(now, ev.id)
		l.handle(now, circuit.DialFailed{Peer: ev.id})
	case probeFailed:
		l.unreached(now, ev.id)
	case relays.Received:
		if len(l.links.byNode[ev.From]) > 0 && !l.isBarred(ev.From) {
			l.relayEffects(l.relays.Step(now, ev))
		}
	case repair.Received:
		if l.talks(ev.From) {
			l.mend(now, ev)
		}
	case repair.Event:
		l.mend(now, ev)
	case routing.Event:
		l.effects(l.machine.Step(now, ev))
	case circuit.Event:
		l.circuitEffects(l.circuits.Step(now, ev))
	case relays.Event:
		l.relayEffects(l.relays.Step(now, ev))
	default:
		l.handleRare(now, ev)
	}
}

// handleRare handles what comes once for a link, a peer or a command.
func (l *loop) handleRare(now time.Time, ev any) {
	switch ev := ev.(type) {
	case linkUp:
		ev.p.bodies.Store(&l.bodies)
		if ev.p.purpose == wire.ForCircuits {
			l.upForCircuits(now, ev.p)
		} else {
			l.up(now, ev.p)
		}
	case linkDown:
		l.down(now, ev.p)
	case viewed:
		l.view(now)
	case query:
		ev.f(l)
		close(ev.done)
	case learned:
		l.learn(now, ev.nodes)
	case routing.DialFailed:
		delete(l.dialing, ev.Peer)
		l.effects(l.overlay.Step(now, ev))
	case routing.Asked:
		if l.talks(ev.From) {
			l.effects(l.overlay.Step(now, ev))
		}
	case routing.OverlayEvent:
		l.effects(l.overlay.Step(now, ev))
	}
}

// effects carries out what a machine asked for. No effect steps a machine again: what follows comes through the inbox.
func (l *loop) effects(effects []routing.Effect) {
	for _, e := range effects {
		switch e := e.(type) {
		case routing.Send:
			l.send(e)
		case routing.Lookup:
			if !l.n.looks.submit(e) {
				l.n.inbox.push(routing.LookedUp{Ref: e.Ref})
			}
		case routing.Keep:
			if !l.n.keeps.submit(e) && e.Ref != 0 {
				l.n.inbox.push(routing.Kept{Ref: e.Ref})
			}
		case routing.Done:
			l.answer(e)
			l.landed(e)
		case routing.Misbehaved:
			l.bar(e.Peer)
		case routing.Dial:
			l.dial(e.Node)
		case routing.Hangup:
			if p := l.peers[e.Peer]; p != nil {
				l.n.hangUp(p)
			}
		}
	}
}

func (l *loop) send(e routing.Send) {
	p := l.peers[e.To]
	if p == nil {
		return
	}
	if _, ok := e.Msg.(wire.Near); ok {
		p.owes.Add(1)
	}
	l.post(p, e.Msg)
}

// learn hands the overlay nodes that the user named.
func (l *loop) learn(now time.Time, nodes []wire.Descriptor) {
	for _, d := range nodes {
		l.seeds[d.ID] = true
	}
	l.effects(l.overlay.Step(now, routing.Learned{Nodes: nodes}))
}

// talks reports whether what a peer sends still counts.
func (l *loop) talks(id wire.NodeID) bool { return l.peers[id] != nil && !l.isBarred(id) }

func (l *loop) dial(d wire.Descriptor) {
	if l.dialing[d.ID] || l.peers[d.ID] != nil {
		return
	}
	if !l.seeds[d.ID] {
		d.Addrs = l.n.scope.filter(d.Addrs)
	}
	if l.isBarred(d.ID) || len(d.Addrs) == 0 {
		l.n.inbox.push(routing.DialFailed{Peer: d.ID})
		return
	}
	l.dialing[d.ID] = true
	l.n.spawn(func() { l.n.dialFor(l.n.life, d) }) // ends with the dial's time-out or ctx
}

// up takes in a new link. When both sides dialled at once, both keep the link that the node with the smaller id dialled.
func (l *loop) up(now time.Time, p *peer) {
	delete(l.dialing, p.id)
	if l.isBarred(p.id) || p.id == l.n.self {
		l.n.hangUp(p)
		return
	}
	old := l.peers[p.id]
	if old != nil {
		atOnce := now.Sub(old.since) < dialTime+helloTime // an older link may be dead without knowing
		if atOnce && old.inbound != p.inbound && l.dialler(old) == smaller(l.n.self, p.id) {
			l.n.hangUp(p)
			return
		}
		l.unlink(now, old)
	}
	l.peers[p.id] = p
	l.enter(now, p)
	l.effects(l.machine.Step(now, routing.PeerUp{Peer: p.id}))
	l.effects(l.overlay.Step(now, routing.Linked{Self: p.hello, Inbound: p.inbound}))
	l.mend(now, repair.PeerUp{Peer: p.id})
}

func (l *loop) dialler(p *peer) wire.NodeID {
	if p.inbound {
		return p.id
	}
	return l.n.self
}

// down forgets a link that has ended, unless another has taken its place.
func (l *loop) down(now time.Time, p *peer) {
	if l.peers[p.id] == p {
		l.unlink(now, p)
	} else {
		l.leave(now, p)
	}
}

func (l *loop) unlink(now time.Time, p *peer) {
	l.n.hangUp(p)
	delete(l.peers, p.id)
	l.leave(now, p)
	l.effects(l.machine.Step(now, routing.PeerDown{Peer: p.id}))
	l.effects(l.overlay.Step(now, routing.Unlinked{Peer: p.id}))
	l.mend(now, repair.PeerDown{Peer: p.id})
}

// stop closes all links and answers all who wait. Links that come up later close themselves, since their context has ended.
func (l *loop) stop() {
	l.n.abandon(l.n.inbox.close())
	for token, reply := range l.waiting {
		reply <- routing.Done{Token: token, Reason: wire.Failed}
	}
	for _, p := range l.links.byNumber {
		l.n.hangUp(p)
	}
	l.saveLast()
}

// abandon answers the events that the loop will not handle any more.
func (n *Node) abandon(events []any) {
	for _, ev := range events {
		switch ev := ev.(type) {
		case linkUp:
			n.hangUp(ev.p)
		case request:
			ev.reply <- routing.Done{Token: ev.token, Reason: wire.Failed}
		case query:
			close(ev.done)
		}
	}
}
