package anonymity

import (
	"cmp"
	"math/rand/v2"
	"slices"
	"time"

	"nightjar/keys"
	"nightjar/routing/circuit"
)

// Freenet's hops to live.
const (
	maxHTL    = 18
	stemHTL   = maxHTL + 1 // marks requests that are still on a stem
	slotKeys  = 16         // requests after which other links are in back-off
	leastBusy = 0.1        // part of a node's links that are in back-off, between these two
	mostBusy  = 0.8
	keyEvery  = 50 * time.Millisecond // between the requests of one download
	hopTime   = 40 * time.Millisecond // on average
)

// freenet is how Freenet routes on a graph: greedily, with a look at the peers of peers, around links in back-off, with hops to
// live that fall at the top by a coin thrown once per link.
type freenet struct {
	g       *graph
	rng     *rand.Rand
	busy    []float64 // part of a node's links in back-off
	falls   []bool    // by link, as its sender sees it: HTL 18 falls to 17 at the receiver
	first   []uint8   // HTL of a node's own requests
	blocked []bool    // by link: in back-off now
	seen    []int     // by node: the last walk that was there
	walks   int
}

func newFreenet(g *graph, rng *rand.Rand) *freenet {
	f := &freenet{
		g: g, rng: rng, busy: make([]float64, g.nodes()), first: make([]uint8, g.nodes()),
		falls: make([]bool, g.edges()), blocked: make([]bool, g.edges()), seen: make([]int, g.nodes()),
	}
	for a := range f.busy {
		f.busy[a] = leastBusy + (mostBusy-leastBusy)*rng.Float64()
		f.first[a] = maxHTL - uint8(rng.IntN(2))
	}
	for e := range f.falls {
		f.falls[e] = rng.IntN(2) == 0
	}
	return f
}

// rest draws which links of a node are in back-off now.
func (f *freenet) rest(a int) {
	for i := range f.g.peers[a] {
		f.blocked[f.g.edge(a, i)] = f.rng.Float64() < f.busy[a]
	}
}

func (f *freenet) restAll() {
	for a := range f.busy {
		f.rest(a)
	}
}

// next is the index of the peer to which a sends a request; -1 if there is none. Where all that were not there yet are in
// back-off, a waits for the best of them.
func (f *freenet) next(a int, target keys.Location) int {
	best, busiest := -1, -1
	var d, bd, own, bown uint64
	for i, p := range f.g.peers[a] {
		if f.seen[p] == f.walks {
			continue
		}
		far, here := f.g.beyond(int(p), target, f.g.at[a]), f.g.at[p].Distance(target)
		if f.blocked[f.g.edge(a, i)] {
			if busiest < 0 || far < bd || far == bd && here < bown {
				busiest, bd, bown = i, far, here
			}
		} else if best < 0 || far < d || far == d && here < own {
			best, d, own = i, far, here
		}
	}
	if best < 0 {
		return busiest
	}
	return best
}

// walk records the way of one request from a node; htl is what it leaves with.
func (f *freenet) walk(r *record, key, a int, htl uint8) {
	f.walks++
	f.seen[a] = f.walks
	target, at := r.places[key], time.Duration(key)*keyEvery
	holders := f.g.holders(target)
	for htl > 0 {
		i := f.next(a, target)
		if i < 0 {
			return
		}
		to := int(f.g.peers[a][i])
		at += f.flight()
		r.hops = append(r.hops, hop{at, int32(a), int32(to), int32(key), htl})
		if to == holders[0] || to == holders[1] || to == holders[2] {
			return
		}
		if htl < maxHTL || f.falls[f.g.edge(a, i)] {
			htl--
		}
		a = to
		f.seen[a] = f.walks
	}
}

func (f *freenet) flight() time.Duration { return time.Duration(f.rng.ExpFloat64() * float64(hopTime)) }

// download is a download with plain Freenet.
func (f *freenet) download(origin int, places []keys.Location) *record {
	r := newRecord(origin, places)
	for k := range places {
		if k%slotKeys == 0 {
			f.restAll()
		}
		f.walk(r, k, origin, f.first[origin])
	}
	return r
}

// stopOneIn is in how many cases a stem ends at a node.
const stopOneIn = 10

