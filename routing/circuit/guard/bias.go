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
)

// Result says how building a circuit over a path went: how many of its hops answered, and whether all did.
func (s *Selector) Result(now time.Time, p Path, reached int, ok bool) {
	for i, d := range p.Hops {
		switch {
		case ok || i < reached:
			delete(s.down, d.ID)
		case i == reached:
			s.fail(d.ID, now)
		}
	}
	g := s.guard(p.Hops[0].ID)
	if g == nil || reached == 0 && !ok {
		return // a guard that does not answer is down; that says nothing about what it lets through
	}
	g.Builds++
	if ok {
		g.Built++
		if !g.Confirmed {
			g.Confirmed = true
			g.Until = now.Add(guardLife + time.Duration(s.rng.Int64N(int64(guardLife))))
		}
	}
	if g.Builds > decayBuilds {
		g.Builds, g.Built = g.Builds/2, g.Built/2
	}
	if g.biased(retireBelow) && now.Sub(s.state.Retired) >= retireEvery {
		s.state.Retired = now
		s.state.Sample = slices.DeleteFunc(s.state.Sample, func(x Guard) bool { return x.ID == g.ID })
		s.maintain(now)
	}
}

// biased reports whether less than so many per cent of the circuits through the guard stood.
func (g *Guard) biased(percent int) bool {
	return g.Builds >= biasBuilds && g.Built*100 < g.Builds*percent
}
