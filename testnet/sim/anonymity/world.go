package anonymity

import (
	"crypto/ed25519"
	"encoding/binary"
	"math"
	"math/rand/v2"
	"slices"
	"time"

	"nightjar/keys"
	"nightjar/routing/wire"
)

// world is one network: nodes on the ring, and who is whose peer.
type world struct {
	rng    *rand.Rand
	seed   uint64
	nodes  []node
	byID   map[wire.NodeID]int
	places []keys.Location // of all nodes, ascending
	order  []int           // nodes in that order
}

// node is one node of a world.
type node struct {
	identity ed25519.PrivateKey
	id       wire.NodeID
	at       keys.Location
	peers    []int // ascending
	busy     []int // of these, the ones that are in back-off, for the plain baseline
}

const (
	leastDegree, mostDegree, meanDegree = 5, 65, 20
	// Between a tenth and eight tenths of Freenet's links are in back-off at a time (design's reference, §1.1).
	leastBusy, mostBusy = 0.1, 0.8
	medianLatency       = 40 * time.Millisecond
	sigmaLatency        = 0.5
)

// newWorld draws a network: a ring, long links whose lengths follow 1/d, degrees between 5 and 65 with mean 20.
func newWorld(seed uint64, n int) *world {
	w := &world{rng: rand.New(rand.NewPCG(seed, 0x616e6f6e)), seed: seed, byID: make(map[wire.NodeID]int)}
	for i := range n {
		var s [ed25519.SeedSize]byte
		binary.BigEndian.PutUint64(s[:], w.rng.Uint64())
		key := ed25519.NewKeyFromSeed(s[:])
		id := wire.NodeID(key.Public().(ed25519.PublicKey))
		w.nodes = append(w.nodes, node{identity: key, id: id, at: id.Location()})
		w.byID[id] = i
		w.order = append(w.order, i)
	}
	slices.SortFunc(w.order, func(a, b int) int {
		if w.nodes[a].at < w.nodes[b].at {
			return -1
		}
		return 1
	})
	for _, i := range w.order {
		w.places = append(w.places, w.nodes[i].at)
	}
	w.linkAll()
	return w
}

func (w *world) linkAll() {
	n := len(w.nodes)
	want := make([]int, n)
	for i := range want {
		want[i] = w.degree(n)
	}
	for i := range n { // ring neighbours on both sides
		for side := 1; side <= 2; side++ {
			w.link(w.order[i], w.order[(i+side)%n])
		}
	}
	for try := range 40 * n {
		a := try % n
		i := w.order[a]
		if len(w.nodes[i].peers) >= want[i] {
			continue
		}
		// Log-uniform in rank distance: the number of links of a length falls with 1/length.
		d := int(math.Exp(w.rng.Float64() * math.Log(float64(n)/2)))
		if w.rng.IntN(2) == 0 {
			d = n - d
		}
		j := w.order[(a+d)%n]
		if len(w.nodes[j].peers) < want[j] {
			w.link(i, j)
		}
	}
	for i := range w.nodes {
		nd := &w.nodes[i]
		slices.Sort(nd.peers)
		share := leastBusy + (mostBusy-leastBusy)*w.rng.Float64()
		for _, p := range nd.peers {
			if w.rng.Float64() < share {
				nd.busy = append(nd.busy, p)
			}
		}
		if len(nd.busy) == len(nd.peers) {
			nd.busy = nd.busy[1:]
		}
	}
}

// degree draws how many peers a node wants: exponential above the least, cut at the most.
func (w *world) degree(n int) int {
	d := leastDegree + int(w.rng.ExpFloat64()*(meanDegree-leastDegree))
	return min(d, mostDegree, n/2)
}

func (w *world) link(a, b int) {
	if a == b || slices.Contains(w.nodes[a].peers, b) {
		return
	}
	w.nodes[a].peers = append(w.nodes[a].peers, b)
	w.nodes[b].peers = append(w.nodes[b].peers, a)
}

// next is where node i sends a request for a place: the peer closest to it that is not left out and, if strict, closer than i
// itself; -1 if there is none.
func (w *world) next(i int, place keys.Location, strict bool, without func(int) bool) int {
	best := -1
	limit := keys.Distance(math.MaxUint64)
	if strict {
		limit = w.nodes[i].at.Distance(place)
	}
	for _, p := range w.nodes[i].peers {
		if d := w.nodes[p].at.Distance(place); d < limit && (without == nil || !without(p)) {
			best, limit = p, d
		}
	}
	return best
}

// shares is the part of the ring for which each peer of i is the next hop, over a fixed grid of places.
func (w *world) shares(i int) map[int]float64 {
	const grid = 2048
	out := make(map[int]float64)
	for g := range grid {
		if p := w.next(i, keys.Location(uint64(g)<<53), true, nil); p >= 0 {
			out[p] += 1.0 / grid
		}
	}
	return out
}

// closest lists the k nodes closest to a place.
func (w *world) closest(place keys.Location, k int) []int {
	all := slices.Clone(w.order)
	slices.SortFunc(all, func(a, b int) int {
		da, db := w.nodes[a].at.Distance(place), w.nodes[b].at.Distance(place)
		switch {
		case da < db:
			return -1
		case da > db:
			return 1
		}
		return 0
	})
	return all[:k]
}

// latency is how long a message takes between two nodes, one way: lognormal over pairs, always the same.
func (w *world) latency(a, b int) time.Duration {
	if a > b {
		a, b = b, a
	}
	r := rand.New(rand.NewPCG(w.seed, uint64(a)<<32|uint64(b)))
	return time.Duration(float64(medianLatency) * math.Exp(sigmaLatency*r.NormFloat64()))
}
