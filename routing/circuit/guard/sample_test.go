package guard

import (
	"slices"
	"testing"
	"time"

	"nightjar/routing/relays"
	"nightjar/routing/wire"
)

func TestSpec1TwoGuardsAndSixMiddles(t *testing.T) {
	s := at(1, grown, network(t, 50, epoch))
	guards, middles := map[wire.NodeID]bool{}, map[wire.NodeID]bool{}
	for range 500 {
		p := choose(t, s, grown)
		guards[p.Hops[0].ID], middles[p.Hops[1].ID] = true, true
	}
	if len(guards) != 2 || len(middles) != 6 {
		t.Errorf("%d guards, %d middles", len(guards), len(middles))
	}
}

// TestLifetimes has each life within its bounds and spread as two uniform draws are.
func TestLifetimes(t *testing.T) {
	v := network(t, 50, epoch)
	var guards, middles []time.Duration
	for seed := range uint64(400) {
		s := at(seed, grown, v)
		for _, g := range s.state.Sample {
			if g.Until != grown.Add(2*guardLife) {
				t.Fatal("a guard that no circuit has confirmed leaves at another time")
			}
		}
		for _, m := range s.state.Middles {
			middles = append(middles, m.Until.Sub(grown))
		}
		p := choose(t, s, grown)
		s.Result(grown.Add(day), p, hops, true)
		g := *s.guard(p.Hops[0].ID)
		guards = append(guards, g.Until.Sub(grown.Add(day)))
		s.Result(grown.Add(2*day), p, hops, true)
		if s.guard(p.Hops[0].ID).Until != g.Until {
			t.Fatal("a second circuit has moved the end")
		}
	}
	bounds := func(what string, all []time.Duration, low, high, mean time.Duration) {
		sum := time.Duration(0)
		for _, d := range all {
			if d < low || d > high {
				t.Fatalf("%s: %v", what, d)
			}
			sum += d / time.Duration(len(all))
		}
		if diff := (sum - mean).Abs(); diff > (high-low)/15 {
			t.Errorf("%s: %v on average, %v expected", what, sum, mean)
		}
	}
	bounds("guards", guards, 90*day, 180*day, 135*day)
	bounds("middles", middles, day, 12*day, day+11*day*2/3) // the longer of two draws
}

func TestGuardsAndMiddlesLeaveInTime(t *testing.T) {
	v := network(t, 80, epoch)
	s := at(5, grown, v)
	now := grown
	until := map[wire.NodeID]time.Time{}
	for range 365 * 4 {
		now = now.Add(6 * time.Hour)
		p := choose(t, s, now)
		s.Result(now, p, hops, true)
		for _, d := range p.Hops[:2] {
			if end, ok := until[d.ID]; ok && now.After(end) {
				t.Fatalf("in use %v after its end", now.Sub(end))
			}
		}
		clear(until)
		for _, g := range s.state.Sample {
			until[g.ID] = g.Until
		}
		for _, m := range s.state.Middles {
			if end, ok := until[m.ID]; !ok || m.Until.Before(end) {
				until[m.ID] = m.Until
			}
		}
	}
}

// TestReplacementsAreLimited takes the whole sample away every six hours: the worst that can happen.
func TestReplacementsAreLimited(t *testing.T) {
	s := at(9, grown, network(t, 200, epoch))
	var drawn []time.Time
	now, before := grown, s.state.Drawn
	if before != sampledGuards {
		t.Fatalf("the first sample: %d", before)
	}
	for range 4 * 300 {
		now = now.Add(6 * time.Hour)
		s.state.Sample = nil
		if _, err := s.Choose(now); err != nil && s.Report(now).Guards > 0 {
			t.Fatal(err)
		}
		for ; before < s.state.Drawn; before++ {
			drawn = append(drawn, now)
		}
	}
	for i := range drawn {
		if i >= 1 && drawn[i].Sub(drawn[i-1]) < drawEvery {
			t.Errorf("two draws within %v", drawn[i].Sub(drawn[i-1]))
		}
		if i >= maxDraws && drawn[i].Sub(drawn[i-maxDraws]) < drawWindow {
			t.Errorf("%d draws within %v", maxDraws+1, drawn[i].Sub(drawn[i-maxDraws]))
		}
	}
	if len(drawn) < 15 { // five in each of three windows
		t.Errorf("%d draws in 300 days", len(drawn))
	}
}

