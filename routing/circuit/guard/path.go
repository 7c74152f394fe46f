package guard

import (
	"fmt"
	"time"

	"nightjar/routing/wire"
)

// Path is the relays of a circuit: guard, middle, launch node.
type Path struct{ Hops [3]wire.Descriptor }

// hops is the length of a path.
const hops = 3

// ShortError says why there is no path.
type ShortError struct {
	Missing int    // how many more relays must be known; 0 = enough are, but something else is in the way
	Why     string // in plain words
}

func (e *ShortError) Error() string { return e.Why }

// Choose draws a path. The error is a *ShortError.
func (s *Selector) Choose(now time.Time) (Path, error) {
	s.maintain(now)
	if n := len(s.known); n < hops {
		return Path{}, &ShortError{hops - n, fmt.Sprintf("a circuit needs %d other relays: %d known, %s needed", hops, n, plural(hops-n, "more is", "more are"))}
	}
	guards := s.guards(now)
	if len(guards) == 0 {
		return Path{}, s.noGuard(now)
	}
	for _, g := range s.preferred(guards) {
		for _, i := range s.rng.Perm(len(s.state.Middles)) {
			m := s.known[s.state.Middles[i].ID]
			first := s.known[g]
			if m == nil || m == first || !s.usable(m.Desc.ID, now) || near(m, first) {
				continue
			}
			if x := s.launch(now, first, m); x != nil {
				return Path{[hops]wire.Descriptor{first.Desc, m.Desc, x.Desc}}, nil
			}
		}
	}
	return Path{}, &ShortError{Why: "the relays that can be reached now do not make a path: too few are up, old enough and in different networks"}
}

// preferred orders guards at random, those with a warning last.
func (s *Selector) preferred(guards []wire.NodeID) []wire.NodeID {
	s.rng.Shuffle(len(guards), func(i, j int) { guards[i], guards[j] = guards[j], guards[i] })
	var good, bad []wire.NodeID
	for _, id := range guards {
		if g := s.guard(id); g.biased(warnBelow) {
			bad = append(bad, id)
		} else {
			good = append(good, id)
		}
	}
	return append(good, bad...)
}

// launch draws the launch node, uniform over all that are eligible. Peers of this node are left out where there are enough others.
func (s *Selector) launch(now time.Time, first, middle *known) *known {
	eligible := s.candidates(now, s.ages(now).Launch, func(r *known) bool {
		return r == first || r == middle || !s.usable(r.Desc.ID, now) || near(r, first) || near(r, middle)
	})
	var far []*known
	for _, r := range eligible {
		if !r.Peer {
			far = append(far, r)
		}
	}
	if len(far) >= farLaunch {
		eligible = far
	}
	return s.pick(eligible)
}

// noGuard says why no guard can be used.
func (s *Selector) noGuard(now time.Time) *ShortError {
	if len(s.state.Sample) == 0 {
		return &ShortError{Why: fmt.Sprintf("no relay has been known for long enough to be a guard: it takes %s now", round(s.ages(now).Guard))}
	}
	return &ShortError{Why: fmt.Sprintf("none of the %s of this node can be reached; others are not used in their place", plural(len(s.state.Sample), "guard", "guards"))}
}

func plural(n int, one, many string) string {
	if n == 1 {
		return fmt.Sprintf("%d %s", n, one)
	}
	return fmt.Sprintf("%d %s", n, many)
}

// round drops what nobody wants to read of a duration.
func round(d time.Duration) time.Duration {
	switch {
	case d > time.Hour:
		return d.Round(time.Minute)
	case d > time.Minute:
		return d.Round(time.Second)
	}
	return d.Round(100 * time.Millisecond)
}
