package guard

import (
	"slices"
	"time"

	"nightjar/routing/wire"
)

// keepMiddles keeps the second layer full: each member for a time that it cannot foresee, the longer of two draws. One that
// the view loses keeps its place for a while, else whoever can hide relays from this node could turn the layer over.
func (s *Selector) keepMiddles(now time.Time) {
	present := 0
	for i := range s.state.Middles {
		m := &s.state.Middles[i]
		note(&m.Gone, s.reached(m.ID) != nil, now)
		if m.Gone.IsZero() {
			present++
		}
	}
	gone := s.limits(now).middle
	if present == 0 {
		gone = min(gone, allGoneAfter)
	}
	s.state.Middles = slices.DeleteFunc(s.state.Middles, func(m Middle) bool {
		return now.After(m.Until) || !m.Gone.IsZero() && now.Sub(m.Gone) > gone
	})
	for len(s.state.Middles) < middleGuards {
		r := s.pick(s.middleCandidates(now))
		if r == nil {
			return
		}
		life := max(s.middleLife(), s.middleLife())
		s.state.Middles = append(s.state.Middles, Middle{ID: r.Desc.ID, Until: now.Add(life)})
	}
}

// middleCandidates lists who could be drawn as a middle. Guards are left out where there are enough others.
func (s *Selector) middleCandidates(now time.Time) []*known {
	all := s.candidates(now, s.ages(now).Middle, func(r *known) bool {
		return slices.ContainsFunc(s.state.Middles, func(m Middle) bool { return m.ID == r.Desc.ID })
	})
	return enoughWithout(all, func(r *known) bool { return s.guard(r.Desc.ID) != nil })
}

// enoughWithout leaves out those that shun tells of, if enough others remain.
func enoughWithout(all []*known, shun func(*known) bool) []*known {
	var rest []*known
	for _, r := range all {
		if !shun(r) {
			rest = append(rest, r)
		}
	}
	if len(rest) < enough {
		return all
	}
	return rest
}

// middles lists the second layer as far as this node reaches it.
func (s *Selector) middles() (out []*known) {
	for i := range s.state.Middles {
		if k := s.reached(s.state.Middles[i].ID); k != nil {
			out = append(out, k)
		}
	}
	return out
}

// reached finds a relay of the view that has not lapsed.
func (s *Selector) reached(id wire.NodeID) *known {
	if k := s.known[id]; k != nil && !k.Lapsed {
		return k
	}
	return nil
}

func (s *Selector) middleLife() time.Duration {
	return leastMiddleLife + time.Duration(s.rng.Int64N(int64(mostMiddleLife-leastMiddleLife)+1))
}
