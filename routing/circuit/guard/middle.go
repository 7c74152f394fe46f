package guard

import (
	"slices"
	"time"
)

// keepMiddles keeps the second layer full: each member for a time that it cannot foresee, the longer of two draws.
func (s *Selector) keepMiddles(now time.Time) {
	s.state.Middles = slices.DeleteFunc(s.state.Middles, func(m Middle) bool {
		return now.After(m.Until) || s.known[m.ID] == nil
	})
	taken := func(r *known) bool {
		return slices.ContainsFunc(s.state.Middles, func(m Middle) bool { return m.ID == r.Desc.ID })
	}
	for len(s.state.Middles) < s.sizes.middles {
		r := s.pick(s.candidates(now, s.ages(now).Middle, taken))
		if r == nil {
			return
		}
		life := max(s.middleLife(), s.middleLife())
		s.state.Middles = append(s.state.Middles, Middle{ID: r.Desc.ID, Until: now.Add(life)})
	}
}

func (s *Selector) middleLife() time.Duration {
	return leastMiddleLife + time.Duration(s.rng.Int64N(int64(mostMiddleLife-leastMiddleLife)+1))
}
