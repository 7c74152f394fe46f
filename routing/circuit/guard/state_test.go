package guard

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"nightjar/routing/wire"
)

// Invariant 6.
func TestTheStateIsGoneOnWithExactly(t *testing.T) {
	v := network(t, 50, epoch)
	a, b := at(11, grown, v), selector(12)
	for range 20 {
		a.Result(grown, choose(t, a, grown), hops, true)
	}
	b.Restore(a.State())
	if d := cmp.Diff(a.State(), b.State()); d != "" {
		t.Fatal(d)
	}
	b.Update(grown, v)
	if d := cmp.Diff(a.State(), b.State()); d != "" {
		t.Fatal("a restart has changed the guards:\n" + d)
	}
	// With the same randomness from now on, both choose the same for a year.
	a.rng, b.rng = selector(1).rng, selector(1).rng
	for now := grown; now.Before(grown.Add(365 * day)); now = now.Add(3 * day) {
		p, q := choose(t, a, now), choose(t, b, now)
		if !samePath(p, q) {
			t.Fatalf("another path after %v", now.Sub(grown))
		}
		a.Result(now, p, hops, true)
		b.Result(now, q, hops, true)
	}
	if d := cmp.Diff(a.State(), b.State()); d != "" {
		t.Fatal(d)
	}
}

func samePath(p, q Path) bool {
	for i := range p.Hops {
		if p.Hops[i].ID != q.Hops[i].ID {
			return false
		}
	}
	return true
}

func TestAStateIsACopy(t *testing.T) {
	s := at(11, grown, network(t, 50, epoch))
	st := s.State()
	st.Sample[0].ID, st.Middles[0].ID = wire.NodeID{}, wire.NodeID{}
	s.Restore(st)
	st.Sample[0].ID = wire.NodeID{1}
	if s.state.Sample[0].ID == (wire.NodeID{1}) {
		t.Fatal("shared")
	}
}

// TestWhatNoHonestRunSavesIsCutOff feeds states that a damaged disk or a wrong clock may leave.
func TestWhatNoHonestRunSavesIsCutOff(t *testing.T) {
	v := network(t, 50, epoch)
	good := at(11, grown, v).State()
	far := grown.Add(10_000 * day)
	for name, spoil := range map[string]func(*State){
		"everybody twice": func(st *State) {
			st.Sample, st.Middles = append(st.Sample, st.Sample...), append(st.Middles, st.Middles...)
		},
		"counts": func(st *State) { st.Sample[0].Builds, st.Sample[0].Built, st.Drawn = -1, 1<<40, -5 },
		"more counts": func(st *State) {
			st.Sample[0].Builds, st.Sample[0].Built = 1<<62, 1<<62
			st.Drawn = 1 << 62
		},
		"times far ahead": func(st *State) {
			st.Since, st.Retired, st.Draws = far, far, []time.Time{far}
			for i := range st.Sample {
				st.Sample[i].Until, st.Sample[i].Gone = far, far
			}
			for i := range st.Middles {
				st.Middles[i].Until, st.Middles[i].Gone = far, far
			}
			st.Barred = []Barred{{wire.NodeID{1}, far}}
		},
		"endless lists": func(st *State) {
			st.Draws, st.Barred = make([]time.Time, 1e5), make([]Barred, 1e5)
		},
		"this node": func(st *State) { st.Sample[0].ID, st.Middles[0].ID = wire.NodeID{}, wire.NodeID{} },
		"nothing":   func(st *State) { *st = State{} },
	} {
		st := at(11, grown, v).State()
		spoil(&st)
		s := selector(1)
		s.Restore(st)
		s.Update(grown, v)
		got := s.State()
		if len(got.Sample) > sampledGuards || len(got.Middles) > middleGuards || len(got.Draws) > maxDraws || len(got.Barred) > maxBarred ||
			got.Drawn < len(got.Sample) || got.Since.After(grown) || got.Retired.After(grown) {
			t.Errorf("%s: %+v", name, got)
		}
		for i, g := range got.Sample {
			if g.ID == s.self || g.Built > g.Builds || g.Builds > decayBuilds || g.Until.After(grown.Add(2*guardLife)) {
				t.Errorf("%s: %+v", name, g)
			}
			if name != "this node" && name != "nothing" && g.ID != good.Sample[i].ID {
				t.Errorf("%s: a guard has changed", name)
			}
		}
		for _, m := range got.Middles {
			if m.ID == s.self || m.Until.After(grown.Add(mostMiddleLife)) {
				t.Errorf("%s: %+v", name, m)
			}
		}
		check(t, s, grown, choose(t, s, grown))
		s.Result(grown, choose(t, s, grown), hops, false)
		s.Report(grown)
	}
}

// TestAClockThatJumpsGivesNoNewSample: set ahead by a year and back again, it costs the guards, but their successors come one by one.
func TestAClockThatJumpsGivesNoNewSample(t *testing.T) {
	v := network(t, 50, epoch)
	s := at(11, grown, v)
	s.Update(grown.Add(365*day), v)
	if r := s.Report(grown.Add(365 * day)); r.Guards != 1 {
		t.Fatalf("%+v", r)
	}
	b := selector(2)
	b.Restore(s.State())
	b.Update(grown, v)
	if b.Update(grown.Add(drawEvery-time.Minute), v); len(b.state.Sample) != 1 {
		t.Fatalf("%d guards", len(b.state.Sample))
	}
	if b.Update(grown.Add(drawEvery), v); len(b.state.Sample) != 2 {
		t.Fatalf("%d guards", len(b.state.Sample))
	}
}
