package guard

import (
	"slices"
	"time"
)

// The numbers of SPEC §5.
const (
	biasBuilds  = 50  // builds before a guard is judged
	decayBuilds = 300 // past these, old ones count half
	warnBelow   = 70  // per cent of builds
	retireBelow = 50
	retireEvery = 7 * day
	// barredFor is how long a retired guard may not be drawn again, maxBarred how many are remembered.
	barredFor = 180 * day
	maxBarred = 32
)

// Result says how building a circuit over a path went: how many of its hops answered, and whether all did. A circuit that was
// built and then proved useless may be told of once more, with all hops reached and not ok.
func (s *Selector) Result(now time.Time, p Path, reached int, ok bool) {
	from := s.self
	for i, d := range p.Hops {
		switch {
		case ok || i < reached:
			s.worked(from, d.ID)
		case i == reached:
			s.failed(now, from, d.ID)
		}
		from = d.ID
	}
	g := s.guard(p.Hops[0].ID)
	if g == nil || reached <= 0 && !ok {
		return // a guard that does not answer is down; that says nothing about what it lets through
	}
	g.Builds++
	if ok {
		g.Built++
		if !g.Confirmed {
			g.Confirmed = true
			g.Until = now.Add(guardLife + time.Duration(s.rng.Int64N(int64(guardLife)+1)))
		}
	}
	if g.Builds > decayBuilds {
		g.Builds, g.Built = g.Builds/2, g.Built/2
	}
	s.judge(now, g)
}

// judge takes a guard its place through which too few circuits stand.
func (s *Selector) judge(now time.Time, g *Guard) {
	if !g.biased(retireBelow) || now.Sub(s.state.Retired) < retireEvery || s.commonplace(g) {
		return
	}
	id := g.ID
	s.state.Retired = now
	s.state.Barred = append(s.state.Barred, Barred{ID: id, Until: now.Add(barredFor)})
	s.state.Barred = slices.Delete(s.state.Barred, 0, max(0, len(s.state.Barred)-maxBarred))
	s.state.Sample = slices.DeleteFunc(s.state.Sample, func(x Guard) bool { return x.ID == id })
	s.maintain(now)
}

// biased reports whether less than so many per cent of the circuits through the guard stood.
func (g *Guard) biased(percent int) bool {
	return g.Builds >= biasBuilds && g.Built*100 < g.Builds*percent
}

// commonplace reports whether another guard does about as badly (the rate is at least 3/4 of the best one's): then it is the network,
// or who comes after the guards, and another guard would not help.
func (s *Selector) commonplace(g *Guard) bool {
	judged, better := false, false
	for i := range s.state.Sample {
		o := &s.state.Sample[i]
		if o.ID == g.ID || o.Builds < biasBuilds {
			continue
		}
		judged = true
		better = better || 4*g.Built*o.Builds < 3*o.Built*g.Builds
	}
	return judged && !better
}
