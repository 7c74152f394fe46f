package anonymity

import (
	"cmp"
	"math"
	"math/rand/v2"
	"slices"

	"nightjar/keys"
	"nightjar/routing"
)

// Degrees of nodes: 5 to 65, 20 on average.
const (
	leastDegree = 5
	mostDegree  = 65
	degreeScale = 16.7 // of the exponential that is cut off at both ends
	ringSide    = 2    // neighbours on the ring, each side
)

// graph is who is linked with whom, and where everybody is.
type graph struct {
	at    []keys.Location
	peers [][]int32
	back  [][]int32         // back[a][i] is the index of a among the peers of peers[a][i]
	from  []int             // from[a] is the number of a's first outgoing link; one more than nodes
	reach [][]keys.Location // what is one hop beyond each node, it included, in order
	ring  []int32           // nodes in the order of their places
}

func (g *graph) nodes() int        { return len(g.at) }
func (g *graph) degree(a int) int  { return len(g.peers[a]) }
func (g *graph) edge(a, i int) int { return g.from[a] + i }
func (g *graph) edges() int        { return g.from[len(g.at)] }

// index is where b stands among the peers of a; -1 if nowhere.
func (g *graph) index(a, b int) int { return slices.Index(g.peers[a], int32(b)) }

// newGraph links nodes at given places: ring neighbours, and long links of which the lengths follow 1/d.
func newGraph(at []keys.Location, rng *rand.Rand) *graph {
	b := newBuilder(at)
	n := len(at)
	for i := range n {
		for side := 1; side <= ringSide; side++ {
			b.link(int(b.g.ring[i]), int(b.g.ring[(i+side)%n]))
		}
	}
	want := make([]int, n)
	for i := range want {
		want[i] = drawDegree(rng, n)
	}
	b.fill(want, rng)
	return b.done()
}

// drawDegree draws from the exponential distribution between the least and the most degree.
func drawDegree(rng *rand.Rand, n int) int {
	most := min(mostDegree, n/3)
	span := float64(most - leastDegree)
	x := -degreeScale * math.Log(1-rng.Float64()*(1-math.Exp(-span/degreeScale)))
	return leastDegree + int(math.Round(x))
}

// builder links nodes.
type builder struct {
	g      *graph
	linked []map[int32]bool
}

func newBuilder(at []keys.Location) *builder {
	b := &builder{g: &graph{at: at, peers: make([][]int32, len(at))}, linked: make([]map[int32]bool, len(at))}
	for i := range at {
		b.linked[i] = make(map[int32]bool)
		b.g.ring = append(b.g.ring, int32(i))
	}
	slices.SortFunc(b.g.ring, func(x, y int32) int { return cmp.Compare(at[x], at[y]) })
	return b
}

func (b *builder) link(x, y int) bool {
	if x == y || b.linked[x][int32(y)] {
		return false
	}
	b.linked[x][int32(y)], b.linked[y][int32(x)] = true, true
	b.g.peers[x] = append(b.g.peers[x], int32(y))
	b.g.peers[y] = append(b.g.peers[y], int32(x))
	return true
}

// fill adds long links until nodes have the degree that they want, as far as that goes.
func (b *builder) fill(want []int, rng *rand.Rand) {
	n := len(want)
	open := func(x int) bool { return len(b.g.peers[x]) < want[x] }
	for round := 0; round < 4; round++ {
		for _, x := range rng.Perm(n) {
			for tries := 0; open(x) && tries < 8*want[x]; tries++ {
				target := routing.LongLink(b.g.at[x], float64(n), rng)
				if y := b.around(target, func(y int) bool { return open(y) && y != x && !b.linked[x][int32(y)] }); y >= 0 {
					b.link(x, y)
				}
			}
		}
	}
}

// around finds the node closest to a place among the nearest that fit; -1 if none of them does.
func (b *builder) around(target keys.Location, fits func(int) bool) int {
	n := len(b.g.ring)
	i, _ := slices.BinarySearchFunc(b.g.ring, target, func(x int32, t keys.Location) int { return cmp.Compare(b.g.at[x], t) })
	best := -1
	for off := -8; off < 8; off++ {
		y := int(b.g.ring[((i+off)%n+n)%n])
		if fits(y) && (best < 0 || b.g.at[y].Distance(target) < b.g.at[best].Distance(target)) {
			best = y
		}
	}
	return best
}

// done numbers the links and looks beyond them.
func (b *builder) done() *graph {
	g := b.g
	for a, peers := range g.peers {
		slices.Sort(peers)
		g.from = append(g.from, 0)
		if a > 0 {
			g.from[a] = g.from[a-1] + len(g.peers[a-1])
		}
	}
	last := len(g.at) - 1
	g.from = append(g.from, g.from[last]+len(g.peers[last]))
	for a, peers := range g.peers {
		back := make([]int32, len(peers))
		reach := []keys.Location{g.at[a]}
		for i, p := range peers {
			back[i] = int32(g.index(int(p), a))
			reach = append(reach, g.at[p])
		}
		slices.Sort(reach)
		g.back, g.reach = append(g.back, back), append(g.reach, reach)
	}
	return g
}

// holders are the three nodes closest to a place: who keeps a block that belongs there.
func (g *graph) holders(target keys.Location) [3]int {
	n := len(g.ring)
	i, _ := slices.BinarySearchFunc(g.ring, target, func(x int32, t keys.Location) int { return cmp.Compare(g.at[x], t) })
	var near []int
	for off := -3; off < 3; off++ {
		near = append(near, int(g.ring[((i+off)%n+n)%n]))
	}
	slices.SortFunc(near, func(x, y int) int { return cmp.Compare(g.at[x].Distance(target), g.at[y].Distance(target)) })
	return [3]int(near)
}

// beyond is how close to a place one gets in one hop from a, or at a; the place of skip does not count.
func (g *graph) beyond(a int, target, skip keys.Location) uint64 {
	reach := g.reach[a]
	n := len(reach)
	i, _ := slices.BinarySearch(reach, target)
	best := uint64(math.MaxUint64)
	for off, step := i, 0; step < 2; off, step = off+1, step+1 { // upwards: the first that is not skip
		if l := reach[off%n]; l != skip {
			best = l.Distance(target)
			break
		}
	}
	for off, step := i-1, 0; step < 2; off, step = off-1, step+1 { // downwards
		if l := reach[((off%n)+n)%n]; l != skip {
			best = min(best, l.Distance(target))
			break
		}
	}
	return best
}
