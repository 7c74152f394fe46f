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
	// OnionHops is 0: the originator of a request is not hidden.
	OnionHops int
}

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
