package guard

import (
	"testing"
	"time"

	"nightjar/routing/relays"
)

func TestAYoungNetworkScalesAgesAndLimitsDown(t *testing.T) {
	s := at(7, epoch.Add(8*time.Hour), network(t, 9, epoch))
	got := s.Report(epoch.Add(8 * time.Hour))
	if want := (Ages{4 * time.Hour, 2 * time.Hour, 2 * time.Hour}); got.Ages != want || !got.Young {
		t.Errorf("%+v", got)
	}
	if want := (Limits{time.Hour, 8 * time.Hour, 2 * time.Hour, 2 * time.Hour}); got.Limits != want {
		t.Errorf("%+v", got.Limits)
	}
	if want := "this node has not known the network for long: a relay may be a guard after 4 hours instead of 30 days, " +
		"and launch after 2 hours instead of 72 hours"; len(got.Warnings) != 1 || got.Warnings[0] != want {
		t.Errorf("%q", got.Warnings)
	}
	if got := s.Report(epoch.Add(90 * day)); got.Ages != fullAges || got.Limits != fullLimits || got.Young || len(got.Warnings) != 0 {
		t.Errorf("%+v", got)
	}
	if got := s.Report(epoch); got.Ages != (Ages{leastAge, leastAge, leastAge}) {
		t.Errorf("%+v", got)
	}
}

// TestAnIdentityWaitsAsLongAsTheNetworkIsOld: made on the tenth day, it can guard on the twentieth (SPEC §4).
func TestAnIdentityWaitsAsLongAsTheNetworkIsOld(t *testing.T) {
	v := network(t, 4, epoch) // a place in the sample is free
	late := batch(t, 100, 1, epoch.Add(10*day))
	v.Relays = append(v.Relays, late...)
	s := at(1, epoch.Add(19*day), v)
	if s.guard(late[0].Desc.ID) != nil {
		t.Fatal("a guard too early")
	}
	s.Update(epoch.Add(20*day+time.Second), v)
	if s.guard(late[0].Desc.ID) == nil {
		t.Fatal("no guard in time")
	}
}

func TestAGrowingNetworkFillsTheFirstSample(t *testing.T) {
	s := selector(3)
	v := relays.View{Since: epoch.Add(3 * time.Second)}
	for i := range 8 {
		now := epoch.Add(time.Duration(i+1) * time.Second)
		v.Relays = append(v.Relays, batch(t, i, 1, now)...)
		s.Update(now, v)
	}
	now := epoch.Add(time.Minute)
	check(t, s, now, choose(t, s, now))
	if r := s.Report(now); r.Guards != sampledGuards || r.Up != sampledGuards || r.Middles != middleGuards {
		t.Fatalf("%+v", r)
	}
}

// TestANodeThatWasOffForLongStartsAtOnce: its relays were forgotten meanwhile, and are met anew. Its guards are not.
func TestANodeThatWasOffForLongStartsAtOnce(t *testing.T) {
	v := network(t, 40, epoch)
	old := at(4, grown, v)
	old.Result(grown, choose(t, old, grown), hops, true)

	now := grown.Add(10 * day)
	for i := range v.Relays {
		v.Relays[i].Seen = now.Add(-5 * time.Second)
	}
	s := selector(5)
	s.Restore(old.State())
	s.Update(now, v)
	p := choose(t, s, now)
	check(t, s, now, p)
	for i, g := range old.state.Sample {
		if s.state.Sample[i].ID != g.ID {
			t.Fatal("a guard has changed")
		}
	}
	r := s.Report(now)
	if r.Ages.Guard != guardAge || r.Ages.Launch > 2*time.Second || !r.Young || r.Limits != fullLimits || len(r.Warnings) != 1 {
		t.Fatalf("%+v", r)
	}
	if r = s.Report(now.Add(20 * day)); r.Young || len(r.Warnings) != 0 {
		t.Fatalf("%+v", r)
	}
}

// TestHidingRelaysMakesNoNodeYoung: who can keep all known relays from a node, and show it others, gains neither guards nor
// quicker draws by it.
func TestHidingRelaysMakesNoNodeYoung(t *testing.T) {
	s := at(4, grown, network(t, 40, epoch))
	before := s.State()
	evil := relays.View{Since: grown, Relays: batch(t, 1000, 40, grown)}
	now := grown
	for range 24 * 7 {
		now = now.Add(time.Hour)
		s.Update(now, evil)
		if e := short(t, s, now); e.Missing != 0 {
			t.Fatalf("%+v", e)
		}
	}
	if r := s.Report(now); r.Limits != fullLimits || r.Guards != sampledGuards || r.Up != 0 {
		t.Fatalf("%+v", r)
	}
	for i, g := range before.Sample {
		if s.state.Sample[i].ID != g.ID {
			t.Fatal("a guard has changed")
		}
	}
}
