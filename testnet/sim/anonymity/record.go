package anonymity

import (
	"cmp"
	"slices"
	"time"

	"nightjar/keys"
)

// record is all that happened in one download. The estimators are shown the part of it that a coalition takes part in.
type record struct {
	origin   int
	places   []keys.Location // of the keys, in the order in which they are asked for
	hops     []hop           // requests for keys in clear, as their receivers see them
	paths    [][3]int32      // circuits: guard, middle, launch node; none where requests are not hidden
	launches []launch        // of circuits
	found    int             // keys that were brought
	firstKey time.Duration   // until the first was
	whole    time.Duration   // until all were
}

// hop is one request on one link.
type hop struct {
	at       time.Duration
	from, to int32
	key      int32
	htl      uint8
}

// launch is where a key entered key routing from a circuit.
type launch struct {
	at   time.Duration
	node int32
	key  int32
}

func newRecord(origin int, places []keys.Location) *record {
	return &record{origin: origin, places: places, found: len(places)}
}

// hidden reports whether the requests went through circuits.
func (r *record) hidden() bool { return len(r.paths) > 0 }

// first is the record of the download of a file that has only the first keys. The order of time is established.
func (r *record) first(n int) *record {
	out := *r
	out.places, out.hops, out.launches, out.paths = r.places[:n], nil, nil, nil
	for _, h := range r.hops {
		if int(h.key) < n {
			out.hops = append(out.hops, h)
		}
	}
	used := make(map[int32]bool)
	for _, l := range r.launches {
		if int(l.key) < n {
			out.launches = append(out.launches, l)
			used[l.node] = true
		}
	}
	for _, p := range r.paths {
		if used[p[2]] {
			out.paths = append(out.paths, p)
		}
	}
	slices.SortStableFunc(out.hops, func(a, b hop) int { return cmp.Compare(a.at, b.at) })
	slices.SortStableFunc(out.launches, func(a, b launch) int { return cmp.Compare(a.at, b.at) })
	return &out
}

// counts is how many different keys of the file went over each link, and through each node.
type counts struct {
	keys    int
	link    []int32 // by outgoing link, requests with at least the least HTL that an originator's have
	handled []int32 // by node
	exits   []bool  // by node: it launched
}

// count counts. What has less than leastHTL cannot come from who began it.
func (r *record) count(g *graph, leastHTL uint8) *counts {
	c := &counts{
		keys: len(r.places), link: make([]int32, g.edges()), handled: make([]int32, g.nodes()), exits: make([]bool, g.nodes()),
	}
	byKey := slices.Clone(r.hops)
	slices.SortStableFunc(byKey, func(a, b hop) int { return cmp.Compare(a.key, b.key) })
	lastOn, lastAt := make([]int32, g.edges()), make([]int32, g.nodes())
	handle := func(node, key int32) {
		if lastAt[node] != key+1 {
			lastAt[node] = key + 1
			c.handled[node]++
		}
	}
	launches := slices.Clone(r.launches)
	slices.SortStableFunc(launches, func(a, b launch) int { return cmp.Compare(a.key, b.key) })
	for _, h := range byKey {
		for len(launches) > 0 && launches[0].key <= h.key {
			handle(launches[0].node, launches[0].key)
			launches = launches[1:]
		}
		handle(h.to, h.key)
		i := g.index(int(h.from), int(h.to))
		if i < 0 || h.htl < leastHTL {
			continue
		}
		if e := g.edge(int(h.from), i); lastOn[e] != h.key+1 {
			lastOn[e] = h.key + 1
			c.link[e]++
		}
	}
	for _, l := range launches {
		handle(l.node, l.key)
	}
	for _, l := range r.launches {
		c.exits[l.node] = true
	}
	if !r.hidden() {
		c.handled[r.origin] = int32(c.keys)
	}
	return c
}