func TestALostSampleIsSaidToBe(t *testing.T) {
	s := at(9, grown, network(t, 30, epoch))
	s.state.Sample = nil
	s.state.Draws = []time.Time{grown}
	if e := short(t, s, grown.Add(time.Hour)); e.Why != "this node has lost all its guards, and may draw another in 47 hours" {
		t.Error(e.Why)
	}
	choose(t, s, grown.Add(drawEvery))
}

func TestAGuardThatLeavesTheNetworkIsReplacedLate(t *testing.T) {
	for _, c := range []struct {
		age, gone time.Duration
	}{{400 * day, 7 * day}, {8 * time.Hour, 2 * time.Hour}} { // in a young network, sooner
		v := network(t, 30, epoch)
		now := epoch.Add(c.age)
		s := at(8, now, v)
		lost := s.state.Sample[0].ID
		without := v
		without.Relays = slices.DeleteFunc(slices.Clone(v.Relays), func(r relays.Relay) bool { return r.Desc.ID == lost })
		s.Update(now, without)
		if s.Update(now.Add(c.gone), without); s.guard(lost) == nil {
			t.Fatal("replaced at once")
		}
		if !slices.ContainsFunc(s.Report(now).Warnings, func(w string) bool { return len(w) > 7 && w[:7] == "1 guard" }) {
			t.Errorf("nobody is told: %q", s.Report(now).Warnings)
		}
		s.Update(now.Add(c.gone), v)
		if s.Update(now.Add(c.gone+c.gone/2), without); s.guard(lost) == nil {
			t.Fatal("replaced though it had come back")
		}
		s.Update(now.Add(5*c.gone), without)
		if s.guard(lost) != nil || len(s.state.Sample) != sampledGuards {
			t.Fatal("not replaced")
		}
	}
}

func TestAMiddleThatLeavesTheNetworkIsReplacedLate(t *testing.T) {
	v := network(t, 30, epoch)
	s := at(8, grown, v)
	for i := range s.state.Middles {
		s.state.Middles[i].Until = grown.Add(10 * day)
	}
	had := func(m Middle) bool {
		return slices.ContainsFunc(s.state.Middles, func(x Middle) bool { return x.ID == m.ID })
	}
	first := s.State().Middles
	without := v
	without.Relays = slices.DeleteFunc(slices.Clone(v.Relays), func(r relays.Relay) bool { return r.Desc.ID == first[0].ID })
	s.Update(grown, without)
	if s.Update(grown.Add(middleGoneAfter), without); !had(first[0]) {
		t.Fatal("replaced at once")
	}
	if s.Update(grown.Add(middleGoneAfter+time.Minute), without); had(first[0]) || len(s.state.Middles) != middleGuards {
		t.Fatal("not replaced")
	}
	// All of them at once would leave no path for a day: others come sooner.
	s = at(8, grown, v)
	without.Relays = slices.DeleteFunc(slices.Clone(v.Relays), func(r relays.Relay) bool {
		return slices.ContainsFunc(first, func(m Middle) bool { return m.ID == r.Desc.ID })
	})
	s.Update(grown, without)
	if e := short(t, s, grown); e.Missing != 0 {
		t.Fatalf("%+v", e)
	}
	s.Update(grown.Add(allGoneAfter+time.Second), without)
	check(t, s, grown.Add(allGoneAfter+time.Second), choose(t, s, grown.Add(allGoneAfter+time.Second)))
}
