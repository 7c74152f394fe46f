package anonymity

import (
	"cmp"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"nightjar/keys"
	"nightjar/testnet/sim"
)

// ErrStopped reports a measurement that its caller has stopped.
var ErrStopped = errors.New("anonymity: stopped")

// Watch is how a caller follows a measurement and ends it. A field that is nil is not called.
type Watch struct {
	Stop func() bool       // asked after every event
	Note func(what string) // told what comes next
}

// Sample is what was measured on one topology.
type Sample struct {
	cells     map[cellKey]part
	costs     map[costKey]cost
	rounds    map[roundKey]identified
	reference []histograms
	degree    float64
}

// cellKey names a cell: a design, the size of the file, and an index in Config.Parts.
type cellKey struct {
	design design
	blocks int
	part   int
}

// costKey names a cost: a design and a size.
type costKey struct {
	design design
	blocks int
}

// cost is what downloads took.
type cost struct {
	bytes    float64 // on links, per block
	routed   float64 // of which key routing
	found    tallyOf // blocks
	first    float64 // seconds until the first block, on average
	whole    float64 // seconds until the last
	launches float64 // nodes that launched, on average
}

// roundKey names E5's figures: with guards or without, and an index in Config.Parts.
type roundKey struct {
	design design
	part   int
}

// lab is one topology, and what is measured on it.
type lab struct {
	cfg      Config
	topology int
	watch    Watch
	g        *graph
	net      *network
	freenet  *freenet
	shares   [2]*shares // of Freenet's routing, and of Nightjar's
	groups   [2]map[int][]*coalition
	alone    [2]map[int]*coalition
	cells    map[cellKey]*cell
	out      *Sample
	guesses  *rand.Rand
}

// Shares of which routing.
const (
	ofFreenet = iota
	ofNightjar
)

func (d design) routing() int {
	if d <= Stem {
		return ofFreenet
	}
	return ofNightjar
}

// Measure measures on one topology. The error is ErrStopped.
func Measure(cfg Config, topology int, watch Watch) (*Sample, error) {
	l := newLab(cfg.WithDefaults(), topology, watch)
	steps := []struct {
		what string
		run  func() error
	}{
		{"the table of the counting attack", l.measureReference},
		{"baselines", l.measureWalks},
		{"Nightjar without circuits", l.measureDirect},
		{"Nightjar", l.measureDesign},
		{"rebuilding", l.measureRounds},
	}
	for _, s := range steps {
		if watch.Note != nil {
			watch.Note(fmt.Sprintf("network %d of %d: %s", topology+1, l.cfg.Topologies, s.what))
		}
		if err := s.run(); err != nil {
			return nil, err
		}
	}
	for k, x := range l.cells {
		l.out.cells[k] = x.sum()
	}
	return l.out, nil
}

func newLab(cfg Config, topology int, watch Watch) *lab {
	l := &lab{
		cfg: cfg, topology: topology, watch: watch, cells: make(map[cellKey]*cell), guesses: cfg.source(topology, forGuesses),
		out: &Sample{cells: make(map[cellKey]part), costs: make(map[costKey]cost), rounds: make(map[roundKey]identified)},
	}
	l.net = newNetwork(l.netConfig(), l.stopped, func(at []keys.Location) *graph { return newGraph(at, cfg.source(topology, forGraph)) })
	l.g = l.net.g
	l.out.degree = float64(l.g.edges()) / float64(cfg.Nodes)
	l.freenet = newFreenet(l.g, cfg.source(topology, forFreenet))
	rng := cfg.source(topology, forShares)
	l.shares[ofFreenet] = newShares(l.g, l.freenet.router, rng)
	l.shares[ofNightjar] = newShares(l.g, l.g.router, rng)
	l.formCoalitions()
	return l
}

func (l *lab) netConfig() sim.NetConfig {
	return sim.NetConfig{Seed: l.cfg.Seed*1_000_003 + uint64(l.topology), Nodes: l.cfg.Nodes}
}

// spare is how many coalitions are formed for each that looks at a download: those with the originator in them do not.
const spare = 2

// formCoalitions draws who colludes. Every design meets the same coalitions.
func (l *lab) formCoalitions() {
	rng := l.cfg.source(l.topology, forCoalitions)
	for i := range l.groups {
		l.groups[i], l.alone[i] = make(map[int][]*coalition), make(map[int]*coalition)
	}
	for p, part := range l.cfg.Parts {
		if part == 0 {
			continue
		}
		for range spare * l.cfg.Coalitions {
			members := rng.Perm(l.cfg.Nodes)[:l.members(part)]
			for i, s := range l.shares {
				l.groups[i][p] = append(l.groups[i][p], newCoalition(s, members))
			}
		}
	}
}

// coalitions lists who looks at a download of an origin.
func (l *lab) coalitions(part, routing, origin int) (out []*coalition) {
	if l.cfg.Parts[part] == 0 {
		// Every peer in turn: originators and others are then met by observers equally often for their degrees.
		for _, p := range l.g.peers[origin] {
			c := l.alone[routing][int(p)]
			if c == nil {
				c = newCoalition(l.shares[routing], []int{int(p)})
				c.only = true
				l.alone[routing][int(p)] = c
			}
			out = append(out, c)
		}
		return out
	}
	for _, c := range l.groups[routing][part] {
		if !c.bad[origin] && len(out) < l.cfg.Coalitions {
			out = append(out, c)
		}
	}
	return out
}

