package guard

import (
	"math/rand/v2"
	"net/netip"
	"slices"
	"time"

	"nightjar/routing/relays"
	"nightjar/routing/wire"
)

// Config says whose paths are chosen.
type Config struct {
	Self wire.NodeID
	Rand *rand.Rand // needed: the selector has no randomness of its own
}

// Selector chooses paths.
type Selector struct {
	self wire.NodeID
	rng  *rand.Rand

	since time.Time                // View.Since
	first time.Time                // when the first of those now in the view was first seen
	third time.Time                // and the third
	all   []*known                 // the view, without this node and those that have lapsed, in its order
	known map[wire.NodeID]*known   // with these
	short int                      // relays that are known but not reached
	down  map[wire.NodeID][]outage // by who could not be reached
	state State

	scratch []*known
}

// known is a relay of the view, and the networks that must differ within a path.
type known struct {
	relays.Relay
	networks []netip.Prefix
}

// State is what must outlive the selector: who guards this node is decided once and kept.
type State struct {
	Since   time.Time   // since when three relays have been known, by any view: the limits on draws go by it
	Sample  []Guard     // in the order in which they were drawn
	Middles []Middle    // second-layer guards
	Drawn   int         // how many guards were ever drawn
	Draws   []time.Time // of replacements, those that still count
	Retired time.Time   // when path bias last cost a guard its place
	Barred  []Barred    // whom it cost a place
}

// Guard is a sampled guard.
type Guard struct {
	ID        wire.NodeID
	Until     time.Time // when it leaves
	Confirmed bool      // a circuit was built through it
	Gone      time.Time // since when the view has not had it; zero = it has
	Builds    int       // circuits tried through it, decaying
	Built     int       // of these, how many stood
}

// Middle is a second-layer guard.
type Middle struct {
	ID    wire.NodeID
	Until time.Time
	Gone  time.Time // since when the view has not had it; zero = it has
}

// Barred is a relay that may not guard for a time.
type Barred struct {
	ID    wire.NodeID
	Until time.Time
}

// New returns a selector that knows no relays yet.
func New(cfg Config) *Selector {
	if cfg.Rand == nil {
		panic("guard: Config.Rand is needed")
	}
	return &Selector{
		self: cfg.Self, rng: cfg.Rand,
		known: make(map[wire.NodeID]*known), down: make(map[wire.NodeID][]outage),
	}
}

// State returns a copy of what is to be saved.
func (s *Selector) State() State {
	c := s.state
	c.Sample, c.Middles = slices.Clone(c.Sample), slices.Clone(c.Middles)
	c.Draws, c.Barred = slices.Clone(c.Draws), slices.Clone(c.Barred)
	return c
}

// Restore takes up a saved state. What cannot have been saved by an honest run is cut off: here what can be told without a
// clock, the rest when the first view comes.
func (s *Selector) Restore(st State) {
	s.state = State{Since: st.Since, Retired: st.Retired}
	seen := map[wire.NodeID]bool{s.self: true}
	for _, g := range st.Sample {
		if !seen[g.ID] && len(s.state.Sample) < sampledGuards {
			seen[g.ID] = true
			g.Builds = min(max(g.Builds, 0), decayBuilds)
			g.Built = min(max(g.Built, 0), g.Builds)
			s.state.Sample = append(s.state.Sample, g)
		}
	}
	seen = map[wire.NodeID]bool{s.self: true}
	for _, m := range st.Middles {
		if !seen[m.ID] && len(s.state.Middles) < middleGuards {
			seen[m.ID] = true
			s.state.Middles = append(s.state.Middles, m)
		}
	}
	s.state.Drawn = max(st.Drawn, len(s.state.Sample))
	s.state.Draws = slices.Clone(st.Draws[max(0, len(st.Draws)-maxDraws):])
	s.state.Barred = slices.Clone(st.Barred[max(0, len(st.Barred)-maxBarred):])
}

// Update takes in a new view of the usable relays.
func (s *Selector) Update(now time.Time, v relays.View) {
	s.since, s.all, s.short = v.Since, make([]*known, 0, len(v.Relays)), v.Unreached
	if !v.Since.IsZero() && (s.state.Since.IsZero() || v.Since.Before(s.state.Since)) {
		s.state.Since = v.Since
	}
	clear(s.known)
	for _, r := range v.Relays {
		if r.Desc.ID != s.self {
			k := &known{r, networks(&r.Desc)}
			s.known[r.Desc.ID] = k
			if !r.Lapsed {
				s.all = append(s.all, k)
			}
		}
	}
	s.hide()
	s.first, s.third = earliest(s.all)
	s.forgetOutages(now)
	s.maintain(now)
}

// maintain lets those go whose time is over, and draws who is missing.
func (s *Selector) maintain(now time.Time) {
	s.settle(now)
	s.keepSample(now)
	s.keepMiddles(now)
}

// settle takes back to now what a wrong clock, or a state from elsewhere, has dated later than this node could have.
func (s *Selector) settle(now time.Time) {
	limit := func(t *time.Time, most time.Time) {
		if t.After(most) {
			*t = most
		}
	}
	limit(&s.state.Since, now)
	limit(&s.state.Retired, now)
	for i := range s.state.Draws {
		limit(&s.state.Draws[i], now)
	}
	for i := range s.state.Sample {
		limit(&s.state.Sample[i].Until, now.Add(2*guardLife))
		limit(&s.state.Sample[i].Gone, now)
	}
	for i := range s.state.Middles {
		limit(&s.state.Middles[i].Until, now.Add(mostMiddleLife))
		limit(&s.state.Middles[i].Gone, now)
	}
	s.state.Barred = slices.DeleteFunc(s.state.Barred, func(b Barred) bool { return now.After(b.Until) })
	for i := range s.state.Barred {
		limit(&s.state.Barred[i].Until, now.Add(barredFor))
	}
}

// note keeps gone true to whether a relay is there now.
func note(gone *time.Time, there bool, now time.Time) {
	switch {
	case there:
		*gone = time.Time{}
	case gone.IsZero():
		*gone = now
	}
}

// candidates lists relays of an age, except those that without tells of, in the order of the view.
func (s *Selector) candidates(now time.Time, age time.Duration, without func(*known) bool) (out []*known) {
	for _, r := range s.all {
		if now.Sub(r.Seen) >= age && !without(r) {
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
