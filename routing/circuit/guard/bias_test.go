package guard

import (
	"slices"
	"strings"
	"testing"
	"time"
)

// builds reports so many builds through the guard at a place of the sample, of which some stood.
func builds(s *Selector, now time.Time, place, n, stood int) {
	id := s.state.Sample[place].ID
	for i := range n {
		if ok := i*stood/n != (i+1)*stood/n; ok {
			s.Result(now, through(s, id), hops, true)
		} else {
			s.Result(now, through(s, id), 1, false)
		}
	}
}

func warned(s *Selector, now time.Time, word string) bool {
	return slices.ContainsFunc(s.Report(now).Warnings, func(w string) bool { return strings.Contains(w, word) })
}

func TestPathBiasWarnsAndPrefersTheOther(t *testing.T) {
	s := at(10, grown, network(t, 30, epoch))
	bad := s.state.Sample[0].ID
	builds(s, grown, 0, biasBuilds-1, 30)
	if warned(s, grown, "of 100 circuits") {
		t.Fatal("judged too early")
	}
	builds(s, grown, 0, 1, 0)
	if !warned(s, grown, "only 60 of 100 circuits") || s.guard(bad) == nil {
		t.Fatalf("no warning: %q", s.Report(grown).Warnings)
	}
	for range 50 {
		if choose(t, s, grown).Hops[0].ID == bad {
			t.Fatal("a guard with a warning is not avoided")
		}
	}
	s.Lost(grown, s.state.Sample[1].ID)
	for range 50 {
		if choose(t, s, grown).Hops[0].ID != bad {
			t.Fatal("a warning is taken for a reason to go further down the sample")
		}
	}
}

func TestPathBiasRetiresOneGuardAWeek(t *testing.T) {
	s := at(10, grown, network(t, 30, epoch))
	bad := s.state.Sample[0].ID
	builds(s, grown, 0, biasBuilds, 20)
	if s.guard(bad) != nil || !warned(s, grown, "given up lately") {
		t.Fatal("kept at 40 of 100")
	}
	second := s.state.Sample[0].ID
	builds(s, grown.Add(day), 0, biasBuilds, 20)
	if s.guard(second) == nil {
		t.Fatal("two guards retired within a week")
	}
	builds(s, grown.Add(retireEvery), 0, 1, 0)
	if s.guard(second) != nil {
		t.Fatal("kept after a week")
	}
	for i := range 179 {
		now := grown.Add(time.Duration(i) * day)
		s.state.Sample, s.state.Draws = nil, nil
		s.maintain(now)
		if s.guard(bad) != nil {
			t.Fatal("a retired guard is drawn again")
		}
	}
}

// TestANetworkThatFailsRetiresNoGuard: where circuits through all guards fail, another guard would not help.
func TestANetworkThatFailsRetiresNoGuard(t *testing.T) {
	s := at(10, grown, network(t, 30, epoch))
	first := s.State().Sample
	for range 5 {
		for place := range 2 {
			builds(s, grown, place, 40, 22) // 55 of 100
		}
	}
	for range 5 {
		for place := range 2 {
			builds(s, grown, place, 60, 24)
		}
	}
	for i, g := range s.state.Sample {
		if g.ID != first[i].ID {
			t.Fatal("a guard has lost its place for what others did")
		}
	}
	if !warned(s, grown, "of 100 circuits") {
		t.Fatal("nobody is told")
	}
	s.state.Sample[0].Built = s.state.Sample[0].Builds / 10
	builds(s, grown, 0, 1, 0)
	if s.guard(first[0].ID) != nil {
		t.Fatal("a guard that is much worse than the other is kept")
	}
}

func TestAGuardThatDoesNotAnswerIsNotJudged(t *testing.T) {
	s := at(10, grown, network(t, 30, epoch))
	id := s.state.Sample[0].ID
	for range 200 {
		s.Result(grown, through(s, id), 0, false)
	}
	if g := s.guard(id); g == nil || g.Builds != 0 {
		t.Fatalf("%+v", g)
	}
}

func TestOldBuildsCountLess(t *testing.T) {
	s := at(10, grown, network(t, 30, epoch))
	builds(s, grown, 0, 10*decayBuilds, 10*decayBuilds)
	if g := s.state.Sample[0]; g.Builds > decayBuilds || g.Built != g.Builds {
		t.Fatalf("%+v", g)
	}
	builds(s, grown, 0, decayBuilds, 0)
	if !s.state.Retired.Equal(grown) {
		t.Fatal("a good past excuses everything")
	}
}

// TestUselessCircuitsCount: a circuit that was built and then answered nothing is told of a second time, and counts as one of two.
func TestUselessCircuitsCount(t *testing.T) {
	s := at(10, grown, network(t, 30, epoch))
	p := choose(t, s, grown)
	for range biasBuilds {
		s.Result(grown, p, hops, true)
		s.Result(grown, p, hops, false)
	}
	if g := s.guard(p.Hops[0].ID); g == nil || !g.biased(warnBelow) || s.blocked(grown, p.Hops[1].ID, p.Hops[2].ID) {
		t.Fatalf("%+v", g)
	}
}
