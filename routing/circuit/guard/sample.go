package guard

import (
	"slices"
	"time"

	"nightjar/routing/wire"
)

// keepSample lets guards go whose time is over or who have left the network, and draws new ones as far as the limits allow.
func (s *Selector) keepSample(now time.Time) {
	gone := s.scale(now, goneAfter, 4)
	for i := range s.state.Sample {
		g := &s.state.Sample[i]
		switch {
		case s.known[g.ID] != nil:
			g.Gone = time.Time{}
		case g.Gone.IsZero():
			g.Gone = now
		}
	}
	s.state.Sample = slices.DeleteFunc(s.state.Sample, func(g Guard) bool {
		return now.After(g.Until) || !g.Gone.IsZero() && now.Sub(g.Gone) > gone
	})
	for len(s.state.Sample) < s.sizes.sample && s.mayDraw(now) {
		r := s.pick(s.candidates(now, s.ages(now).Guard, s.sampledNear))
		if r == nil {
			return
		}
		if s.state.Drawn >= s.sizes.sample {
			s.state.Draws = append(s.state.Draws, now)
		}
		s.state.Drawn++
		s.state.Sample = append(s.state.Sample, Guard{ID: r.Desc.ID, Until: now.Add(2 * guardLife)})
	}
}

// mayDraw reports whether a guard may be drawn now: the first sample is free, every other draw is a chance for an adversary.
func (s *Selector) mayDraw(now time.Time) bool {
	if s.state.Drawn < s.sizes.sample {
		return true
	}
	window, every := s.scale(now, drawWindow, 1), s.scale(now, drawEvery, 8)
	s.state.Draws = slices.DeleteFunc(s.state.Draws, func(t time.Time) bool { return now.Sub(t) > window })
	n := len(s.state.Draws)
	return n == 0 || n < maxDraws && now.Sub(s.state.Draws[n-1]) >= every
}

// sampledNear reports whether a relay is in the sample or shares a network with one that is.
func (s *Selector) sampledNear(r *known) bool {
	return slices.ContainsFunc(s.state.Sample, func(g Guard) bool {
		k := s.known[g.ID]
		return g.ID == r.Desc.ID || k != nil && near(k, r)
	})
}

// candidates lists relays of an age, except those that without tells of, in the order of the view.
func (s *Selector) candidates(now time.Time, age time.Duration, without func(*known) bool) (out []*known) {
	for _, r := range s.all {
		if old(r, now, age) && !without(r) {
			out = append(out, r)
		}
	}
	return out
}

// pick draws one of them, all alike; nil if there is none.
func (s *Selector) pick(from []*known) *known {
	if len(from) == 0 {
		return nil
	}
	return from[s.rng.IntN(len(from))]
}

// guards lists the guards to use now, in order: the primaries that can be used, or what follows them in the sample.
func (s *Selector) guards(now time.Time) (out []wire.NodeID) {
	for i := range s.state.Sample {
		g := &s.state.Sample[i]
		if len(out) < s.sizes.primaries && s.usable(g.ID, now) {
			out = append(out, g.ID)
		}
	}
	return out
}

// guard finds a sampled guard.
func (s *Selector) guard(id wire.NodeID) *Guard {
	i := slices.IndexFunc(s.state.Sample, func(g Guard) bool { return g.ID == id })
	if i < 0 {
		return nil
	}
	return &s.state.Sample[i]
}
