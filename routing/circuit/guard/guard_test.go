package guard

import (
	"crypto/ed25519"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"nightjar/routing/relays"
	"nightjar/routing/wire"
)

var epoch = time.Unix(1_700_000_000, 0)

// relay makes relay n, which was first seen at a time. Signing takes longer than all else here, so descriptors are kept.
func relay(t testing.TB, n int, seen time.Time, addr string) relays.Relay {
	t.Helper()
	seed := make([]byte, ed25519.SeedSize)
	binary.BigEndian.PutUint64(seed, uint64(n)+1)
	d, err := wire.NewDescriptor(ed25519.NewKeyFromSeed(seed), 0, [32]byte{1}, []wire.Addr{wire.Addr(addr)})
	if err != nil {
		t.Fatal(err)
	}
	return relays.Relay{Desc: d, Seen: seen, Shown: 3}
}

// network is n relays on loopback that have been known since a time.
func network(t testing.TB, n int, since time.Time) relays.View {
	v := relays.View{Since: since}
	for i := range n {
		v.Relays = append(v.Relays, relay(t, i, since, fmt.Sprintf("tcp/127.0.0.1:%d", i+1)))
	}
	return v
}

func selector(seed uint64) *Selector {
	return New(Config{Rand: rand.New(rand.NewPCG(seed, 7))})
}

