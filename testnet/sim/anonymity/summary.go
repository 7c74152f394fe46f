package anonymity

import (
	"math"
	"slices"
)

// Summarise puts the samples of all topologies together.
func Summarise(cfg Config, samples []*Sample) *Result {
	s := summary{cfg.WithDefaults(), samples}
	r := &Result{Config: s.cfg, Degree: s.over(func(x *Sample) float64 { return x.degree }), Reference: s.reference()}
	for d := range designs {
		for _, blocks := range s.cfg.Blocks {
			for p := range s.cfg.Parts {
				r.Rows = append(r.Rows, s.row(cellKey{d, blocks, p}))
			}
		}
	}
	r.Rounds, r.Costs = s.rounds(), s.costs()
	r.Checks = r.check()
	return r
}

// summary makes estimates of samples.
type summary struct {
	cfg     Config
	samples []*Sample
}

func (s summary) over(value func(*Sample) float64) Estimate {
	all := make([]float64, len(s.samples))
	for i, x := range s.samples {
		all[i] = value(x)
	}
	return estimate(all)
}

func (s summary) row(k cellKey) Row {
	over := func(f func(p *part) float64) Estimate {
		return s.over(func(x *Sample) float64 { p := x.cells[k]; return f(&p) })
	}
	attack := func(e int) Attack {
		return Attack{
			AUC:        over(func(p *part) float64 { return p.aucAll[e] }),
			Handled:    over(func(p *part) float64 { return p.auc[e] }),
			TPR:        over(func(p *part) float64 { return p.tpr[e] }),
			LaunchAUC:  over(func(p *part) float64 { return p.exitAUC[e] }),
			LaunchFlag: over(func(p *part) float64 { return p.exits[e] }),
		}
	}
	byModel := func(role int) Estimate { return over(func(p *part) float64 { return p.byModel[role] }) }
	r := Row{
		Design: k.design.String(), Blocks: k.blocks, Part: s.cfg.Parts[k.part], E1: attack(byE1), E2: attack(byE2),
		Right: over(func(p *part) float64 { return p.right }), Spy: over(func(p *part) float64 { return p.spies }),
		Model: ByModel{byModel(isOrigin), byModel(isExit), byModel(isOther)}, Degree: s.belief(k),
	}
	if k.design == Unguarded || k.design == Nightjar {
		e6 := func(i int) Estimate { return over(func(p *part) float64 { return p.e6[i] }) }
		r.E6 = &Collusion{e6(0), e6(1), e6(2)}
	}
	for _, x := range s.samples {
		p := x.cells[k]
		r.Positives += p.positives
		r.Negatives += p.negatives
	}
	return r
}

func (s summary) belief(k cellKey) Belief {
	var all []float64
	bins := [len(binEnds)]bin{}
	for _, x := range s.samples {
		p := x.cells[k]
		all = append(all, p.degrees...)
		for i, b := range p.bins {
			bins[i].count += b.count
			bins[i].claimed += b.claimed
			bins[i].right += b.right
		}
	}
	slices.Sort(all)
	out := Belief{
		Mean:  s.over(func(x *Sample) float64 { return mean(x.cells[k].degrees) }),
		Brier: s.over(func(x *Sample) float64 { return x.cells[k].brier }), Low: num(math.NaN()),
	}
	if len(all) > 0 {
		out.Low = num(all[len(all)/20])
	}
	for i, b := range bins {
		out.Reliable = append(out.Reliable, Reliability{min(binEnds[i], 1), b.count, num(b.claimed / b.count), num(b.right / b.count)})
	}
	return out
}

func mean(v []float64) float64 {
	sum := 0.0
	for _, x := range v {
		sum += x
	}
	return sum / float64(len(v))
}

// reference pools what was counted, and draws topologies for the intervals.
func (s summary) reference() (out []Reference) {
	for i, first := range s.samples[0].reference {
		rates := func(of func(*histograms) histogram) Rates {
			pooled := func(drawn []int) curve {
				sum := newHistogram(first.blocks)
				for _, d := range drawn {
					sum.add(of(&s.samples[d].reference[i]))
				}
				return sum.curve()
			}
			return Rates{
				bootstrap(len(s.samples), func(drawn []int) float64 { return pooled(drawn).auc() }),
				bootstrap(len(s.samples), func(drawn []int) float64 { return pooled(drawn).tpr(lowFPR) }),
			}
		}
		g, h := first.setting.g, first.setting.h
		exact := exactCurve(first.blocks, 1/float64(g), 1/float64(g*h))
		out = append(out, Reference{
			G: g, H: h, Blocks: first.blocks, Exact: Exactly{exact.auc(), exact.tpr(lowFPR)},
			Even:   rates(func(h *histograms) histogram { return h.even }),
			Routed: rates(func(h *histograms) histogram { return h.greedy }),
		})
	}
	return out
}

func (h histogram) add(o histogram) {
	for r := range h.pos {
		h.pos[r] += o.pos[r]
		h.neg[r] += o.neg[r]
	}
}

func (s summary) rounds() (out []Rounds) {
	for _, d := range []design{Unguarded, Nightjar} {
		for p, part := range s.cfg.Parts {
			if part == 0 {
				continue
			}
			r := Rounds{Design: d.String(), Part: part}
			for i, n := range roundMarks {
				if n > s.cfg.Rounds {
					break
				}
				e := s.over(func(x *Sample) float64 { return x.rounds[roundKey{d, p}][i].rate() })
				r.Rounds, r.Right = append(r.Rounds, n), append(r.Right, e)
				if r.Half == 0 && e.Mean >= 0.5 {
					r.Half = n
				}
				if r.Most == 0 && e.Mean >= 0.9 {
					r.Most = n
				}
			}
			out = append(out, r)
		}
	}
	return out
}

func (s summary) costs() (out []Cost) {
	largest := slices.Max(s.cfg.Blocks)
	var keys []costKey
	for k := range s.samples[0].costs {
		keys = append(keys, k)
	}
	slices.SortFunc(keys, func(a, b costKey) int { return (int(a.design)-int(b.design))*10000 + a.blocks - b.blocks })
	for _, k := range keys {
		over := func(f func(c cost) float64) Estimate {
			return s.over(func(x *Sample) float64 { return f(x.costs[k]) })
		}
		out = append(out, Cost{
			Design: k.design.String(), Blocks: k.blocks, Bytes: over(func(c cost) float64 { return c.bytes }),
			Routed: over(func(c cost) float64 { return c.routed }), Found: over(func(c cost) float64 { return c.found.rate() }),
			Ratio: s.over(func(x *Sample) float64 { return x.costs[k].bytes / x.costs[costKey{Direct, largest}].bytes }),
			First: over(func(c cost) float64 { return c.first }), Whole: over(func(c cost) float64 { return c.whole }),
			Launches: over(func(c cost) float64 { return c.launches }),
		})
	}
	return out
}
