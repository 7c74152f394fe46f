package anonymity

import (
	"math"
	"math/rand/v2"

	"nightjar/keys"
)

const (
	// shareSamples is how many keys are sent through each node to learn its shares.
	shareSamples = 1024
	// shrink is how many of them the assumption counts for that a node splits what comes from one peer like what it sends itself.
	shrink = 32
)

// router says to which of its peers a node sends a request that came from another one, or is its own if from is -1.
type router func(from, a int, target keys.Location) int

// router of Freenet; which links are in back-off is drawn anew each time, as an observer does not know it.
func (f *freenet) router(from, a int, target keys.Location) int {
	f.walks++
	f.seen[a] = f.walks
	if from >= 0 {
		f.seen[from] = f.walks
	}
	f.rest(a)
	return f.next(a, target)
}

func (g *graph) router(_, a int, target keys.Location) int { return g.greedy(a, target) }

// shares is what part of its requests each node sends to each of its peers: what an observer computes who knows topology and places.
type shares struct {
	g   *graph
	own []float64 // by link: of what the node asks for itself
	// relayed[s][d*degree+o] is, of all that peer d of s asks for, the part that goes through s to its peer o.
	relayed [][]float64
}

// newShares sends keys to random places from every node.
func newShares(g *graph, route router, rng *rand.Rand) *shares {
	s := &shares{g: g, own: make([]float64, g.edges()), relayed: make([][]float64, g.nodes())}
	for a := range s.relayed {
		s.relayed[a] = make([]float64, g.degree(a)*g.degree(a))
	}
	for d := range g.peers {
		for range shareSamples {
			target := keys.Location(rng.Uint64())
			i := route(-1, d, target)
			if i < 0 {
				continue
			}
			s.own[g.edge(d, i)] += 1. / shareSamples
			via := int(g.peers[d][i])
			if o := route(d, via, target); o >= 0 {
				s.relayed[via][int(g.back[d][i])*g.degree(via)+o] += 1. / shareSamples
			}
		}
	}
	s.smooth()
	return s
}

// smooth takes away what is only the luck of the samples.
func (s *shares) smooth() {
	const least = 0.25 / shareSamples
	for e, p := range s.own {
		s.own[e] = min(max(p, least), 1-least)
	}
	for a, part := range s.relayed {
		n := s.g.degree(a)
		for d := range n {
			in := s.own[s.g.edge(int(s.g.peers[a][d]), int(s.g.back[a][d]))]
			for o := range n {
				p := part[d*n+o]
				part[d*n+o] = max((p*shareSamples+shrink*in*s.own[s.g.edge(a, o)])/(shareSamples+shrink), least*least)
			}
		}
	}
}

// watch is an honest node that has colluding peers.
type watch struct {
	node  int
	peers []int // which of its peers collude
	rest1 float64
	rest0 []float64 // log of what part of the keys no colluder would see, if peer d were the originator
}

// watched describes a node and those of its peers that collude; ok is false if none does.
func (s *shares) watched(a int, colludes func(int) bool) (w watch, ok bool) {
	w.node = a
	n := s.g.degree(a)
	sum1, sum0 := 0.0, make([]float64, n)
	for i, p := range s.g.peers[a] {
		if !colludes(int(p)) {
			continue
		}
		w.peers = append(w.peers, i)
		sum1 += s.own[s.g.edge(a, i)]
		for d := range n {
			sum0[d] += s.relayed[a][d*n+i]
		}
	}
	if len(w.peers) == 0 {
		return w, false
	}
	w.rest1 = math.Log1p(-clip(sum1))
	for d := range sum0 {
		w.rest0 = append(w.rest0, math.Log1p(-clip(sum0[d])))
	}
	return w, true
}

// e1 is the score of a watched node by its most suspicious observer alone, who supposes even shares.
func (s *shares) e1(w *watch, c *counts) float64 {
	best := math.Inf(-1)
	for _, i := range w.peers {
		best = max(best, evenLLR(int(c.link[s.g.edge(w.node, i)]), c.keys, s.g.degree(w.node)))
	}
	return best
}

// e2 is the score of a watched node by all its observers together, who know the shares: the log-likelihood ratio of "it asks for
// the file" and "one of its peers does", whichever peer explains best what is seen.
func (s *shares) e2(w *watch, c *counts) float64 {
	g, a, n := s.g, w.node, s.g.degree(w.node)
	left, one := c.keys, 0.0
	var saw []int
	for _, i := range w.peers {
		if r := int(c.link[g.edge(a, i)]); r > 0 {
			left -= r
			one += float64(r) * math.Log(s.own[g.edge(a, i)])
			saw = append(saw, i)
		}
	}
	rest := float64(max(left, 0))
	one += rest * w.rest1
	none := math.Inf(-1)
	for d := range n {
		l := rest * w.rest0[d]
		for _, i := range saw {
			l += float64(c.link[g.edge(a, i)]) * math.Log(s.relayed[a][d*n+i])
		}
		none = max(none, l)
	}
	return one - none
}
