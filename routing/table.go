package routing

import (
	"cmp"
	"slices"
	"time"

	"nightjar/keys"
	"nightjar/routing/wire"
)

const (
	maxKnown = 4096
	// maxPerSource is how many nodes that never were linked one peer may have told of.
	maxPerSource = 512
)

// node is what the overlay knows of one node.
type node struct {
	desc   wire.Descriptor
	at     keys.Location
	source wire.NodeID // who told of it; zero = the user
	seed   bool        // told by the user: never forgotten
	proven bool        // was linked once

	linked  bool
	leaving bool // was hung up
	dialing bool
	since   time.Time // of the link or the dial
	fails   int
	retry   time.Time // no dial before

	budget   float64 // of Near questions that it may ask
	refilled time.Time
}

// table holds the known nodes, those that are linked, and their order around the ring.
//
//	links ⊆ all;  len(all) = len(known) <= maxKnown (seeds and links excepted)
type table struct {
	self     wire.NodeID
	at       keys.Location
	known    map[wire.NodeID]*node
	all      []*node             // in the order of their places
	links    []*node             // likewise
	bySource map[wire.NodeID]int // how many of all, seeds excepted, each peer has told of
}

func newTable(self wire.NodeID) table {
	return table{self: self, at: self.Location(), known: make(map[wire.NodeID]*node), bySource: make(map[wire.NodeID]int)}
}

func byRing(a, b *node) int {
	return cmp.Or(cmp.Compare(a.at, b.at), slices.Compare(a.desc.ID[:], b.desc.ID[:]))
}

// from is the index in nodes of the first node at or after a place.
func from(nodes []*node, at keys.Location) int {
	i, _ := slices.BinarySearchFunc(nodes, at, func(n *node, at keys.Location) int { return cmp.Compare(n.at, at) })
	return i
}

// fresher reports whether a descriptor that a peer tells of replaces the one that is known. Issued is rounded to the hour, so a
// node that moved within one is believed where the old addresses lead nowhere. What lies in the future never counts:
// it would stand until its time has come.
func (o *Overlay) fresher(n *node, d wire.Descriptor) bool {
	if o.now.Unix() > 0 && d.Issued > uint64(o.now.Add(maxAhead).Unix()) {
		return false
	}
	moved := !n.linked && n.fails > 0 && !slices.Equal(d.Addrs, n.desc.Addrs)
	return d.Issued > n.desc.Issued || d.Issued == n.desc.Issued && moved
}

// learn takes in a descriptor. The newest of a node wins; who told of too many nodes replaces its own.
func (o *Overlay) learn(d wire.Descriptor, source wire.NodeID, seed bool) *node {
	if d.ID == o.self {
		return nil
	}
	t := &o.table
	if n := t.known[d.ID]; n != nil {
		if o.fresher(n, d) {
			if !slices.Equal(d.Addrs, n.desc.Addrs) {
				n.fails, n.retry = 0, time.Time{}
			}
			n.desc = d
		}
		if seed && !n.seed {
			t.count(n, -1)
			n.seed, n.retry = true, time.Time{}
		}
		return n
	}
	if !seed {
		if t.bySource[source] >= maxPerSource {
			t.evict(source)
		} else if len(t.all) >= maxKnown {
			t.evict(t.loudest())
		}
	}
	n := &node{desc: d, at: d.ID.Location(), source: source, seed: seed}
	t.known[d.ID] = n
	i, _ := slices.BinarySearchFunc(t.all, n, byRing)
	t.all = slices.Insert(t.all, i, n)
	t.count(n, 1)
	return n
}

// count keeps bySource, where seeds do not count.
func (t *table) count(n *node, by int) {
	if n.seed {
		return
	}
	if t.bySource[n.source] += by; t.bySource[n.source] == 0 {
		delete(t.bySource, n.source)
	}
}

// loudest is the source that has told of the most nodes; the smallest identity among equals.
func (t *table) loudest() wire.NodeID {
	var loudest wire.NodeID
	most := -1
	for source, n := range t.bySource {
		if n > most || n == most && slices.Compare(source[:], loudest[:]) < 0 {
			loudest, most = source, n
		}
	}
	return loudest
}

// evict forgets the node told of by a source that is farthest from this node and of no use now.
func (t *table) evict(source wire.NodeID) {
	var worst *node
	for _, n := range t.all {
		if n.source != source || n.linked || n.dialing || n.seed {
			continue
		}
		if worst == nil || n.at.Distance(t.at) > worst.at.Distance(t.at) {
			worst = n
		}
	}
	if worst != nil {
		t.remove(worst)
	}
}

func (t *table) remove(n *node) {
	delete(t.known, n.desc.ID)
	i, _ := slices.BinarySearchFunc(t.all, n, byRing)
	t.all = slices.Delete(t.all, i, i+1)
	t.count(n, -1)
}

// link adds n to the links and returns its index there.
func (t *table) link(n *node) int {
	i, _ := slices.BinarySearchFunc(t.links, n, byRing)
	t.links = slices.Insert(t.links, i, n)
	return i
}

// unlink takes n out of the links and reports whether it was a ring neighbour.
func (t *table) unlink(n *node) bool {
	i, _ := slices.BinarySearchFunc(t.links, n, byRing)
	neighbour := t.isNeighbour(i)
	t.links = slices.Delete(t.links, i, i+1)
	return neighbour
}

// isNeighbour reports whether the link with the given index is one of the RingSide nearest on its side.
func (t *table) isNeighbour(i int) bool {
	n := len(t.links)
	ahead := (i - from(t.links, t.at) + n) % n // how many links lie between, going up
	return ahead < RingSide || ahead >= n-RingSide
}

// nearest returns the node of nodes closest to a place for which use holds, looking at maxWalk on each side; nil if there is none.
func nearest(nodes []*node, at keys.Location, use func(*node) bool) *node {
	var best *node
	start := from(nodes, at)
	for step := range min(len(nodes), maxWalk) {
		up := nodes[(start+step)%len(nodes)]
		down := nodes[(start-1-step+2*len(nodes))%len(nodes)]
		for _, n := range [2]*node{up, down} {
			if use(n) && (best == nil || n.at.Distance(at) < best.at.Distance(at)) {
				best = n
			}
		}
		if best != nil && step > 0 {
			return best
		}
	}
	return best
}

// size estimates how many nodes the network has, from how densely the ring neighbours lie.
func (t *table) size() float64 {
	n := len(t.links)
	if n < 2*RingSide {
		return float64(max(n, 1) + 1)
	}
	start := from(t.links, t.at)
	up := t.links[(start+RingSide-1)%n]
	down := t.links[(start-RingSide+n)%n]
	span := (up.at - t.at).Float() + (t.at - down.at).Float()
	return max(2*RingSide/max(span, 1e-12), float64(n+1))
}
