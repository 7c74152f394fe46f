package node

import (
	"context"
	"math/rand/v2"
	"time"

	crand "crypto/rand"

	"nightjar/routing"
	"nightjar/routing/wire"
)

// barTime is how long a node that lied is kept out.
const barTime = time.Hour

// maxBarred bounds the memory of who is barred; past it some go.
const maxBarred = 4096

// Events of the shell itself, beside those of the machines.
type (
	linkUp   struct{ p *peer }
	linkDown struct{ p *peer }
	// learned brings nodes that the user named.
	learned struct{ nodes []wire.Descriptor }
	// request is a local request with the channel (of capacity 1) for its answer.
	request struct {
		ev    routing.Event
		token routing.Token
		reply chan routing.Done
	}
	// query runs f on the loop, for snapshots.
	query struct {
		f    func(*loop)
		done chan struct{}
	}
)

// loop owns the machines and the table of peers.
type loop struct {
	n       *Node
	machine *routing.Machine
	overlay *routing.Overlay
	peers   map[wire.NodeID]*peer
	waiting map[routing.Token]chan routing.Done
	dialing map[wire.NodeID]bool
	seeds   map[wire.NodeID]bool // whom the user named: dialled wherever they are
	barred  map[wire.NodeID]time.Time
	started time.Time
}

func newLoop(n *Node) *loop {
	return &loop{
		n:       n,
		machine: routing.New(routing.Config{Self: n.self, Rand: newRand()}),
		overlay: routing.NewOverlay(n.self, newRand()),
		peers:   make(map[wire.NodeID]*peer),
		waiting: make(map[routing.Token]chan routing.Done),
		dialing: make(map[wire.NodeID]bool),
		seeds:   make(map[wire.NodeID]bool),
		barred:  make(map[wire.NodeID]time.Time),
		started: time.Now(),
	}
}

// newRand seeds a generator for a machine from the system's randomness.
func newRand() *rand.Rand {
	var seed [32]byte
	crand.Read(seed[:])
	return rand.New(rand.NewChaCha8(seed))
}

// run is the loop. When ctx has ended it closes all links, answers all who wait, and returns.
func (l *loop) run(ctx context.Context) {
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	l.learn(time.Now(), l.n.cfg.Seeds)
	var batch []any
	for {
		batch = l.n.inbox.take(batch)
		for _, ev := range batch {
			l.handle(time.Now(), ev)
		}
		wait := l.tick(time.Now())
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

// tick steps the machines whose deadline has come and returns how long there is nothing to do.
func (l *loop) tick(now time.Time) time.Duration {
	wait := time.Hour
	if t, ok := l.machine.NextDeadline(); ok {
		if !now.Before(t) {
			l.effects(l.machine.Step(now, routing.Tick{}))
			t, _ = l.machine.NextDeadline()
		}
		if !t.IsZero() {
			wait = min(wait, t.Sub(now))
		}
	}
	if t, ok := l.overlay.NextDeadline(); ok {
		if !now.Before(t) {
			l.effects(l.overlay.Step(now, routing.Overdue{}))
			t, _ = l.overlay.NextDeadline()
		}
		if !t.IsZero() {
			wait = min(wait, t.Sub(now))
		}
	}
	return max(wait, time.Millisecond)
}

func (l *loop) handle(now time.Time, ev any) {
	switch ev := ev.(type) {
	case linkUp:
		l.up(now, ev.p)
	case linkDown:
		l.down(now, ev.p)
	case request:
		if len(l.peers) == 0 {
			ev.reply <- routing.Done{Token: ev.token, Reason: wire.Failed}
			return
		}
		l.waiting[ev.token] = ev.reply
		l.effects(l.machine.Step(now, ev.ev))
	case routing.LocalCancel:
		delete(l.waiting, ev.Token)
		l.effects(l.machine.Step(now, ev))
	case query:
		ev.f(l)
		close(ev.done)
	case routing.Misbehaved:
		l.bar(ev.Peer)
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
	case routing.Received:
		if l.talks(ev.From) {
			l.effects(l.machine.Step(now, ev))
		}
	case routing.Garbled:
		if l.talks(ev.From) {
			l.effects(l.machine.Step(now, ev))
		}
	case routing.Event:
		l.effects(l.machine.Step(now, ev))
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
			if reply := l.waiting[e.Token]; reply != nil {
				delete(l.waiting, e.Token)
				reply <- e
			}
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
	if !p.out.put(e.Msg) {
		l.n.hangUp(p)
	}
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
	l.effects(l.machine.Step(now, routing.PeerUp{Peer: p.id}))
	l.effects(l.overlay.Step(now, routing.Linked{Self: p.hello, Inbound: p.inbound}))
}

func (l *loop) dialler(p *peer) wire.NodeID {
	if p.inbound {
		return p.id
	}
	return l.n.self
}

func smaller(a, b wire.NodeID) wire.NodeID {
	if string(a[:]) < string(b[:]) {
		return a
	}
	return b
}

// down forgets a link that has ended, unless another has taken its place.
func (l *loop) down(now time.Time, p *peer) {
	if l.peers[p.id] == p {
		l.unlink(now, p)
	}
}

func (l *loop) unlink(now time.Time, p *peer) {
	l.n.hangUp(p)
	delete(l.peers, p.id)
	l.effects(l.machine.Step(now, routing.PeerDown{Peer: p.id}))
	l.effects(l.overlay.Step(now, routing.Unlinked{Peer: p.id}))
}

// bar disconnects a node that lied and keeps it out for barTime.
func (l *loop) bar(id wire.NodeID) {
	if l.isBarred(id) {
		return
	}
	l.pardon()
	l.barred[id] = time.Now().Add(barTime)
	l.n.cfg.Log.Warn("a peer broke the protocol and was disconnected")
	if p := l.peers[id]; p != nil {
		l.n.hangUp(p)
	}
}

// pardon forgets those whose time is over, and some others if there are too many.
func (l *loop) pardon() {
	now := time.Now()
	for id, until := range l.barred {
		if now.After(until) || len(l.barred) >= maxBarred {
			delete(l.barred, id)
		}
	}
}

func (l *loop) isBarred(id wire.NodeID) bool {
	until, ok := l.barred[id]
	return ok && time.Now().Before(until)
}

// stop closes all links and answers all who wait. Links that come up later close themselves, since their context has ended.
func (l *loop) stop() {
	l.n.abandon(l.n.inbox.close())
	for token, reply := range l.waiting {
		reply <- routing.Done{Token: token, Reason: wire.Failed}
	}
	for _, p := range l.peers {
		l.n.hangUp(p)
	}
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
