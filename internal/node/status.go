package node

import (
	"sort"
	"time"

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
}

// Onion is how the originator of requests is hidden.
type Onion struct {
	Hops     int // 0 = not at all: requests go to the network directly
	Relays   int // other nodes that can be part of a circuit
	Missing  int // how many more are needed before a circuit can be built
	Guards   int // relays that this node begins its circuits with
	Ready    int // circuits that wait for use
	InUse    int // circuits that carry requests
	Building int
	Links    int      // connections that exist for circuits alone
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
	s := Status{Store: n.cfg.Store.Stats()}
	n.ask(func(l *loop) {
		s.Started = l.started
		l.pardon()
		s.Barred = len(l.barred)
		for _, p := range l.peers {
			s.Peers = append(s.Peers, Peer{p.id, p.transport, p.inbound, p.since})
		}
	})
	sort.Slice(s.Peers, func(i, j int) bool { return string(s.Peers[i].ID[:]) < string(s.Peers[j].ID[:]) })
	return s
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

// obstacle is why no circuit can be built.
func (n *Node) obstacle() error { return nil }
