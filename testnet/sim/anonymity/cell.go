package anonymity

import (
	"math"
	"math/rand/v2"
)

// Estimators that give scores.
const (
	byE1 = iota
	byE2
	estimators
)

// binEnds are the upper ends of the bins in which a coalition's certainty is compared with how often it is right.
var binEnds = [...]float64{0.2, 0.5, 0.8, 0.98, 1.01}

// bin is beliefs of about one certainty.
type bin struct{ count, claimed, right float64 }

// cell collects what one coalition after the other makes of downloads of one size with one design, on one topology.
type cell struct {
	marks   [estimators]marks
	byModel [roles]tallyOf // flagged by the attack's own threshold, of those with a colluding peer
	trials  float64
	right   float64
	spies   float64
	e6      [3]float64
	degrees []float64
	brier   float64
	bins    [len(binEnds)]bin
}

// marks is what one estimator's scores come to. Areas are taken within what one coalition could accuse of one download, and averaged:
// pooled, observers with many peers would count more among the others than among the originators.
type marks struct {
	all, handled area      // originators against all others; those through whom a key of the file went, on both sides
	exits        area      // launch nodes against all others
	origins      []float64 // scores
	others       []float64 // of those through whom a key went
	launched     []float64 // of launch nodes
}

// area is a mean of areas under ROC curves of one positive each.
type area struct{ sum, sets float64 }

// add takes in how a score stands among others; equal ones count half.
func (a *area) add(score float64, others []float64) {
	if len(others) == 0 {
		return
	}
	above := 0.0
	for _, o := range others {
		switch {
		case score > o:
			above++
		case score == o:
			above += 0.5
		}
	}
	a.sum += above / float64(len(others))
	a.sets++
}

func (a area) mean() float64 { return a.sum / a.sets }

// What a node is to a download.
const (
	isOrigin = iota
	isExit   // it launched
	isOther  // a key went through it
	roles
)

// tallyOf counts how many of all are so.
type tallyOf struct{ so, all float64 }

func (t tallyOf) rate() float64 { return t.so / t.all }

// view is one download of one size, ready to be judged.
type view struct {
	rec    *record
	counts *counts
	shares *shares
	design design
	scores [estimators][]float64
}

// judge lets a coalition look at a download.
func (x *cell) judge(v *view, c *coalition, rng *rand.Rand) {
	v.score(c, rng)
	x.trials++
	x.candidates(v, c)
	spy := v.rec.firstSpy(c.bad)
	if v.design == Guess {
		spy = rng.IntN(v.shares.g.nodes())
	}
	if spy == v.rec.origin {
		x.spies++
	}
	var b belief
	if v.rec.hidden() {
		col := v.rec.collude(c.bad)
		for i, is := range [3]bool{col.strict, col.oracle, col.guard} {
			if is {
				x.e6[i]++
			}
		}
		b = v.rec.suspects(v.shares.g, c, col.oracle, v.design == Nightjar)
	} else {
		b = believe(v.scores[byE2], c, v.rec.origin)
	}
	x.degrees = append(x.degrees, b.degree)
	x.right += b.right
	x.brier += b.brier
	for i, end := range binEnds {
		if b.top < end {
			x.bins[i].count++
			x.bins[i].claimed += b.top
			x.bins[i].right += b.right
			break
		}
	}
}

// score gives every honest node its scores. Nothing was seen of a node without colluding peers: its likelihood ratio is 1.
func (v *view) score(c *coalition, rng *rand.Rand) {
	for e := range v.scores {
		if v.scores[e] == nil {
			v.scores[e] = make([]float64, v.shares.g.nodes())
		}
		clear(v.scores[e])
	}
	for i := range c.watched {
		w := &c.watched[i]
		v.scores[byE1][w.node] = v.shares.e1(w, v.counts)
		v.scores[byE2][w.node] = v.shares.e2(w, v.counts)
	}
	if v.design != Guess {
		return
	}
	for a := range v.scores[byE1] {
		v.scores[byE1][a] = rng.Float64() / 1000 // about as likely as each other
		v.scores[byE2][a] = v.scores[byE1][a]
	}
}

