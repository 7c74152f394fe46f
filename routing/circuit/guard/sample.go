package guard

import (
	"slices"
	"time"

	"nightjar/routing/wire"
)

// keepSample lets guards go whose time is over or who have left the network, and draws new ones as far as the limits allow.
func (s *Selector) keepSample(now time.Time) {
	limits := s.limits(now)
	for i := range s.state.Sample {
		g := &s.state.Sample[i]
		note(&g.Gone, s.known[g.ID] != nil, now)
	}
	s.state.Sample = slices.DeleteFunc(s.state.Sample, func(g Guard) bool {
		return now.After(g.Until) || !g.Gone.IsZero() && now.Sub(g.Gone) > limits.Gone
	})
	for len(s.state.Sample) < sampledGuards && s.nextDraw(now) <= 0 {
		r := s.pick(s.guardCandidates(now))
		if r == nil {
			return
		}
		if s.state.Drawn >= sampledGuards {
			s.state.Draws = append(s.state.Draws, now)
		}
		s.state.Drawn++
		s.state.Sample = append(s.state.Sample, Guard{ID: r.Desc.ID, Until: now.Add(2 * guardLife)})
	}
}

// guardCandidates lists who could be drawn as a guard, all alike. Preferring friends (SPEC §8) would be a filter here, and
// nowhere else.
func (s *Selector) guardCandidates(now time.Time) []*known {
	return s.candidates(now, s.ages(now).Guard, func(r *known) bool {
		return s.sampledNear(r) ||
			slices.ContainsFunc(s.state.Barred, func(b Barred) bool { return b.ID == r.Desc.ID })
	})
}

// nextDraw is how long it takes until a guard may be drawn: the first sample is free, every other draw is a chance for an adversary.
func (s *Selector) nextDraw(now time.Time) time.Duration {
	if s.state.Drawn < sampledGuards {
		return 0
	}
	limits := s.limits(now)
	s.state.Draws = slices.DeleteFunc(s.state.Draws, func(t time.Time) bool { return now.Sub(t) > limits.Window })
	n := len(s.state.Draws)
	if n == 0 {
		return 0
	}
	wait := limits.Every - now.Sub(s.state.Draws[n-1])
	if n >= maxDraws {
		wait = max(wait, limits.Window-now.Sub(s.state.Draws[n-maxDraws])+1)
	}
	return max(wait, 0)
}

// sampledNear reports whether a relay is in the sample or shares a network with one that is.
func (s *Selector) sampledNear(r *known) bool {
	return slices.ContainsFunc(s.state.Sample, func(g Guard) bool {
		k := s.known[g.ID]
		return g.ID == r.Desc.ID || k != nil && near(k, r)
	})
}

// guards lists the guards to use now: the primaries that can be used; if none can, the next of the sample that can, and only
// that one, since each guard in use is another one to be unlucky with. If none of the sample can, those are tried again who have
// not been for a while: it may have been this node that was cut off.
func (s *Selector) guards(now time.Time) []*known {
	for _, may := range []func(wire.NodeID) bool{
		func(id wire.NodeID) bool { return !s.blocked(now, s.self, id) },
		func(id wire.NodeID) bool { return s.rested(now, s.self, id) },
	} {
		var out []*known
		for i := range s.state.Sample {
			k := s.known[s.state.Sample[i].ID]
			if k != nil && may(k.Desc.ID) && (i < primaryGuards || len(out) == 0) {
				out = append(out, k)
			}
		}
		if len(out) > 0 {
			return out
		}
	}
	return nil
}

// guard finds a sampled guard.
func (s *Selector) guard(id wire.NodeID) *Guard {
	i := slices.IndexFunc(s.state.Sample, func(g Guard) bool { return g.ID == id })
	if i < 0 {
		return nil
	}
	return &s.state.Sample[i]
}
