package guard

import (
	"math/rand/v2"
	"net/netip"
	"time"

	"nightjar/routing/relays"
	"nightjar/routing/wire"
)

// Config says whose paths are chosen.
type Config struct {
	Self wire.NodeID
	Rand *rand.Rand // needed: the selector has no randomness of its own
	High bool       // one guard and four second-layer guards instead of two and six
}

// Selector chooses paths.
type Selector struct {
	self  wire.NodeID
	rng   *rand.Rand
	sizes sizes

	since time.Time // View.Since
	all   []*known  // the view, without this node, in its order
	known map[wire.NodeID]*known
	down  map[wire.NodeID]outage
	state State
}

// known is a relay of the view, and the networks that must differ within a path.
type known struct {
	relays.Relay
	networks []netip.Prefix
}

// sizes are how many relays a node uses in each role.
type sizes struct{ primaries, sample, middles int }

// outage says that a relay could not be used lately.
type outage struct {
	until time.Time
	fails int
}

// State is what must outlive the selector: who guards this node is decided once and kept.
type State struct {
	Sample  []Guard     // in the order in which they were drawn
	Middles []Middle    // second-layer guards
	Drawn   int         // how many guards were ever drawn
	Draws   []time.Time // of replacements, those that still count
	Retired time.Time   // when path bias last cost a guard its place
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
}

// New returns a selector that knows no relays yet.
func New(cfg Config) *Selector {
	if cfg.Rand == nil {
		panic("guard: Config.Rand is needed")
	}
	s := &Selector{
		self: cfg.Self, rng: cfg.Rand, sizes: sizes{primaryGuards, sampledGuards, middleGuards},
		known: make(map[wire.NodeID]*known), down: make(map[wire.NodeID]outage),
	}
	if cfg.High {
		s.sizes = sizes{1, sampledGuards, highMiddles}
	}
	return s
}

// State returns a copy of what is to be saved.
func (s *Selector) State() State {
	c := s.state
	c.Sample = append([]Guard(nil), c.Sample...)
	c.Middles = append([]Middle(nil), c.Middles...)
	c.Draws = append([]time.Time(nil), c.Draws...)
	return c
}

// Restore takes up a saved state. What cannot have been saved by an honest run is cut off.
func (s *Selector) Restore(st State) {
	s.state = State{}
	seen := map[wire.NodeID]bool{s.self: true}
	for _, g := range st.Sample {
		if !seen[g.ID] && len(s.state.Sample) < s.sizes.sample {
			seen[g.ID] = true
			g.Builds, g.Built = max(g.Builds, 0), min(max(g.Built, 0), max(g.Builds, 0))
			s.state.Sample = append(s.state.Sample, g)
		}
	}
	seen = map[wire.NodeID]bool{s.self: true}
	for _, m := range st.Middles {
		if !seen[m.ID] && len(s.state.Middles) < s.sizes.middles {
			seen[m.ID] = true
			s.state.Middles = append(s.state.Middles, m)
		}
	}
	s.state.Drawn = max(st.Drawn, len(s.state.Sample))
	s.state.Retired = st.Retired
	s.state.Draws = append([]time.Time(nil), st.Draws[max(0, len(st.Draws)-maxDraws):]...)
}

// Update takes in a new view of the usable relays.
func (s *Selector) Update(now time.Time, v relays.View) {
	s.since, s.all = v.Since, make([]*known, 0, len(v.Relays))
	clear(s.known)
	for _, r := range v.Relays {
		if r.Desc.ID != s.self {
			k := &known{r, networks(&r.Desc)}
			s.known[r.Desc.ID] = k
			s.all = append(s.all, k)
		}
	}
	for id := range s.down {
		if s.known[id] == nil {
			delete(s.down, id)
		}
	}
	s.maintain(now)
}

// maintain lets those go whose time is over, and draws who is missing.
func (s *Selector) maintain(now time.Time) {
	s.keepSample(now)
	s.keepMiddles(now)
}

// old reports whether a relay has been known for so long.
func old(r *known, now time.Time, age time.Duration) bool { return now.Sub(r.Seen) >= age }

// usable reports whether a relay is known and not known to be down.
func (s *Selector) usable(id wire.NodeID, now time.Time) bool {
	return s.known[id] != nil && !now.Before(s.down[id].until)
}

// fail notes that a relay could not be used.
func (s *Selector) fail(id wire.NodeID, now time.Time) {
	if s.known[id] == nil {
		return
	}
	o := s.down[id]
	if now.Before(o.until) {
		return // one outage, many circuits
	}
	o.fails = min(o.fails+1, 16)
	pause := min(firstPause<<(o.fails-1), longestPause)
	o.until = now.Add(pause/2 + time.Duration(s.rng.Int64N(int64(pause/2)+1)))
	s.down[id] = o
}

// Lost says that the link to a guard has ended or cannot be made.
func (s *Selector) Lost(now time.Time, id wire.NodeID) { s.fail(id, now) }
