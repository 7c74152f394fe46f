package node

import (
	"context"
	"net/netip"
	"time"

	"nightjar/routing/circuit"
	"nightjar/routing/relays"
	"nightjar/routing/wire"
)

const (
	// maxCircuitLinks is how many links may exist for circuits alone.
	maxCircuitLinks = 512
	// maxNetworkLinks is how many of them may come in from one /24 (v4) or /48 (v6), private ones and loopback aside.
	maxNetworkLinks = maxCircuitLinks / 8
	// maxNodeLinks is how many links there may be with one node, whatever they are for.
	maxNodeLinks = 4
	// maxCircuitDials is how many of them may be being dialled.
	maxCircuitDials = 64
	// idleTime is after how long without a circuit whoever dialled a link for circuits closes it; the other end waits twice as
	// long, so that it does not close what the first is about to use.
	idleTime = 2 * time.Minute
	// sweepEvery is how often the loop looks for idle links.
	sweepEvery = 20 * time.Second
)

// links is every connection, those of key routing included, by number and by node.
type links struct {
	byNumber map[circuit.Link]*peer
	byNode   map[wire.NodeID][]*peer            // oldest first
	dialing  map[wire.NodeID]context.CancelFunc // for circuits
	circuits int                                // how many are for circuits alone
	sweepAt  time.Time
}

func newLinks() links {
	return links{
		byNumber: make(map[circuit.Link]*peer), byNode: make(map[wire.NodeID][]*peer), dialing: make(map[wire.NodeID]context.CancelFunc),
	}
}

// upForCircuits takes in a new link that key routing does not know.
func (l *loop) upForCircuits(now time.Time, p *peer) {
	delete(l.links.dialing, p.id)
	refused := l.isBarred(p.id) || p.id == l.n.self || len(l.links.byNode[p.id]) >= maxNodeLinks ||
		p.inbound && !l.roomFrom(networkOf(p.conn.Remote()))
	if refused {
		l.n.hangUp(p)
		if !p.inbound { // whoever asked, there is no link, but somebody is there
			l.n.inbox.push(circuit.DialFailed{Peer: p.id})
			l.n.inbox.push(relays.Reached{Peer: p.id, At: p.address})
		}
		return
	}
	l.enter(now, p)
}

// enter tells the circuits and the gossip about relays of a link that is ready.
func (l *loop) enter(now time.Time, p *peer) {
	l.links.byNumber[p.number] = p
	l.links.byNode[p.id] = append(l.links.byNode[p.id], p)
	p.used = now
	if p.purpose == wire.ForCircuits {
		l.links.circuits++
	}
	l.relayEffects(l.relays.Step(now, relays.PeerUp{
		Peer: p.id, Desc: p.hello, From: p.conn.Remote(), Routing: p.purpose == wire.ForRouting, At: p.address,
	}))
	l.circuitEffects(l.circuits.Step(now, circuit.LinkUp{
		Link: p.number, Peer: p.id, Dialed: !p.inbound, Network: networkOf(p.conn.Remote()),
	}))
}

// leave forgets a link that has ended or is being closed.
func (l *loop) leave(now time.Time, p *peer) {
	if l.links.byNumber[p.number] != p {
		return
	}
	delete(l.links.byNumber, p.number)
	rest := remove(l.links.byNode[p.id], p)
	if p.purpose == wire.ForCircuits {
		l.links.circuits--
	}
	if len(rest) > 0 {
		l.links.byNode[p.id] = rest
	} else {
		delete(l.links.byNode, p.id)
	}
	if p.purpose == wire.ForRouting { // relays are talked about on these alone
		l.relayEffects(l.relays.Step(now, relays.PeerDown{Peer: p.id}))
	}
	l.circuitEffects(l.circuits.Step(now, circuit.LinkDown{Link: p.number}))
}

func remove(all []*peer, p *peer) []*peer {
	rest := make([]*peer, 0, len(all))
	for _, o := range all {
		if o != p {
			rest = append(rest, o)
		}
	}
	return rest
}

// connect carries out a Connect effect: it dials a node for circuits. The limits are for the circuits of others: who could use
// them up would decide which of its guards this node reaches.
func (l *loop) connect(d wire.Descriptor, own bool) {
	if l.links.dialing[d.ID] != nil {
		return
	}
	if !l.seeds[d.ID] {
		d.Addrs = l.n.scope.filter(d.Addrs)
	}
	if l.isBarred(d.ID) || len(d.Addrs) == 0 ||
		!own && (len(l.links.dialing) >= maxCircuitDials || l.links.circuits >= maxCircuitLinks && !l.evict()) {
		l.n.inbox.push(circuit.DialFailed{Peer: d.ID})
		return
	}
	ctx, cancel := context.WithCancel(l.n.life)
	l.links.dialing[d.ID] = cancel
	l.n.spawn(func() { // ends with the dial's time-out or ctx
		defer cancel()
		switch err := l.n.connect(ctx, d, wire.ForCircuits); {
		case err == nil || ctx.Err() != nil: // nobody waits for it
		case own:
			l.n.inbox.push(guardFailed{d.ID})
		default:
			l.n.inbox.push(circuit.DialFailed{Peer: d.ID})
		}
	})
}

// unwanted ends a dial that the circuits do not want any more.
func (l *loop) unwanted(id wire.NodeID) {
	if cancel := l.links.dialing[id]; cancel != nil {
		cancel()
		delete(l.links.dialing, id)
	}
}

// roomFrom makes room for one more link for circuits that has come in from a network; false if there is none.
func (l *loop) roomFrom(from netip.Prefix) bool {
	if from.IsValid() {
		theirs := func(p *peer) bool { return p.inbound && networkOf(p.conn.Remote()) == from }
		n := 0
		for _, p := range l.links.byNumber {
			if p.purpose == wire.ForCircuits && theirs(p) {
				n++
			}
		}
		if n >= maxNetworkLinks {
			return l.evictOf(theirs)
		}
	}
	return l.links.circuits < maxCircuitLinks || l.evict()
}

// evict closes the link for circuits that has carried none for the longest; false if all carry some.
func (l *loop) evict() bool { return l.evictOf(func(*peer) bool { return true }) }

// evictOf does so among those that which tells of.
func (l *loop) evictOf(which func(*peer) bool) bool {
	var longest *peer
	for number, p := range l.links.byNumber {
		if p.purpose == wire.ForCircuits && which(p) && l.circuits.Holds(number) == 0 && (longest == nil || p.used.Before(longest.used)) {
			longest = p
		}
	}
	if longest == nil {
		return false
	}
	l.leave(time.Now(), longest)
	l.n.hangUp(longest)
	return true
}

// sweep closes links for circuits that carry none any more.
func (l *loop) sweep(now time.Time) {
	if now.Before(l.links.sweepAt) {
		return
	}
	l.links.sweepAt = now.Add(sweepEvery)
	var idle []*peer
	for number, p := range l.links.byNumber {
		patience := idleTime
		if p.inbound {
			patience *= 2
		}
		switch {
		case p.purpose != wire.ForCircuits:
		case l.circuits.Holds(number) > 0:
			p.used = now
		case now.Sub(p.used) >= patience:
			idle = append(idle, p)
		}
	}
	for _, p := range idle {
		l.leave(now, p)
		l.n.hangUp(p)
	}
}