func choose(t testing.TB, s *Selector, now time.Time) Path {
	t.Helper()
	p, err := s.Choose(now)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestNetworksOfAnySizeStartAtOnce(t *testing.T) {
	for _, others := range []int{3, 7, 11, 499} {
		s := selector(1)
		s.Update(epoch.Add(time.Second), network(t, others, epoch))
		for range 200 {
			p := choose(t, s, epoch.Add(time.Second))
			ids := map[wire.NodeID]bool{}
			for _, d := range p.Hops {
				ids[d.ID] = true
			}
			if len(ids) != hops || ids[s.self] {
				t.Fatalf("%d relays: a path of %d", others, len(ids))
			}
		}
		if r := s.Report(epoch.Add(time.Second)); !r.Young || len(r.Warnings) == 0 || r.Guards != min(others, sampledGuards) {
			t.Fatalf("%d relays: the report does not say that the network is young: %+v", others, r)
		}
	}
}

func TestTooFewRelaysAreCounted(t *testing.T) {
	for n := range hops {
		s := selector(1)
		s.Update(epoch, network(t, n, epoch.Add(-time.Hour)))
		_, err := s.Choose(epoch)
		var short *ShortError
		if !errors.As(err, &short) || short.Missing != hops-n {
			t.Fatalf("%d relays: %v", n, err)
		}
	}
}

func TestLaunchNodesAreUniform(t *testing.T) {
	const n, draws = 60, 60_000
	s := selector(2)
	now := epoch.Add(400 * day)
	s.Update(now, network(t, n, epoch))
	count := map[wire.NodeID]int{}
	for range draws {
		count[choose(t, s, now).Hops[2].ID]++
	}
	// Guards and middles are launch nodes of paths that do not use them otherwise, so they come a little less often.
	var rest []int
	for id, c := range count {
		if s.guard(id) == nil && !slices.ContainsFunc(s.state.Middles, func(m Middle) bool { return m.ID == id }) {
			rest = append(rest, c)
		}
	}
	mean, chi := 0.0, 0.0
	for _, c := range rest {
		mean += float64(c) / float64(len(rest))
	}
	for _, c := range rest {
		chi += (float64(c) - mean) * (float64(c) - mean) / mean
	}
	df := float64(len(rest) - 1)
	if limit := df + 4*math.Sqrt(2*df); chi > limit || len(rest) < n-sampledGuards-middleGuards {
		t.Fatalf("chi-square %.0f of %d relays, limit %.0f", chi, len(rest), limit)
	}
}

func TestPeersAreNoLaunchNodesWhereOthersAreEnough(t *testing.T) {
	for _, far := range []int{farLaunch - 1, farLaunch + 2} {
		v := network(t, 20+far, epoch)
		for i := range 20 {
			v.Relays[i].Peer = true
		}
		s := selector(3)
		now := epoch.Add(400 * day)
		s.Update(now, v)
		peers := 0
		for range 500 {
			x := choose(t, s, now).Hops[2].ID
			if slices.ContainsFunc(v.Relays, func(r relays.Relay) bool { return r.Peer && r.Desc.ID == x }) {
				peers++
			}
		}
		// Of farLaunch+2, guard and middle may take two.
		if (peers > 0) != (far < farLaunch) {
			t.Errorf("%d relays that are no peers: %d of 500 circuits are launched by peers", far, peers)
		}
	}
}

func TestAPathHasNoTwoOfANetwork(t *testing.T) {
	v := relays.View{Since: epoch}
	for i := range 40 {
		v.Relays = append(v.Relays, relay(t, i, epoch, fmt.Sprintf("tcp/192.%d.2.%d:1", i%8, i+1)))
	}
	s := selector(4)
	now := epoch.Add(400 * day)
	s.Update(now, v)
	for range 500 {
		p := choose(t, s, now)
		for i := range p.Hops {
			for j := range i {
				if near(s.known[p.Hops[i].ID], s.known[p.Hops[j].ID]) {
					t.Fatal("two relays of one /16")
				}
			}
		}
	}
	for i, g := range s.state.Sample {
		for _, h := range s.state.Sample[:i] {
			if near(s.known[g.ID], s.known[h.ID]) {
				t.Fatal("two guards of one /16")
			}
		}
	}
}

// TestNoFailureBringsInAnUnsampledGuard lets an adversary make relays unreachable and circuits fail as it likes.
func TestNoFailureBringsInAnUnsampledGuard(t *testing.T) {
	view := network(t, 30, epoch)
	rapid.Check(t, func(rt *rapid.T) {
		s := selector(rapid.Uint64().Draw(rt, "seed"))
		now := epoch.Add(400 * day)
		s.Update(now, view)
		first := map[wire.NodeID]bool{}
		for _, g := range s.state.Sample {
			first[g.ID] = true
		}
		var last Path
		for range rapid.IntRange(1, 200).Draw(rt, "events") {
			now = now.Add(time.Duration(rapid.IntRange(0, 300).Draw(rt, "seconds")) * time.Second)
			if now.Sub(epoch) > 400*day+drawEvery-time.Hour {
				return
			}
			p, err := s.Choose(now)
			if err == nil {
				last = p
				if !first[p.Hops[0].ID] && s.state.Retired.IsZero() {
					rt.Fatal("a guard that was never sampled")
				}
			}
			switch rapid.IntRange(0, 3).Draw(rt, "what") {
			case 0:
				s.Lost(now, last.Hops[0].ID)
			case 1:
				s.Result(now, last, rapid.IntRange(0, 2).Draw(rt, "reached"), false)
			case 2:
				s.Result(now, last, hops, true)
			}
		}
		changed := 0
		for _, g := range s.state.Sample {
			if !first[g.ID] {
				changed++
			}
		}
		if changed > 1 { // path bias may cost one its place in a week
			rt.Fatalf("%d guards were replaced within two days", changed)
		}
	})
}

func TestAllGuardsDownIsSaidAndPasses(t *testing.T) {
	s := selector(5)
	now := epoch.Add(400 * day)
	s.Update(now, network(t, 30, epoch))
	for _, g := range s.State().Sample {
		s.Lost(now, g.ID)
	}
	_, err := s.Choose(now)
	var short *ShortError
	if !errors.As(err, &short) || short.Missing != 0 {
		t.Fatalf("%v", err)
	}
	if r := s.Report(now); r.Up != 0 || len(r.Warnings) == 0 {
		t.Fatalf("%+v", r)
	}
	choose(t, s, now.Add(longestPause))
}

func TestAFloodOfNewRelaysEntersNoRoleBeforeItsTime(t *testing.T) {
	v := network(t, 20, epoch)
	now := epoch.Add(100 * day)
	flood := map[wire.NodeID]bool{}
	for i := range 200 {
		r := relay(t, 1000+i, now, fmt.Sprintf("tcp/127.0.0.1:%d", 1001+i))
		flood[r.Desc.ID] = true
		v.Relays = append(v.Relays, r)
	}
	s := selector(6)
	s.Update(now.Add(71*time.Hour), v)
	for range 500 {
		for _, d := range choose(t, s, now.Add(71*time.Hour)).Hops {
			if flood[d.ID] {
				t.Fatal("a relay of yesterday is in a path")
			}
		}
	}
	launched, guards := 0, 0
	for range 500 {
		p := choose(t, s, now.Add(29*day))
		if flood[p.Hops[2].ID] {
			launched++
		}
		if flood[p.Hops[0].ID] {
			guards++
		}
	}
	if guards > 0 || launched < 400 {
		t.Fatalf("after 29 days the flood guards %d and launches %d of 500 circuits; its share of relays is 10 of 11", guards, launched)
	}
}

func TestAYoungNetworkScalesTheAgesDown(t *testing.T) {
	s := selector(7)
	s.Update(epoch.Add(8*time.Hour), network(t, 9, epoch))
	got := s.Report(epoch.Add(8 * time.Hour))
	if want := (Ages{4 * time.Hour, 2 * time.Hour, 2 * time.Hour}); got.Ages != want || !got.Young {
		t.Fatalf("%+v", got)
	}
	if got := s.Report(epoch.Add(90 * day)); got.Ages != fullAges || got.Young {
		t.Fatalf("%+v", got)
	}
	if got := s.Report(epoch); got.Ages != (Ages{leastAge, leastAge, leastAge}) {
		t.Fatalf("%+v", got)
	}
}

func TestAGuardThatLeavesTheNetworkIsReplacedLate(t *testing.T) {
	v := network(t, 30, epoch)
	s := selector(8)
	now := epoch.Add(400 * day)
	s.Update(now, v)
	lost := s.state.Sample[0].ID
	v.Relays = slices.DeleteFunc(slices.Clone(v.Relays), func(r relays.Relay) bool { return r.Desc.ID == lost })
	s.Update(now.Add(time.Hour), v)
	s.Update(now.Add(goneAfter), v)
	if s.guard(lost) == nil {
		t.Fatal("replaced at once")
	}
	s.Update(now.Add(goneAfter+2*time.Hour), v)
	if s.guard(lost) != nil || len(s.state.Sample) != sampledGuards {
		t.Fatal("not replaced")
	}
}

func TestReplacementsAreLimited(t *testing.T) {
	v := network(t, 200, epoch)
	s := selector(9)
	now := epoch.Add(400 * day)
	s.Update(now, v)
	start := s.state.Drawn
	for range 90 {
		now = now.Add(day)
		s.state.Sample = nil // the worst that can happen
		s.Update(now, v)
	}
	if drawn := s.state.Drawn - start; drawn > maxDraws+1 {
		t.Fatalf("%d guards drawn in 90 days", drawn)
	}
}

func TestPathBias(t *testing.T) {
	s := selector(10)
	now := epoch.Add(400 * day)
	s.Update(now, network(t, 30, epoch))
	bad := s.state.Sample[0].ID
	build := func(p Path, ok bool) {
		reached := hops
		if !ok {
			reached = 2
		}
		s.Result(now, p, reached, ok)
	}
	path := func() Path {
		for {
			now = now.Add(time.Minute)
			if p := choose(t, s, now); p.Hops[0].ID == bad {
				return p
			}
		}
	}
	for i := range biasBuilds {
		build(path(), i%5 < 3) // 60 of 100
	}
	if r := s.Report(now); len(r.Warnings) == 0 || s.guard(bad) == nil {
		t.Fatalf("no warning: %+v", r)
	}
	for range 20 {
		now = now.Add(time.Minute)
		if choose(t, s, now).Hops[0].ID == bad {
			t.Fatal("a guard with a warning is not avoided")
		}
	}
	p := Path{}
	p.Hops[0] = s.known[bad].Desc
	for range 30 {
		s.Result(now, p, 1, false)
	}
	if s.guard(bad) != nil {
		t.Fatal("kept at a third")
	}
	second := s.state.Sample[0].ID
	p.Hops[0] = s.known[second].Desc
	for range 2 * biasBuilds {
		s.Result(now, p, 1, false)
	}
	if s.guard(second) == nil {
		t.Fatal("two guards retired within a week")
	}
}

func TestTheStateIsGoneOnWithExactly(t *testing.T) {
	now := epoch.Add(400 * day)
	a, b := selector(11), selector(12)
	a.Update(now, network(t, 50, epoch))
	for range 20 {
		a.Result(now, choose(t, a, now), hops, true)
	}
	b.Restore(a.State())
	if d := cmp.Diff(a.State(), b.State()); d != "" {
		t.Fatal(d)
	}
	b.Update(now, network(t, 50, epoch))
	if d := cmp.Diff(a.State(), b.State()); d != "" {
		t.Fatal("a restart has changed the guards:\n" + d)
	}
	evil := a.State()
	evil.Sample = append(evil.Sample, evil.Sample...)
	evil.Sample[0].Built = 1 << 40
	evil.Sample[0].Builds = -1
	b.Restore(evil)
	if st := b.State(); len(st.Sample) != sampledGuards || st.Sample[0].Built != 0 {
		t.Fatalf("%+v", st.Sample)
	}
}

// TestExposureOverAYear compares with the closed form: with d draws of a guard, each bad with probability c, 1-(1-c)^d.
func TestExposureOverAYear(t *testing.T) {
	const n, runs = 120, 100
	view := network(t, n, epoch)
	for _, c := range []float64{0.01, 0.05, 0.10, 0.20} {
		exposed, draws := 0, 0
		for run := range runs {
			s := selector(uint64(1000 + run))
			bad := map[wire.NodeID]bool{}
			for _, i := range rand.New(rand.NewPCG(uint64(run), 3)).Perm(n)[:int(c*n)] {
				bad[view.Relays[i].Desc.ID] = true
			}
			now := epoch.Add(100 * day)
			s.Update(now, view)
			met := false
			used := map[wire.NodeID]bool{}
			for range 365 {
				now = now.Add(day)
				p := choose(t, s, now)
				s.Result(now, p, hops, true)
				used[p.Hops[0].ID] = true
				met = met || bad[p.Hops[0].ID]
			}
			draws += len(used)
			if met {
				exposed++
			}
		}
		d := float64(draws) / runs
		want := 1 - math.Pow(1-c, d)
		got := float64(exposed) / runs
		t.Logf("c = %.2f: %.1f guards a year, exposed in %.2f of the years, closed form %.2f", c, d, got, want)
		if margin := 4 * math.Sqrt(want*(1-want)/runs); math.Abs(got-want) > margin {
			t.Errorf("c = %.2f: exposed in %.3f of the years, want %.3f ± %.3f", c, got, want, margin)
		}
		if d < 4 || d > 9 { // two guards, each kept 90 to 180 days
			t.Errorf("c = %.2f: %.1f guards a year", c, d)
		}
	}
}
