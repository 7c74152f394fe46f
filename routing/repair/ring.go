package repair

import (
	"cmp"
	"slices"
	"time"

	"nightjar/keys"
	"nightjar/routing/wire"
)

// copies is how many nodes keep a block: routing's sink set.
const copies = wire.MaxCopies

// peer is what the machine knows of a node that it has a link with, or had until a moment ago.
type peer struct {
	id   wire.NodeID
	at   keys.Location
	up   bool
	gone time.Time // if not up: when it stops to count

	// This node compares with the peer.
	spans  []wire.Span // for which both are responsible; those that have gone count
	next   time.Time   // of the next comparison; zero = they share nothing
	barred time.Time   // no comparison before
	fails  int         // comparisons in a row that failed
	idle   int         // that found differences and nothing to copy
	partly int         // that the peer cut short
	owes   int         // questions that it was asked, less its answers

	// The peer compares with this node.
	waits int // its questions that wait or are being answered
	loads int
	scans tokens // of blocks to look at
	out   tokens // of bytes
}

func byPlace(a, b *peer) int {
	return cmp.Or(cmp.Compare(a.at, b.at), slices.Compare(a.id[:], b.id[:]))
}

// whole is the whole ring.
var whole = wire.Span{From: 0, Last: ^keys.Location(0)}

// contains reports whether a lies in s.
func contains(s, a wire.Span) bool {
	from, last := a.From-s.From, a.Last-s.From
	return from <= last && last <= s.Last-s.From
}

// covers reports whether a position lies in a span.
func covers(s wire.Span, at keys.Location) bool { return at-s.From <= s.Last-s.From }

// intersect returns what two spans have in common: nothing, a span, or, if both are long, two.
func intersect(a, b wire.Span) (out []wire.Span) {
	add := func(from, last keys.Location) { // counted from a.From
		if last = min(last, a.Last-a.From); from <= last {
			out = append(out, wire.Span{From: a.From + from, Last: a.From + last})
		}
	}
	from, last := b.From-a.From, b.Last-a.From
	if from <= last {
		add(from, last)
		return out
	}
	add(0, last)
	add(from, ^keys.Location(0))
	return out
}

// region is the positions of the ring to which places[i] is one of the closest three of places, which are sorted: half the way to
// the third place on either side.
func region(places []keys.Location, i int) wire.Span {
	n := len(places)
	if n <= copies {
		return whole
	}
	at := places[i]
	down, up := places[(i-copies+n)%n], places[(i+copies)%n]
	return wire.Span{From: at - (at-down)/2, Last: at + (up-at)/2}
}

// shared lists the positions for which this node and a peer are both responsible. With gone, peers that were lost a moment ago
// count as if they were there. What a node asks is by the view with them and what it answers by the one without, which gives
// more: so nobody's answer falls short because one of the two has heard of a loss before the other.
func (m *Machine) shared(p *peer, gone bool) []wire.Span {
	places := make([]keys.Location, 0, len(m.ring)+1)
	self, other := -1, -1
	for _, q := range m.ring {
		if self < 0 && q.at >= m.at {
			self = len(places)
			places = append(places, m.at)
		}
		if q == p {
			other = len(places)
		}
		if q.up || gone || q == p {
			places = append(places, q.at)
		}
	}
	if self < 0 {
		self = len(places)
		places = append(places, m.at)
	}
	return intersect(region(places, self), region(places, other))
}

func (m *Machine) peerUp(id wire.NodeID) {
	p := m.peers[id]
	if id == m.self || p == nil && len(m.ring) >= maxPeers {
		return
	}
	if p == nil {
		p = &peer{id: id, at: id.Location()}
		p.scans = newTokens(m.now, scanBurst, scanRate)
		p.out = newTokens(m.now, m.rate, m.rate/share)
		m.peers[id] = p
		i, _ := slices.BinarySearchFunc(m.ring, p, byPlace)
		m.ring = slices.Insert(m.ring, i, p)
	}
	p.up = true
	m.plan()
}

func (m *Machine) peerDown(id wire.NodeID) {
	p := m.peers[id]
	if p == nil || !p.up {
		return
	}
	p.up, p.gone = false, m.now.Add(grace)
	if m.session != nil && m.session.p == p {
		m.session = nil
		p.next = m.now.Add(m.around(again))
	}
}

// sweep forgets peers that have been gone for too long.
func (m *Machine) sweep() {
	n := len(m.ring)
	m.ring = slices.DeleteFunc(m.ring, func(p *peer) bool {
		lost := !p.up && !m.now.Before(p.gone)
		if lost {
			delete(m.peers, p.id)
		}
		return lost
	})
	if len(m.ring) != n {
		m.plan()
	}
}

// plan works out anew what is shared with whom. Where that is more than before, a comparison is due.
func (m *Machine) plan() {
	for _, p := range m.ring {
		before := p.spans
		p.spans = m.shared(p, true)
		if len(p.spans) == 0 {
			p.next = time.Time{}
			continue
		}
		known := func(s wire.Span) bool {
			return slices.ContainsFunc(before, func(old wire.Span) bool { return contains(old, s) })
		}
		grown := slices.ContainsFunc(p.spans, func(s wire.Span) bool { return !known(s) })
		soon := m.now.Add(settle + m.around(settle))
		if grown || p.next.IsZero() {
			p.partly = 0
			if p.next.IsZero() || soon.Before(p.next) {
				p.next = soon
			}
			if m.session != nil && m.session.p == p {
				m.session.again = true
			}
		}
	}
}
