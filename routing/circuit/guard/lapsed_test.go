package guard

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"nightjar/routing/relays"
	"nightjar/routing/wire"
)

// lapsed is a view in which some have lapsed.
func lapsed(v relays.View, which func(wire.NodeID) bool) relays.View {
	v.Relays = slices.Clone(v.Relays)
	for i := range v.Relays {
		if v.Relays[i].Lapsed = which(v.Relays[i].Desc.ID); v.Relays[i].Lapsed {
			v.Unreached++
		}
	}
	return v
}

// Invariant 7: what this node does not reach is chosen for nothing new.
func TestInvariant7TheLapsedEnterNoRole(t *testing.T) {
	v := network(t, 40, epoch)
	dead := ids(v.Relays[:25])
	s := at(3, grown, lapsed(v, func(id wire.NodeID) bool { return dead[id] }))
	for range 300 {
		p := choose(t, s, grown)
		for i, d := range p.Hops {
			if dead[d.ID] {
				t.Fatalf("hop %d has lapsed", i)
			}
		}
	}
	for _, g := range s.state.Sample {
		if dead[g.ID] {
			t.Fatal("a guard was drawn that has lapsed")
		}
	}
}

// A guard that was drawn stays what it is, and in use, by the rules of outages alone: probes, which others may make fail, do not
// turn guards over. A middle is out of use, and keeps its place for a day.
func TestInvariant7AGuardDoesNotLapse(t *testing.T) {
	v := network(t, 40, epoch)
	s := at(3, grown, v)
	choose(t, s, grown)
	sample, middles := slices.Clone(s.state.Sample), slices.Clone(s.state.Middles)
	gone := func(id wire.NodeID) bool {
		return slices.ContainsFunc(sample, func(g Guard) bool { return g.ID == id }) || id == middles[0].ID
	}
	for day := range 30 {
		now := grown.Add(time.Duration(day) * 24 * time.Hour)
		s.Update(now, lapsed(v, gone))
		p := choose(t, s, now)
		if !gone(p.Hops[0].ID) || p.Hops[0].ID == middles[0].ID {
			t.Fatal("another guard is used")
		}
		if p.Hops[1].ID == middles[0].ID {
			t.Fatal("a middle is used that has lapsed")
		}
	}
	if !slices.EqualFunc(s.state.Sample, sample, func(a, b Guard) bool { return a.ID == b.ID }) {
		t.Error("the sample has changed")
	}
	if slices.ContainsFunc(s.state.Middles, func(m Middle) bool { return m.ID == middles[0].ID }) {
		t.Error("a middle that has lapsed for a month keeps its place")
	}
}

func TestRelaysThatAreNotReachedAreSaidToBe(t *testing.T) {
	v := network(t, 2, epoch)
	v.Unreached = 1
	s := at(1, grown, v)
	if e := short(t, s, grown); e.Missing != 1 || !strings.Contains(e.Why, "3 known, 1 not reached yet") {
		t.Errorf("%d are missing: %s", e.Missing, e.Why)
	}
	if r := s.Report(grown); r.Relays != 2 || r.Short != 1 || len(r.Warnings) > 0 {
		t.Errorf("%d reached, %d not: %q", r.Relays, r.Short, r.Warnings)
	}
	v = network(t, 9, epoch)
	for unreached, want := range map[int]int{9: 0, 10: 1} {
		v.Unreached = unreached
		if r := at(1, grown, v).Report(grown); len(r.Warnings) != want {
			t.Errorf("9 are reached, %d not: %q", unreached, r.Warnings)
		}
	}
}

// The old and dead do not make a node wait that has just met its network, nor hide where the others are.
func TestTheLapsedDecideNothing(t *testing.T) {
	old := batch(t, 0, 10, epoch)
	fresh := batch(t, 20, 6, grown.Add(-time.Hour))
	for i := range old {
		old[i] = relay(t, i, epoch, fmt.Sprintf("tcp/192.0.%d.1:1", i+1))
		old[i].Lapsed = true
	}
	s := at(1, grown, relays.View{Since: epoch, Relays: append(old, fresh...), Unreached: 10})
	choose(t, s, grown)
	for _, r := range fresh {
		if len(s.known[r.Desc.ID].networks) != 0 {
			t.Fatal("relays that are not reached decide in which network the others are")
		}
	}
}
