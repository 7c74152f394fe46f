package anonymity

import "math"

// enoughKeys is how many keys of one circuit colluders must have seen in clear for the oracle to recognise its traffic.
const enoughKeys = 8

// coalition is nodes that tell each other all that they see, and nothing else: they follow the protocol.
type coalition struct {
	bad     []bool
	honest  int
	watched []watch
	only    bool // one node, which is a peer of the originator: candidates are its peers
}

func newCoalition(s *shares, members []int) *coalition {
	c := &coalition{bad: make([]bool, s.g.nodes()), honest: s.g.nodes() - len(members)}
	for _, m := range members {
		c.bad[m] = true
	}
	for a := range s.g.peers {
		if c.bad[a] {
			continue
		}
		if w, ok := s.watched(a, func(p int) bool { return c.bad[p] }); ok {
			c.watched = append(c.watched, w)
		}
	}
	return c
}

// path finds the circuit on which a launch node launched; of several, which is rare, the first.
func (r *record) path(x int32) [3]int32 {
	for _, p := range r.paths {
		if p[2] == x {
			return p
		}
	}
	return [3]int32{-1, -1, -1}
}

// firstSpy is whom E4 accuses: the predecessor of the first colluder that sees a key; -1 if none does. Colluders that follow each
// other on a circuit know it, and accuse the predecessor of the first of them.
func (r *record) firstSpy(bad []bool) int {
	accused, at := -1, int64(math.MaxInt64)
	for _, l := range r.launches {
		if bad[l.node] {
			accused, at = r.before(r.path(l.node), bad), int64(l.at)
			break
		}
	}
	for _, h := range r.hops {
		if bad[h.to] && !bad[h.from] {
			if int64(h.at) < at {
				accused = int(h.from)
			}
			break
		}
	}
	return accused
}

// before goes back along a circuit from its launch node as long as the nodes collude.
func (r *record) before(p [3]int32, bad []bool) int {
	for i := 1; i >= 0; i-- {
		if p[i] < 0 || !bad[p[i]] {
			return int(p[i])
		}
	}
	return r.origin
}

// collusion is E6.
type collusion struct {
	strict bool // some circuit has both a colluding guard and a colluding launch node
	oracle bool // some circuit has a colluding guard, and colluders see enough of its keys to recognise it with a perfect correlator
	guard  bool // some circuit has a colluding guard
}

func (r *record) collude(bad []bool) (c collusion) {
	seen := make(map[int32]int) // keys that colluders saw in clear, by launch node
	by := make([]int32, len(r.places))
	for i := range by {
		by[i] = -1
	}
	for _, l := range r.launches {
		by[l.key] = l.node
	}
	counted := make([]bool, len(r.places))
	for _, h := range r.hops {
		if x := by[h.key]; x >= 0 && bad[h.to] && !counted[h.key] {
			counted[h.key] = true
			seen[x]++
		}
	}
	for _, p := range r.paths {
		if !bad[p[0]] {
			continue
		}
		c.guard = true
		c.strict = c.strict || bad[p[2]]
		c.oracle = c.oracle || bad[p[2]] || seen[p[2]] >= enoughKeys
	}
	return c
}

// belief is what a coalition thinks after a download: how likely each honest node is the originator.
type belief struct {
	top    float64 // probability of the likeliest node
	right  float64 // whether that is the originator; the mean over those that are equally likely
	degree float64 // entropy by its maximum, log2 of the honest nodes
	brier  float64
}

// believe turns scores, which are log-likelihood ratios, into probabilities.
func believe(scores []float64, c *coalition, origin int) belief {
	most := math.Inf(-1)
	for a, s := range scores {
		if !c.bad[a] {
			most = max(most, s)
		}
	}
	var sum, best float64
	for a, s := range scores {
		if !c.bad[a] {
			sum += math.Exp(s - most)
			if s == most {
				best++
			}
		}
	}
	b := belief{top: 1 / sum}
	if scores[origin] == most {
		b.right = 1 / best
	}
	entropy := 0.0
	for a, s := range scores {
		if c.bad[a] {
			continue
		}
		p := math.Exp(s-most) / sum
		if p > 0 {
			entropy -= p * math.Log2(p)
		}
		if a == origin {
			p = 1 - p
		}
		b.brier += p * p
	}
	b.degree = entropy / math.Log2(float64(c.honest))
	return b
}

// suspects is what a coalition thinks of a download through circuits. If the oracle has recognised a circuit at its guard, the guard's
// predecessor is the originator for sure: an upper bound, for a relay in the middle would see the same. If not, all honest
// nodes are alike, but for those that cannot be it: middles that a colluding launch node has seen, and, where launch nodes are chosen
// among those that are no peers, the peers of colluding launch nodes.
func (r *record) suspects(g *graph, c *coalition, known, farExits bool) belief {
	if known {
		return belief{top: 1, right: 1}
	}
	out := make([]bool, g.nodes())
	left := c.honest
	drop := func(a int32) {
		if !out[a] && !c.bad[a] && int(a) != r.origin {
			out[a] = true
			left--
		}
	}
	for _, p := range r.paths {
		if !c.bad[p[2]] {
			continue
		}
		drop(p[1])
		if farExits {
			for _, a := range g.peers[p[2]] {
				drop(a)
			}
		}
	}
	n := float64(left)
	return belief{top: 1 / n, right: 1 / n, degree: math.Log2(n) / math.Log2(float64(c.honest)), brier: 1 - 1/n}
}
