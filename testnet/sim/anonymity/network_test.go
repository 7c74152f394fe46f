package anonymity

import (
	"math/rand/v2"
	"slices"
	"testing"

	"nightjar/keys"
	"nightjar/routing/circuit"
	"nightjar/testnet/sim"
)

func never() bool { return false }

func smallNetwork(direct bool) *network {
	return newNetwork(sim.NetConfig{Seed: 4, Nodes: 60, Direct: direct}, never, func(at []keys.Location) *graph {
		return newGraph(at, rand.New(rand.NewPCG(4, 4)))
	})
}

// TestKeysAppearAtLaunchNodesAlone: in the records of the design, a key is in clear only from a launch node on; who has not received it and has
// not launched it never sends it, the originator included.
func TestKeysAppearAtLaunchNodesAlone(t *testing.T) {
	w := smallNetwork(false)
	origins := []int{3, 30, 44}
	for i, rec := range w.download(origins, 40) {
		if rec.origin != origins[i] || rec.found != 40 || len(rec.launches) < 40 || len(rec.paths) > circuit.Circuits(40) || len(rec.paths) < circuit.Circuits(40)*2/3 {
			t.Fatalf("node %d: %d found, %d launches, circuits %v", rec.origin, rec.found, len(rec.launches), rec.paths)
		}
		exits, has := make(map[int32]bool), make(map[[2]int32]bool)
		for _, p := range rec.paths {
			exits[p[2]] = true
			if slices.Contains(p[:], int32(rec.origin)) || p[0] == p[1] || p[1] == p[2] || p[0] == p[2] {
				t.Errorf("node %d has a circuit over %v", rec.origin, p)
			}
		}
		for _, l := range rec.launches {
			if !exits[l.node] {
				t.Errorf("node %d launches for %d, but is at the end of none of its circuits", l.node, rec.origin)
			}
			has[[2]int32{l.node, l.key}] = true
		}
		for _, h := range rec.first(40).hops {
			if !has[[2]int32{h.from, h.key}] {
				t.Fatalf("node %d sends key %d of node %d, but never got it", h.from, h.key, rec.origin)
			}
			has[[2]int32{h.to, h.key}] = true
		}
	}
}

// TestDirectRequestsBeginAtTheOriginator is the same without circuits.
func TestDirectRequestsBeginAtTheOriginator(t *testing.T) {
	w := smallNetwork(true)
	rec := w.download([]int{9}, 40)[0]
	if rec.found != 40 || rec.hidden() || len(rec.launches) > 0 {
		t.Fatalf("%d found, circuits %v, %d launches", rec.found, rec.paths, len(rec.launches))
	}
	own := make(map[int32]bool)
	for _, h := range rec.hops {
		if h.from == 9 {
			own[h.key] = true
		}
	}
	if len(own) < 38 { // a block that the node holds itself is not asked for
		t.Errorf("the originator has asked its peers for %d of 40 keys", len(own))
	}
}

// TestCountsAreOfDifferentKeys: a key that is sent twice on a link counts once, and a request with fewer hops to live than an originator's
// does not count, but is handled.
func TestCountsAreOfDifferentKeys(t *testing.T) {
	g, _ := drawGraph(10, 60)
	a, b := int32(5), g.peers[5][0]
	r := newRecord(0, make([]keys.Location, 3))
	r.hops = []hop{{0, a, b, 0, 18}, {1, a, b, 0, 17}, {2, a, b, 1, 17}, {3, a, b, 2, 16}}
	c := r.count(g, 17)
	if got := c.link[g.edge(int(a), 0)]; got != 2 {
		t.Errorf("%d keys counted on the link", got)
	}
	if c.handled[b] != 3 {
		t.Errorf("the receiver has handled %d keys", c.handled[b])
	}
	if c.handled[0] != 3 {
		t.Errorf("the originator of a direct download has handled %d of its keys", c.handled[0])
	}
}

// TestSharesArePartsOfWhatIsSent: a node's shares sum to what it sends, and what it relays for a peer is part of what that peer sends it.
func TestSharesArePartsOfWhatIsSent(t *testing.T) {
	g, rng := drawGraph(11, 100)
	s := newShares(g, g.router, rng)
	for a := range g.peers {
		sum := 0.0
		for i := range g.peers[a] {
			sum += s.own[g.edge(a, i)]
		}
		if sum < 0.9 || sum > 1.05 {
			t.Errorf("node %d sends %v of its requests", a, sum)
		}
		n := g.degree(a)
		for d := range n {
			in, out := s.own[g.edge(int(g.peers[a][d]), int(g.back[a][d]))], 0.0
			for o := range n {
				out += s.relayed[a][d*n+o]
			}
			if out > in*1.2+0.01 {
				t.Errorf("node %d relays %v of what its peer %d asks for, of which it gets %v", a, out, d, in)
			}
		}
	}
}
