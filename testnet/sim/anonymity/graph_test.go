package anonymity

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"nightjar/keys"
	"nightjar/routing/circuit"
)

func drawGraph(seed uint64, n int) (*graph, *rand.Rand) {
	rng := rand.New(rand.NewPCG(seed, 3))
	return newGraph(places(n, rng), rng), rng
}

func TestDegreesAreThoseOfFreenet(t *testing.T) {
	g, _ := drawGraph(1, 500)
	sum := 0
	for a := range g.peers {
		d := g.degree(a)
		sum += d
		if d < 4 || d > mostDegree+ringSide {
			t.Errorf("node %d has %d peers", a, d)
		}
		for i, p := range g.peers[a] {
			if back := g.back[a][i]; int(g.peers[p][back]) != a {
				t.Fatalf("the link from %d to %d does not lead back", a, p)
			}
		}
	}
	if mean := float64(sum) / 500; mean < 18 || mean > 22 {
		t.Errorf("%.1f peers on average", mean)
	}
}

func TestHoldersAreTheClosest(t *testing.T) {
	g, rng := drawGraph(2, 80)
	for range 500 {
		target := keys.Location(rng.Uint64())
		all := make([]int, g.nodes())
		for i := range all {
			all[i] = i
		}
		slices.SortFunc(all, func(x, y int) int {
			if g.at[x].Distance(target) < g.at[y].Distance(target) {
				return -1
			}
			return 1
		})
		if got := g.holders(target); got != [3]int(all[:3]) {
			t.Fatalf("holders %v, closest are %v", got, all[:3])
		}
	}
}

func TestBeyondLooksAtPeersOfPeers(t *testing.T) {
	g, rng := drawGraph(3, 80)
	for range 2000 {
		a := rng.IntN(g.nodes())
		skip := g.at[rng.IntN(g.nodes())]
		target := keys.Location(rng.Uint64())
		want := uint64(math.MaxUint64)
		for _, x := range append([]int32{int32(a)}, g.peers[a]...) {
			if l := g.at[x]; l != skip {
				want = min(want, l.Distance(target))
			}
		}
		if got := g.beyond(a, target, skip); got != want {
			t.Fatalf("node %d gets as close as %d, its peers as %d", a, got, want)
		}
	}
}

// TestFreenetWalks: HTL never rises, no node is visited twice, own requests leave at 18 or 17 always alike, and a block is found.
func TestFreenetWalks(t *testing.T) {
	g, rng := drawGraph(4, 200)
	f := newFreenet(g, rng)
	found, all := 0, 0
	for range 20 {
		r := f.download(rng.IntN(200), places(64, rng))
		been, at, htl := make(map[int32]bool), int32(r.origin), uint8(0)
		for i, h := range r.hops {
			if i == 0 || r.hops[i-1].key != h.key {
				been, at, htl = map[int32]bool{int32(r.origin): true}, int32(r.origin), f.first[r.origin]
			}
			if h.from != at || been[h.to] || h.htl > htl || htl-h.htl > 1 || g.index(int(h.from), int(h.to)) < 0 {
				t.Fatalf("hop %+v after node %d with HTL %d", h, at, htl)
			}
			been[h.to], at, htl = true, h.to, h.htl
			if i == len(r.hops)-1 || r.hops[i+1].key != h.key {
				all++
				if holders := g.holders(r.places[h.key]); slices.Contains(holders[:], int(h.to)) {
					found++
				}
			}
		}
	}
	if found*100 < all*80 {
		t.Errorf("%d of %d requests reach a node that holds the block", found, all)
	}
}

// TestStemPassesOnEverything is the corollary of §1.1 that B3 rests on: a node of the stem sends the next one exactly the keys that
// the originator has sent.
func TestStemPassesOnEverything(t *testing.T) {
	g, rng := drawGraph(5, 200)
	f := newFreenet(g, rng)
	for range 20 {
		r := f.stem(rng.IntN(200), places(32, rng))
		on := make(map[[2]int32]int)
		for _, h := range r.hops {
			if h.htl == stemHTL {
				on[[2]int32{h.from, h.to}]++
			}
		}
		if len(on) == 0 {
			t.Fatal("no stem")
		}
		for link, n := range on {
			if n != 32 {
				t.Fatalf("link %v of the stem has carried %d of 32 keys", link, n)
			}
		}
	}
}

func TestUnguardedCircuitsHaveDifferentRelays(t *testing.T) {
	g, rng := drawGraph(6, 100)
	for range 50 {
		r := newUnguarded(g, rng).download(7, places(200, rng))
		if len(r.paths) != circuit.Circuits(200) || len(r.launches) != 200 {
			t.Fatalf("%d circuits, %d launches", len(r.paths), len(r.launches))
		}
		for _, p := range r.paths {
			if p[0] == p[1] || p[1] == p[2] || p[0] == p[2] || slices.Contains(p[:], 7) {
				t.Fatalf("circuit %v of node 7", p)
			}
		}
		for _, h := range r.hops {
			if !slices.Contains(g.peers[h.from], h.to) {
				t.Fatalf("hop %+v is no link", h)
			}
		}
	}
}
