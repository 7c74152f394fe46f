package guard

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"nightjar/routing/wire"
)

func TestTheNextOfTheSampleServes(t *testing.T) {
	s := at(5, grown, network(t, 30, epoch))
	sample := s.State().Sample
	serve := func(now time.Time, want ...int) {
		t.Helper()
		used, wanted := map[wire.NodeID]bool{}, map[wire.NodeID]bool{}
		for range 200 {
			used[choose(t, s, now).Hops[0].ID] = true
		}
		for _, i := range want {
			wanted[sample[i].ID] = true
		}
		if d := cmp.Diff(wanted, used); d != "" {
			t.Error(d)
		}
	}
	serve(grown, 0, 1)
	s.Lost(grown, sample[0].ID)
	serve(grown, 1) // the other primary first: no third guard comes into play without need
	s.Lost(grown, sample[1].ID)
	s.Lost(grown, sample[2].ID)
	serve(grown, 3)
	serve(grown.Add(longestPause), 0, 1)
}

// TestAllGuardsDownIsSaidAndPasses has this node cut off for an hour: it must not wait out the guards' long pauses afterwards.
func TestAllGuardsDownIsSaidAndPasses(t *testing.T) {
	s := at(5, grown, network(t, 30, epoch))
	now, failed := grown, 0
	for ; now.Before(grown.Add(time.Hour)); now = now.Add(time.Second) {
		if p, err := s.Choose(now); err == nil {
			s.Lost(now, p.Hops[0].ID)
			failed++
		} else if e := short(t, s, now); e.Missing != 0 || e.Why != "none of the 5 guards of this node can be reached; others are not used in their place" {
			t.Fatalf("%+v", e)
		}
	}
	if r := s.Report(now); r.Up != 0 || !slices.Contains(r.Warnings, "no guard can be reached") {
		t.Fatalf("%+v", r)
	}
	if most := (int(time.Hour/retryAll) + 10) * sampledGuards; failed > most {
		t.Errorf("%d guards were tried in an hour", failed)
	}
	choose(t, s, now.Add(retryAll))
}

// TestARelayThatLiesAboutOthersDoesNotSteer: bad relays extend only to bad ones and say that all others are down. A failed circuit
// tells this node nothing that others of its relays would go by, and costs the liar its own turn.
func TestARelayThatLiesAboutOthersDoesNotSteer(t *testing.T) {
	const n, evil = 60, 6
	v := network(t, n, epoch)
	bad := ids(v.Relays[:evil])
	share := func(liars func(*Selector)) (launch, middle float64) {
		built, launched, both := 0, 0, 0
		defer func() {
			if built < 40*100 {
				t.Errorf("only %d circuits were built", built)
			}
		}()
		for seed := range uint64(40) {
			s := at(seed, grown, v)
			liars(s)
			now := grown
			for range 400 {
				now = now.Add(time.Second)
				p, err := s.Choose(now)
				if err != nil {
					continue // what the liars leave is waited for
				}
				reached := hops
				for i := 1; i < hops; i++ {
					if bad[p.Hops[i-1].ID] && !bad[p.Hops[i].ID] {
						reached = i
						break
					}
				}
				s.Result(now, p, reached, reached == hops)
				if reached < hops {
					continue
				}
				built++
				if bad[p.Hops[2].ID] {
					launched++
				}
				if bad[p.Hops[0].ID] && bad[p.Hops[2].ID] {
					both++
				}
			}
		}
		return float64(launched) / float64(built), float64(both) / float64(built)
	}
	seat := func(m []Middle, i int) { m[i].ID = v.Relays[i].Desc.ID }
	for bads := 1; bads <= 2; bads++ {
		launch, _ := share(func(s *Selector) {
			for i := range bads {
				seat(s.state.Middles, i)
			}
		})
		// The liars' own circuits end at bad launch nodes: of 6 middles, bads' circuits stand in a tenth of the cases.
		c := float64(evil) / n
		want := (float64(middleGuards-bads)*c + float64(bads)*c) / (float64(middleGuards-bads) + float64(bads)*c)
		if launch > 1.5*want {
			t.Errorf("%d bad middles: bad relays launch %.3f of the circuits, %.3f expected", bads, launch, want)
		}
	}
	_, both := share(func(s *Selector) { s.state.Sample[0].ID = v.Relays[0].Desc.ID })
	if both > 0.1*float64(evil)/n {
		t.Errorf("a bad guard that lets through what it likes sees both ends of %.3f of the circuits", both)
	}
}

