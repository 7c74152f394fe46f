package anonymity

import (
	"math/rand/v2"

	"nightjar/keys"
)

// setting is one column of the counting attack's table: the degree of the observed node, and of the node that it may relay for.
type setting struct{ g, h int }

// settings are those of the table, and the sizes of files.
var (
	settings       = []setting{{20, guessedDegree}, {40, guessedDegree}, {10, guessedDegree}}
	referenceSizes = []int{16, 64, 256, 1024}
)

const (
	referenceNodes = 500
	// observedNodes is how many nodes are observed on one topology, each with all its peers.
	observedNodes = 60
)

// histograms count what was seen on one topology, by setting, size and way of splitting.
type histograms struct {
	setting setting
	blocks  int
	even    histogram // each node splits what it sends evenly, as the attack's model has it
	greedy  histogram // each node sends to the peer that leads closest, peers of peers included
}

// histogram is how often r keys were seen, of an originator and of a node that relays for another.
type histogram struct{ pos, neg []float64 }

func (h histogram) curve() curve {
	c := make(curve, 0, len(h.pos))
	var pos, neg float64
	for r := range h.pos {
		pos, neg = pos+h.pos[r], neg+h.neg[r]
	}
	for r := len(h.pos) - 1; r >= 0; r-- {
		c = append(c, point{float64(r), h.pos[r] / pos, h.neg[r] / neg})
	}
	return c
}

// measureReference simulates the hypotheses of the table: a node that asks for a file, and one whose peer does. As the
// table supposes, what is relayed arrives with HTL still at the top.
func (l *lab) measureReference() error {
	rng := l.cfg.source(l.topology, forReference)
	for _, s := range settings {
		if l.stopped() {
			return ErrStopped
		}
		g := mixedGraph(s, rng)
		f := newFreenet(g, rng)
		seed := rng.Uint64()
		even := splitter{g, func(_, a int, t keys.Location) int { return int(mix(seed, uint64(a), uint64(t)) % uint64(g.degree(a))) }}
		greedy := splitter{g, func(from, a int, t keys.Location) int {
			f.walks++
			f.seen[a] = f.walks
			if from >= 0 {
				f.seen[from] = f.walks
			}
			return f.next(a, t)
		}}
		out := make([]histograms, len(referenceSizes))
		for i, n := range referenceSizes {
			out[i] = histograms{s, n, newHistogram(n), newHistogram(n)}
		}
		for _, a := range observed(g, s, rng) {
			d := relayedFor(g, a, s.h, rng)
			file := places(referenceSizes[len(referenceSizes)-1], rng)
			if d < 0 {
				continue
			}
			even.observe(a, d, file, func(i int) *histogram { return &out[i].even })
			greedy.observe(a, d, file, func(i int) *histogram { return &out[i].greedy })
		}
		l.out.reference = append(l.out.reference, out...)
	}
	return nil
}

func newHistogram(n int) histogram { return histogram{make([]float64, n+1), make([]float64, n+1)} }

// mixedGraph links nodes at random of which half have one degree and half the other.
func mixedGraph(s setting, rng *rand.Rand) *graph {
	at := make([]keys.Location, referenceNodes)
	want := make([]int, referenceNodes)
	for i := range at {
		at[i] = keys.Location(rng.Uint64())
		want[i] = s.g
		if i%2 == 1 {
			want[i] = s.h
		}
	}
	b := newBuilder(at)
	for x, n := range want {
		for tries := 0; len(b.g.peers[x]) < n && tries < 100*n; tries++ {
			if y := rng.IntN(referenceNodes); len(b.g.peers[y]) < want[y] {
				b.link(x, y)
			}
		}
	}
	return b.done()
}

// observed lists nodes of the degree in question.
func observed(g *graph, s setting, rng *rand.Rand) (out []int) {
	for _, a := range rng.Perm(g.nodes()) {
		if g.degree(a) == s.g && len(out) < observedNodes {
			out = append(out, a)
		}
	}
	return out
}

// relayedFor is a peer of a that has degree h; -1 if none has.
func relayedFor(g *graph, a, h int, rng *rand.Rand) int {
	for _, i := range rng.Perm(g.degree(a)) {
		if p := int(g.peers[a][i]); g.degree(p) == h {
			return p
		}
	}
	return -1
}

// splitter counts what the peers of a node see.
type splitter struct {
	g    *graph
	next router
}

// observe has a ask for files, and its peer d ask for others, and counts what each peer of a sees. A long list of keys makes one large
// file, or many small ones.
func (s splitter) observe(a, d int, file []keys.Location, into func(size int) *histogram) {
	asks := s.firstHops(file, func(t keys.Location) int { return s.next(-1, a, t) })
	via := s.g.index(d, a)
	relays := s.firstHops(file, func(t keys.Location) int {
		if s.next(-1, d, t) != via {
			return -1
		}
		return s.next(d, a, t)
	})
	for i, n := range referenceSizes {
		for at := 0; at+n <= len(file); at += n {
			h := into(i)
			tallyHops(asks[at:at+n], s.g.degree(a), h.pos)
			tallyHops(relays[at:at+n], s.g.degree(a), h.neg)
		}
	}
}

func (s splitter) firstHops(file []keys.Location, to func(keys.Location) int) []int {
	out := make([]int, len(file))
	for k, t := range file {
		out[k] = to(t)
	}
	return out
}

// tallyHops counts how many peers were sent how many keys.
func tallyHops(hops []int, peers int, into []float64) {
	r := make([]int, peers)
	for _, i := range hops {
		if i >= 0 {
			r[i]++
		}
	}
	for _, n := range r {
		into[n]++
	}
}

// mix makes one number of three that looks like none of them.
func mix(a, b, c uint64) uint64 {
	x := a ^ b*0x9e3779b97f4a7c15 ^ c
	for range 2 {
		x ^= x >> 32
		x *= 0xd6e8feb86659fd93
	}
	return x ^ x>>32
}
