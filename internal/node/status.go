package node

import (
	"sort"
	"time"

	"nightjar/routing/circuit"
	"nightjar/routing/repair"
	"nightjar/routing/wire"
	"nightjar/store"
)

// Status is a coarse snapshot for people: nothing in it identifies a request.
type Status struct {
	Started time.Time
	Peers   []Peer
	Barred  int // nodes that broke the protocol and are kept out
	Store   store.Stats
	Onion   Onion
	Repair  repair.Counts
	// Sent and Received count the bytes of messages on all links.
	Sent, Received uint64
}

// Onion is how the originator of requests is hidden.
type Onion struct {
	Hops     int // 0 = not at all: requests go to the network directly
	Relays   int // other nodes that can be part of a circuit: this node has reached them
	Short    int // other nodes that it knows and has not reached yet, or does not reach any more
	Missing  int // how many more are needed before a circuit can be built
	Guards   int // relays that this node begins its circuits with
	Ready    int // circuits that wait for use
	InUse    int // circuits that carry requests
	Building int
	Built    uint64   // since the start
	Links    int      // connections that exist for circuits alone
	Steady   bool     // large downloads run at a constant rate
	Warnings []string // what weakens the protection at present, for people
	Obstacle error    // why no circuit can be built, an *ObstacleError; nil = nothing is in the way
}

// ObstacleError says in words for people why no circuit can be built. It wraps ErrNoCircuit.
type ObstacleError struct {
	Why     string
	Missing int // how many more relays are needed; 0 = that is not the reason
}

func (e *ObstacleError) Error() string { return e.Why }
func (e *ObstacleError) Unwrap() error { return ErrNoCircuit }

// Peer is one link.
type Peer struct {
	ID        wire.NodeID
	Transport string
	Inbound   bool
	Since     time.Time
}

// Status returns a snapshot.
func (n *Node) Status() Status {
	s := Status{Store: n.cfg.Store.Stats(), Sent: n.sent.Load(), Received: n.received.Load()}
	n.ask(func(l *loop) {
		s.Started = l.started
		l.pardon()
		s.Barred = len(l.barred)
		s.Onion = l.onion(time.Now())
		s.Repair = l.repair.Counts()
		for _, p := range l.peers {
			s.Peers = append(s.Peers, Peer{p.id, p.transport, p.inbound, p.since})
		}
	})
	sort.Slice(s.Peers, func(i, j int) bool { return string(s.Peers[i].ID[:]) < string(s.Peers[j].ID[:]) })
	return s
}

// onion describes how the originator is hidden.
func (l *loop) onion(now time.Time) Onion {
	c := l.circuits.Status(now)
	o := Onion{
		Hops: Hops, Steady: l.n.cfg.ConstantRate, Relays: c.Guards.Relays, Short: c.Guards.Short, Missing: c.Missing,
		Ready: c.Clean, InUse: c.Used, Building: c.Building, Links: l.links.circuits,
		Built: c.Built, Guards: c.Guards.Guards, Warnings: c.Guards.Warnings,
	}
	if l.n.cfg.Direct {
		o.Hops, o.Missing, o.Steady, o.Warnings = 0, 0, false, nil
		return o
	}
	if l.lost {
		o.Warnings = append(o.Warnings, "what this node knew of other nodes was lost before its last start, its guards with it: it has drawn new ones, which weakens what protects it if it happens often")
	}
	if blocked := l.blocked(c); blocked != nil {
		o.Obstacle = blocked
	}
	return o
}

// lookEvery is how often what stands in the way of circuits is looked at, if something may have changed.
const lookEvery = 250 * time.Millisecond

// lookout keeps Node.blocked up to date.
type lookout struct {
	stale bool
	next  time.Time
}

// lookOut looks if it is time to, and returns when that is next.
func (l *loop) lookOut(now time.Time) time.Time {
	switch {
	case !l.look.stale || l.n.cfg.Direct:
		return time.Time{}
	case now.Before(l.look.next):
		return l.look.next
	}
	l.look = lookout{next: now.Add(lookEvery)}
	l.n.blocked.Store(l.blocked(l.circuits.Status(now)))
	return time.Time{}
}

// blocked is why no circuit can be built, or nil.
func (l *loop) blocked(s circuit.Status) *ObstacleError {
	switch {
	case s.Why == "":
		return nil
	case len(l.links.byNumber) == 0:
		return &ObstacleError{Why: "this node has no peers, and so nobody to hide behind", Missing: s.Missing}
	}
	return &ObstacleError{Why: s.Why, Missing: s.Missing}
}

// alone reports whether the node has no peer.
func (n *Node) alone() bool {
	alone := false
	n.ask(func(l *loop) { alone = len(l.peers) == 0 })
	return alone
}

// Known returns the descriptors that are worth keeping over a restart, most useful first.
func (n *Node) Known() []wire.Descriptor {
	var known []wire.Descriptor
	n.ask(func(l *loop) { known = l.overlay.Known() })
	return known
}

// ask runs f on the loop and waits, unless the node does not run.
func (n *Node) ask(f func(*loop)) {
	select {
	case <-n.ready:
	default:
		return
	}
	q := query{f, make(chan struct{})}
	n.inbox.push(q)
	select {
	case <-q.done:
	case <-n.ended:
	}
}

// obstacle is why no circuit can be built; nil = nothing is in the way.
func (n *Node) obstacle() error {
	if blocked := n.blocked.Load(); blocked != nil {
		return blocked
	}
	return nil
}
