package anonymity

import (
	"fmt"
	"testing"

	"nightjar/routing/circuit"
)

// leastOf draws so many times among the best peers, and takes what has got least; of draws = 1 that is what was drawn.
func leastOf(draws int, best func(closer int) int) func(u *unguarded, a int, closer []int) int {
	return func(u *unguarded, a int, closer []int) int {
		n := best(len(closer))
		i := closer[u.rng.IntN(n)]
		for range draws - 1 {
			if j := closer[u.rng.IntN(n)]; u.given[u.g.edge(a, j)] < u.given[u.g.edge(a, i)] {
				i = j
			}
		}
		return i
	}
}

func half(closer int) int  { return (closer + 1) / 2 }
func every(closer int) int { return closer }
func three(closer int) int { return min(closer, 3) }
func four(closer int) int  { return min(closer, 4) }

// firstHops are ways to choose the first peer of what is launched, and what they are called in docs/decisions/0009.
var firstHops = []struct {
	name string
	draw func(u *unguarded, a int, closer []int) int
}{
	{"closest", func(_ *unguarded, _ int, closer []int) int { return closer[0] }},
	{"one-of-three", leastOf(1, three)},
	{"one-of-all", leastOf(1, every)},
	{"least-of-16-of-four", leastOf(16, four)},
	{"one-of-half", leastOf(1, half)},
	{"least-of-2-of-half", leastOf(2, half)},
	{"least-of-16-of-half", leastOf(16, half)},
	{"least-of-16-of-all", leastOf(16, every)},
}

// BenchmarkFirstHop compares first hops from launch nodes, with the circuits of B4: what part of innocent launch nodes E1 flags, at
// the worst of all coalitions, and how many hops key routing takes. -benchtime 1x is one network, 6x are six.
func BenchmarkFirstHop(b *testing.B) {
	numbers := []struct {
		name string
		of   func(blocks int) int
	}{
		{"T/64-to-16", func(n int) int { return min(max((n+63)/64, 4), 16) }},
		{"T/2-to-16", circuit.Circuits},
	}
	for _, m := range numbers {
		for _, way := range firstHops {
			b.Run(m.name+"/"+way.name, func(b *testing.B) {
				flags, hops, keys := make(map[cellKey]float64), 0, 0
				for topology := range b.N {
					l := newLab(Config{Seed: 1}.WithDefaults(), topology, Watch{})
					u := newUnguarded(l.g, l.cfg.source(topology, forPlaces))
					u.circuits, u.draw = m.of, way.draw
					for _, origin := range l.origins(l.cfg.Downloads) {
						for _, blocks := range l.cfg.Blocks {
							r := u.download(origin, places(blocks, u.rng))
							hops, keys = hops+len(r.hops), keys+blocks
							l.judge(Unguarded, r, []int{blocks})
						}
					}
					for k, x := range l.cells {
						flags[k] += x.sum().exits[byE1] / float64(b.N)
					}
				}
				worst := make(map[int]float64)
				for k, f := range flags {
					worst[k.blocks] = max(worst[k.blocks], f)
				}
				for blocks, f := range worst {
					b.ReportMetric(f, fmt.Sprintf("flagged@%d", blocks))
				}
				b.ReportMetric(float64(hops)/float64(keys), "hops")
			})
		}
	}
}
