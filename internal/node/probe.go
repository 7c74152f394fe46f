package node

import (
	"slices"
	"time"

	"nightjar/routing/relays"
	"nightjar/routing/wire"
)

// silence is after how long without a word from anybody this node may be cut off itself: a link is pinged every pingEvery.
const silence = 2 * pingEvery

// probeFailed says that a dial to see whether a relay can be reached has come to nothing.
type probeFailed struct{ id wire.NodeID }

// guardFailed says the same of a dial that this node's own circuits wanted, and whose address is from the view. What the circuits of
// others want dialled may be a relay at an address where it no longer is.
type guardFailed struct{ id wire.NodeID }

// probe carries out a Probe effect: it dials a relay as the circuits would, and the link is closed when it has carried no circuit for
// idleTime. It counts among no other dials, so that it keeps none from being made.
func (l *loop) probe(d wire.Descriptor) {
	if p := l.linkedAt(d); p != nil {
		l.n.inbox.push(relays.Reached{Peer: p.id, At: p.address})
		return
	}
	if l.isBarred(d.ID) {
		l.n.inbox.push(relays.Unreached{Peer: d.ID})
		return
	}
	l.n.spawn(func() { // ends with the dial's time-out or ctx
		if l.n.connect(l.n.life, d, wire.ForCircuits) != nil {
			l.n.inbox.push(probeFailed{d.ID})
		}
	})
}

// linkedAt finds a live link that this node has dialled at one of a relay's addresses.
func (l *loop) linkedAt(d wire.Descriptor) *peer {
	for _, p := range l.links.byNode[d.ID] {
		if p.address != "" && slices.Contains(d.Addrs, p.address) && p.heard() < silence {
			return p
		}
	}
	return nil
}

// unreached tells the view of relays of a dial that has failed.
func (l *loop) unreached(now time.Time, id wire.NodeID) {
	l.relayEffects(l.relays.Step(now, relays.Unreached{Peer: id, Doubt: l.cutOff()}))
}

// cutOff reports whether this node has heard from nobody lately.
func (l *loop) cutOff() bool {
	for _, p := range l.links.byNumber {
		if p.heard() < silence {
			return false
		}
	}
	return true
}

// dials lists the addresses at which this node would dial a relay: all that it has a transport for if the user has named it, else
// those within its scope.
func (l *loop) dials(d wire.Descriptor) []wire.Addr {
	addrs := d.Addrs
	if !l.seeds[d.ID] {
		addrs = l.n.scope.filter(addrs)
	}
	return slices.DeleteFunc(slices.Clone(addrs), func(a wire.Addr) bool { return l.n.transport(a.Transport()) == nil })
}