// stem is a download whose requests take one way through some nodes before routing begins, all of them the same, as Dandelion
// does for the transactions of an epoch: every node passes on all that comes on one link on one of two links, both of them
// drawn for the epoch. A stem also ends where it comes back to a node.
func (f *freenet) stem(origin int, places []keys.Location) *record {
	r := newRecord(origin, places)
	way := []int{origin}
	been := map[int]bool{origin: true}
	for {
		peers := f.g.peers[way[len(way)-1]]
		to := int(peers[f.rng.IntN(len(peers))])
		if been[to] {
			break
		}
		way = append(way, to)
		been[to] = true
		if f.rng.IntN(stopOneIn) == 0 {
			break
		}
	}
	last := way[len(way)-1]
	for k := range places {
		if k%slotKeys == 0 {
			f.restAll()
		}
		at := time.Duration(k)*keyEvery - time.Duration(len(way))*hopTime
		for i, to := range way[1:] {
			at += hopTime
			r.hops = append(r.hops, hop{at, int32(way[i]), int32(to), int32(k), stemHTL})
		}
		f.walk(r, k, last, f.first[last])
	}
	return r
}

// greedy is how Nightjar routes on a graph: to the peer that is closest and closer than this node.
func (g *graph) greedy(a int, target keys.Location) int {
	best, d := -1, g.at[a].Distance(target)
	for i, p := range g.peers[a] {
		if x := g.at[p].Distance(target); x < d {
			best, d = i, x
		}
	}
	return best
}

// launchJitter is the mean of the delay before a launch.
const launchJitter = 100 * time.Millisecond

// unguarded is how downloads go through circuits like those of the design but for their relays: all three are drawn anew for each.
type unguarded struct {
	g        *graph
	rng      *rand.Rand
	circuits func(blocks int) int
	draw     func(u *unguarded, a int, closer []int) int // chooses a launch node's first hop of its peers that are closer, best first
	given    []int                                       // by link, how many launches went there first
}

func newUnguarded(g *graph, rng *rand.Rand) *unguarded {
	return &unguarded{g, rng, circuit.Circuits, leastOfSixteen, make([]int, g.edges())}
}

func (u *unguarded) download(origin int, places []keys.Location) *record {
	r := newRecord(origin, places)
	for range u.circuits(len(places)) {
		r.paths = append(r.paths, drawPath(u.g.nodes(), origin, u.rng))
	}
	for k := range places {
		c := u.rng.IntN(len(r.paths))
		x := int(r.paths[c][2])
		at := time.Duration(k)*keyEvery + time.Duration(u.rng.ExpFloat64()*float64(launchJitter))
		r.launches = append(r.launches, launch{at, int32(x), int32(k)})
		u.launch(r, k, x, at)
	}
	return r
}

// launch records the way of a request that enters key routing at a node at a time.
func (u *unguarded) launch(r *record, key, a int, at time.Duration) {
	g, target := u.g, r.places[key]
	holders := g.holders(target)
	next := u.first
	for a != holders[0] && a != holders[1] && a != holders[2] {
		i := next(a, target)
		if i < 0 {
			return
		}
		next = g.greedy
		to := int(g.peers[a][i])
		at += hopTime
		r.hops = append(r.hops, hop{at, int32(a), int32(to), int32(key), maxHTL})
		a = to
	}
}

// first is the index of the peer to which a launch node sends a request.
func (u *unguarded) first(a int, target keys.Location) int {
	own := u.g.at[a].Distance(target)
	far := func(i int) uint64 { return u.g.at[u.g.peers[a][i]].Distance(target) }
	var closer []int
	for i := range u.g.peers[a] {
		if far(i) < own {
			closer = append(closer, i)
		}
	}
	if len(closer) == 0 {
		return -1
	}
	slices.SortFunc(closer, func(i, j int) int { return cmp.Compare(far(i), far(j)) })
	i := u.draw(u, a, closer)
	u.given[u.g.edge(a, i)]++
	return i
}

// leastOfSixteen is how routing.Machine chooses: of sixteen draws among the closer half the one that has got least is taken.
func leastOfSixteen(u *unguarded, a int, closer []int) int {
	half := (len(closer) + 1) / 2
	i := closer[u.rng.IntN(half)]
	for range 15 {
		if j := closer[u.rng.IntN(half)]; u.given[u.g.edge(a, j)] < u.given[u.g.edge(a, i)] {
			i = j
		}
	}
	return i
}

// drawPath draws three different nodes, none of them the origin.
func drawPath(n, origin int, rng *rand.Rand) (p [3]int32) {
	for i := range p {
	again:
		x := int32(rng.IntN(n))
		if int(x) == origin || i > 0 && x == p[0] || i > 1 && x == p[1] {
			goto again
		}
		p[i] = x
	}
	return p
}