// judge has all coalitions look at a download, as one of each of the given sizes.
func (l *lab) judge(d design, rec *record, sizes []int) {
	for _, blocks := range sizes {
		r := rec.first(blocks)
		v := &view{rec: r, counts: r.count(l.g, d.leastHTL()), shares: l.shares[d.routing()], design: d}
		for p := range l.cfg.Parts {
			k := cellKey{d, blocks, p}
			x := l.cells[k]
			if x == nil {
				x = &cell{}
				l.cells[k] = x
			}
			for _, c := range l.coalitions(p, d.routing(), rec.origin) {
				x.judge(v, c, l.guesses)
			}
		}
	}
}

// origins chooses who downloads: nodes of all degrees, as many of each as there are, so that what a node's degree does to its scores
// is not left to chance.
func (l *lab) origins(n int) []int {
	rng := l.cfg.source(l.topology, forPlaces)
	all := rng.Perm(l.cfg.Nodes)
	slices.SortStableFunc(all, func(a, b int) int { return cmp.Compare(l.g.degree(a), l.g.degree(b)) })
	start := rng.Float64()
	out := make([]int, n)
	for i := range out {
		out[i] = all[int((float64(i)+start)*float64(l.cfg.Nodes)/float64(n))]
	}
	rng.Shuffle(n, func(i, j int) { out[i], out[j] = out[j], out[i] })
	return out
}

func (l *lab) stopped() bool { return l.watch.Stop != nil && l.watch.Stop() }

// apart lists sizes each by itself. Through circuits the first part of a large file is not downloaded like a small file: a launch
// node deals what it launches out evenly over its peers, which makes a small file's few blocks there go to different ones.
func (l *lab) apart() (groups [][]int) {
	for _, b := range slices.Sorted(slices.Values(l.cfg.Blocks)) {
		groups = append(groups, []int{b})
	}
	return groups
}

// measureWalks measures the baselines that are ways through the graph.
func (l *lab) measureWalks() error {
	rng := l.cfg.source(l.topology, forPlaces)
	most := slices.Max(l.cfg.Blocks)
	u := newUnguarded(l.g, rng)
	for _, origin := range l.origins(l.cfg.Downloads) {
		if l.stopped() {
			return ErrStopped
		}
		file := places(most, rng)
		r := l.freenet.download(origin, file)
		l.judge(Freenet, r, l.cfg.Blocks)
		l.judge(Guess, r, l.cfg.Blocks)
		l.judge(Stem, l.freenet.stem(origin, file), l.cfg.Blocks)
		for _, sizes := range l.apart() {
			l.judge(Unguarded, u.download(origin, file[:slices.Max(sizes)]), sizes)
		}
	}
	return nil
}

// measureDirect measures the machines without circuits: the same estimators on the same rig, and what circuits cost beside it.
func (l *lab) measureDirect() error {
	cfg := l.netConfig()
	cfg.Direct = true
	w := newNetwork(cfg, l.stopped, func([]keys.Location) *graph { return l.g })
	return l.fetchAll(w, Direct, [][]int{l.cfg.Blocks})
}

func (l *lab) measureDesign() error { return l.fetchAll(l.net, Nightjar, l.apart()) }

// fetchAll has originators download in a network of machines, some at a time.
func (l *lab) fetchAll(w *network, d design, groups [][]int) error {
	n := l.cfg.Downloads
	if d == Direct {
		n = (n + 1) / 2 // it is there to be compared with
	}
	for _, sizes := range groups {
		most := slices.Max(sizes)
		r0, o0 := w.net.Bytes()
		var c cost
		for some := range slices.Chunk(l.origins(n), l.cfg.Load) {
			if l.stopped() {
				return ErrStopped
			}
			records := w.download(some, most)
			if l.stopped() {
				return ErrStopped
			}
			for _, rec := range records {
				c.add(rec)
				l.judge(d, rec, sizes)
			}
		}
		r1, o1 := w.net.Bytes()
		c.routed = float64(r1-r0) / c.found.all
		c.bytes = c.routed + float64(o1-o0)/c.found.all
		c.first, c.whole, c.launches = c.first/float64(n), c.whole/float64(n), c.launches/float64(n)
		l.out.costs[costKey{d, most}] = c
	}
	return nil
}

func (c *cost) add(r *record) {
	c.found.all += float64(len(r.places))
	c.found.so += float64(r.found)
	c.first += float64(r.firstKey) / float64(time.Second)
	c.whole += float64(r.whole) / float64(time.Second)
	exits := make(map[int32]bool)
	for _, x := range r.launches {
		exits[x.node] = true
	}
	c.launches += float64(len(exits))
}

func (l *lab) measureRounds() error {
	for p, part := range l.cfg.Parts {
		if part == 0 {
			continue
		}
		if l.stopped() {
			return ErrStopped
		}
		l.out.rounds[roundKey{Unguarded, p}] = l.rounds(nil, part)
		l.out.rounds[roundKey{Nightjar, p}] = l.rounds(l.net, part)
	}
	return nil
}