// candidates marks the scores of all who could be accused. Launch nodes are counted apart.
func (x *cell) candidates(v *view, c *coalition) {
	var others, handled, exits []int
	class := func(a int) {
		switch {
		case a == v.rec.origin:
		case v.counts.exits[a]:
			exits = append(exits, a)
		default:
			others = append(others, a)
			if v.counts.handled[a] > 0 {
				handled = append(handled, a)
			}
		}
	}
	for i := range c.watched {
		if c.only {
			class(c.watched[i].node)
		}
		x.testByModel(v, &c.watched[i])
	}
	for a, bad := range c.bad {
		if !c.only && !bad {
			class(a)
		}
	}
	for e := range v.scores {
		of := func(nodes []int) []float64 {
			out := make([]float64, len(nodes))
			for i, a := range nodes {
				out[i] = v.scores[e][a]
			}
			return out
		}
		x.marks[e].take(v.scores[e][v.rec.origin], v.counts.handled[v.rec.origin] > 0, [3][]float64{of(others), of(handled), of(exits)})
	}
}

// take takes in the scores of one download's candidates: others, of these those through whom a key went, and launch nodes.
func (m *marks) take(origin float64, through bool, of [3][]float64) {
	m.all.add(origin, of[0])
	if through {
		m.handled.add(origin, of[1])
	}
	for _, s := range of[2] {
		m.exits.add(s, of[0])
	}
	m.origins = append(m.origins, origin)
	m.others = append(m.others, of[1]...)
	m.launched = append(m.launched, of[2]...)
}

func (x *cell) testByModel(v *view, w *watch) {
	role := isOther
	switch {
	case w.node == v.rec.origin:
		role = isOrigin
	case v.counts.exits[w.node]:
		role = isExit
	case v.counts.handled[w.node] == 0:
		return
	}
	x.byModel[role].all++
	if v.significant(w) {
		x.byModel[role].so++
	}
}

// significant reports whether a colluding peer has seen so much of a node that the attack's own model calls it significant.
func (v *view) significant(w *watch) bool {
	g := v.shares.g
	least := modelCut(v.counts.keys, g.degree(w.node), lowFPR)
	for _, i := range w.peers {
		if int(v.counts.link[g.edge(w.node, i)]) >= least {
			return true
		}
	}
	return false
}

// part is what a cell comes to on one topology.
type part struct {
	auc, aucAll, tpr     [estimators]float64
	exits, exitAUC       [estimators]float64 // launch nodes: flagged at the threshold of tpr, and told from others
	byModel              [roles]float64
	right, spies         float64
	e6                   [3]float64
	brier                float64
	degrees              []float64
	bins                 [len(binEnds)]bin
	positives, negatives int
}

func (x *cell) sum() part {
	p := part{
		right: x.right / x.trials, spies: x.spies / x.trials, brier: x.brier / x.trials,
		degrees: x.degrees, bins: x.bins, positives: len(x.marks[byE1].origins), negatives: len(x.marks[byE1].others),
	}
	for i := range x.e6 {
		p.e6[i] = x.e6[i] / x.trials
	}
	for i := range x.byModel {
		p.byModel[i] = x.byModel[i].rate()
	}
	for e := range estimators {
		m := &x.marks[e]
		p.auc[e], p.aucAll[e], p.exitAUC[e] = m.handled.mean(), m.all.mean(), m.exits.mean()
		p.tpr[e], p.exits[e] = math.NaN(), math.NaN()
		if len(m.others) > 0 {
			t := newCurve(nil, m.others).at(lowFPR)
			p.tpr[e], p.exits[e] = t.rate(m.origins), t.rate(m.launched)
		}
	}
	return p
}