// Invariant 5.
func TestWhatOneRelaySaysOfAnotherIsNotBelieved(t *testing.T) {
	s := at(1, grown, network(t, 30, epoch))
	x := choose(t, s, grown).Hops[2].ID
	fail := func(m Middle) {
		p := through(s, s.state.Sample[0].ID)
		p.Hops[1], p.Hops[2] = s.known[m.ID].Desc, s.known[x].Desc
		s.Result(grown, p, 2, false)
	}
	launches := func() (by map[wire.NodeID]int) {
		by = map[wire.NodeID]int{}
		for range 3000 {
			if p := choose(t, s, grown); p.Hops[2].ID == x {
				by[p.Hops[1].ID]++
			}
		}
		return by
	}
	fail(s.state.Middles[0])
	if by := launches(); len(by) < middleGuards-2 || by[s.state.Middles[0].ID] > 0 {
		t.Errorf("after one middle could not reach it, %d others still use the relay", len(by))
	}
	fail(s.state.Middles[1])
	if by := launches(); len(by) != 0 {
		t.Errorf("after two could not, %d still use it", len(by))
	}
}

// TestASmallNetworkFindsItsWayAroundTheDead: 8 nodes, one of the seven others is dead. Circuits must go on at once.
func TestASmallNetworkFindsItsWayAroundTheDead(t *testing.T) {
	for seed := range uint64(50) {
		v := network(t, 7, epoch)
		now := epoch.Add(time.Minute)
		s := at(seed, now, v)
		dead := v.Relays[rand.New(rand.NewPCG(seed, 1)).IntN(7)].Desc.ID
		failed := 0
		for range 200 {
			p, err := s.Choose(now)
			if err != nil {
				t.Fatal(err)
			}
			now = now.Add(10 * time.Millisecond)
			i := slices.IndexFunc(p.Hops[:], func(d wire.Descriptor) bool { return d.ID == dead })
			if i < 0 {
				s.Result(now, p, hops, true)
				continue
			}
			failed++
			s.Result(now, p, i, false)
		}
		if failed > 10 {
			t.Errorf("seed %d: %d of 200 circuits through the dead", seed, failed)
		}
	}
}

// TestTwoLiarsCannotLeaveOnlyTheirFriends: what would rule out more than a third of the launch nodes is not believed.
func TestTwoLiarsCannotLeaveOnlyTheirFriends(t *testing.T) {
	for _, slandered := range []int{9, 11} {
		s := at(1, grown, network(t, 30, epoch))
		var victims []wire.NodeID
		for _, k := range s.all {
			id := k.Desc.ID
			if s.guard(id) != nil || slices.ContainsFunc(s.state.Middles, func(m Middle) bool { return m.ID == id }) {
				continue
			}
			if victims = append(victims, id); len(victims) == slandered {
				break
			}
		}
		for _, x := range victims {
			for _, m := range s.state.Middles[:2] {
				s.failed(grown, m.ID, x)
			}
		}
		used := 0
		for range 500 {
			if slices.Contains(victims, choose(t, s, grown).Hops[2].ID) {
				used++
			}
		}
		if (used > 0) != (3*slandered > 30) {
			t.Errorf("%d of 30 are slandered: %d of 500 circuits are launched by them", slandered, used)
		}
	}
}

// TestRelaysThatDoNotExistDoNotTakeAllTheCircuits: everybody who is up is a peer, and as many relays that are known by name only
// are none. They must not be all that circuits end at.
func TestRelaysThatDoNotExistDoNotTakeAllTheCircuits(t *testing.T) {
	for seed := range uint64(20) {
		v := network(t, 7+enough, epoch)
		for i := range 7 {
			v.Relays[i].Peer = true
		}
		dead := ids(v.Relays[7:])
		s := selector(seed)
		early := v
		early.Relays = v.Relays[:7] // so that guards and middles are of those that are up
		s.Update(epoch.Add(time.Minute), early)
		now := epoch.Add(2 * time.Minute)
		s.Update(now, v)
		built := 0
		for range 200 {
			now = now.Add(time.Second)
			p := choose(t, s, now)
			ok := !dead[p.Hops[2].ID]
			if s.Result(now, p, hops-1, ok); ok {
				built++
			}
		}
		if built < 60 {
			t.Errorf("seed %d: %d of 200 circuits were built", seed, built)
		}
	}
}
