package guard

import (
	"fmt"
	"slices"
	"time"

	"nightjar/routing/wire"
)

// Path is the relays of a circuit: guard, middle, launch node.
type Path struct{ Hops [3]wire.Descriptor }

const (
	// hops is the length of a path.
	hops = 3
	// drawTries is how many paths are drawn blindly before all that are left are looked through.
	drawTries = 32
)

// ShortError says why there is no path.
type ShortError struct {
	Missing int    // how many more relays must be known and reached; 0 = enough are, but something else is in the way
	Why     string // in plain words
}

func (e *ShortError) Error() string { return e.Why }

// Choose draws a path. The error is a *ShortError.
func (s *Selector) Choose(now time.Time) (Path, error) {
	s.maintain(now)
	if len(s.all) < hops {
		return Path{}, s.tooFew()
	}
	guards := s.guards(now)
	if len(guards) == 0 {
		return Path{}, s.noGuard(now)
	}
	good, bad := s.byBias(guards)
	middles, launches := s.middles(), s.launches(now)
	up := func(from, to wire.NodeID) bool { return !s.blocked(now, from, to) }
	rested := func(from, to wire.NodeID) bool { return s.rested(now, from, to) }
	for _, way := range []func(from, to wire.NodeID) bool{up, rested} {
		for _, gs := range [][]*known{good, bad} {
			if p, ok := s.draw([hops][]*known{gs, middles, launches}, way); ok {
				return p, nil
			}
		}
	}
	return Path{}, &ShortError{Why: "the relays that can be reached now do not make a path: too few are up, old enough and in different networks"}
}

// tooFew says how many relays are missing, and whether there are others that this node has not reached.
func (s *Selector) tooFew() *ShortError {
	n := len(s.all)
	missing := hops - n
	if s.short == 0 {
		return &ShortError{missing, fmt.Sprintf("a circuit needs %d other relays: %d known, %s needed", hops, n, plural(missing, "more is", "more are"))}
	}
	return &ShortError{missing, fmt.Sprintf("a circuit needs %d other relays that this node has reached itself: %d known, %d not reached yet", hops, n+s.short, s.short)}
}

// byBias parts guards into those without a warning and those with one.
func (s *Selector) byBias(guards []*known) (good, bad []*known) {
	for _, k := range guards {
		if s.guard(k.Desc.ID).biased(warnBelow) {
			bad = append(bad, k)
		} else {
			good = append(good, k)
		}
	}
	return good, bad
}

// launches lists who may be the last hop: all that are old enough, without this node's peers and the guards that it has used
// where enough others are left that several have not failed to reach lately: else the dead among the others would be all there is.
func (s *Selector) launches(now time.Time) []*known {
	age := s.ages(now).Launch
	used := make([]*known, 0, sampledGuards)
	for i := range s.state.Sample {
		if g := &s.state.Sample[i]; g.Confirmed {
			used = append(used, s.known[g.ID])
		}
	}
	all, up := s.scratch[:0], 0
	for _, r := range s.all {
		if now.Sub(r.Seen) >= age && !r.Peer && !slices.Contains(used, r) {
			all = append(all, r)
			if len(s.down[r.Desc.ID]) < believed {
				up++
			}
		}
	}
	if up < enough {
		all = all[:0]
		for _, r := range s.all {
			if now.Sub(r.Seen) >= age {
				all = append(all, r)
			}
		}
	}
	s.scratch = all[:0]
	return believing(all, s.allPassedOver(now))
}

// believing leaves out those that several could not reach, but never more than a third, those of whom most say so first: relays
// that lie about others must not be able to narrow the choice to their friends.
func believing(all []*known, over map[*known]int) []*known {
	if len(over) == 0 {
		return all
	}
	var out []*known
	for _, r := range all {
		if over[r] > 0 {
			out = append(out, r)
		}
	}
	slices.SortStableFunc(out, func(a, b *known) int { return over[b] - over[a] })
	out = out[:min(len(out), len(all)/3)]
	return slices.DeleteFunc(all, func(r *known) bool { return slices.Contains(out, r) })
}

// draw draws a path from who may take each place, all paths that are possible alike: a relay that fails every circuit but those
// to its friends must not be drawn again and again until one of them comes.
func (s *Selector) draw(from [hops][]*known, way func(from, to wire.NodeID) bool) (Path, bool) {
	for _, of := range from {
		if len(of) == 0 {
			return Path{}, false
		}
	}
	for range drawTries {
		if p := [hops]*known{s.pick(from[0]), s.pick(from[1]), s.pick(from[2])}; possible(p, way) {
			return path(p), true
		}
	}
	var found [hops]*known
	n := 0
	for _, g := range from[0] {
		for _, m := range from[1] {
			if !joined(g, m, way) {
				continue
			}
			for _, x := range from[2] {
				if p := [hops]*known{g, m, x}; possible(p, way) {
					if n++; s.rng.IntN(n) == 0 { // so that each of n is kept with the probability 1/n
						found = p
					}
				}
			}
		}
	}
	if n == 0 {
		return Path{}, false
	}
	return path(found), true
}

func path(p [hops]*known) (out Path) {
	for i, k := range p {
		out.Hops[i] = k.Desc
	}
	return out
}

// possible reports whether relays make a path: all different, in different networks, with a way from each to the next.
func possible(p [hops]*known, way func(from, to wire.NodeID) bool) bool {
	return p[0] != p[2] && !near(p[0], p[2]) && joined(p[0], p[1], way) && joined(p[1], p[2], way)
}

// joined reports whether b may follow a.
func joined(a, b *known, way func(from, to wire.NodeID) bool) bool {
	return a != b && !near(a, b) && way(a.Desc.ID, b.Desc.ID)
}

// noGuard says why no guard can be used.
func (s *Selector) noGuard(now time.Time) *ShortError {
	if len(s.state.Sample) == 0 {
		if wait := s.nextDraw(now); wait > 0 {
			return &ShortError{Why: "this node has lost all its guards, and may draw another in " + round(wait)}
		}
		return &ShortError{Why: fmt.Sprintf("no relay has been known for long enough to be a guard: it takes %s now", round(s.ages(now).Guard))}
	}
	return &ShortError{Why: fmt.Sprintf("none of the %s of this node can be reached; others are not used in their place", plural(len(s.state.Sample), "guard", "guards"))}
}
