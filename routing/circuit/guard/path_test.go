package guard

import (
	"fmt"
	"math"
	"slices"
	"testing"
	"time"

	"nightjar/routing/relays"
	"nightjar/routing/wire"
)

func TestNetworksOfAnySizeStartAtOnce(t *testing.T) {
	for _, others := range []int{3, 7, 11, 499} {
		now := epoch.Add(time.Second)
		s := at(1, now, network(t, others, epoch))
		for range 200 {
			check(t, s, now, choose(t, s, now))
		}
		if r := s.Report(now); !r.Young || len(r.Warnings) == 0 || r.Guards != min(others, sampledGuards) {
			t.Fatalf("%d relays: the report does not say that the network is young: %+v", others, r)
		}
	}
}

func TestTooFewRelaysAreCounted(t *testing.T) {
	for n := range hops {
		s := at(1, epoch, network(t, n, epoch.Add(-time.Hour)))
		if e := short(t, s, epoch); e.Missing != hops-n || e.Why == "" {
			t.Fatalf("%d relays: %+v", n, e)
		}
	}
}

// Invariant 1: this node is in no path.
func TestThisNodeIsInNoPath(t *testing.T) {
	v := network(t, 4, epoch)
	s := New(Config{Self: v.Relays[2].Desc.ID, Rand: selector(1).rng})
	s.Update(grown, v)
	for range 200 {
		check(t, s, grown, choose(t, s, grown))
	}
}

// uniform fails unless counts are as of a uniform draw, by chi-square, at 4 standard deviations.
func uniform(t *testing.T, what string, counts []int) {
	t.Helper()
	mean, chi := 0.0, 0.0
	for _, c := range counts {
		mean += float64(c) / float64(len(counts))
	}
	for _, c := range counts {
		chi += (float64(c) - mean) * (float64(c) - mean) / mean
	}
	df := float64(len(counts) - 1)
	if math.Abs(chi-df) > 4*math.Sqrt(2*df) {
		t.Errorf("%s: chi-square %.0f with %.0f degrees of freedom", what, chi, df)
	}
}

// Invariant 4.
// TestLaunchNodesAreUniform has relays that say all they can of themselves: many addresses, all of them shown by many.
func TestLaunchNodesAreUniform(t *testing.T) {
	const n, draws = 60, 60_000
	v := network(t, n, epoch)
	for i := range v.Relays {
		v.Relays[i].Shown += i
		v.Relays[i].Seen = v.Relays[i].Seen.Add(-time.Duration(i) * day)
	}
	s := at(2, grown, v)
	count := map[wire.NodeID]int{}
	for range draws {
		count[choose(t, s, grown).Hops[2].ID]++
	}
	var rest []int // guards and middles are no launch nodes of their own paths
	for _, r := range v.Relays {
		id := r.Desc.ID
		if s.guard(id) == nil && !slices.ContainsFunc(s.state.Middles, func(m Middle) bool { return m.ID == id }) {
			rest = append(rest, count[id])
		}
	}
	if len(rest) != n-sampledGuards-middleGuards {
		t.Fatalf("%d relays have no other role", len(rest))
	}
	uniform(t, "launch nodes", rest)
}

func TestGuardsAndMiddlesAreDrawnUniformly(t *testing.T) {
	const n, runs = 40, 3000
	v := network(t, n, epoch)
	guards, middles := make([]int, n), make([]int, n)
	for seed := range uint64(runs) {
		s := at(seed, grown, v)
		for i, r := range v.Relays {
			if s.guard(r.Desc.ID) != nil {
				guards[i]++
			}
			if slices.ContainsFunc(s.state.Middles, func(m Middle) bool { return m.ID == r.Desc.ID }) {
				middles[i]++
			}
		}
	}
	uniformOf := func(what string, counts []int, each int) {
		total := 0
		for _, c := range counts {
			total += c
		}
		if total != each*runs {
			t.Errorf("%s: %d drawn, %d expected", what, total, each*runs)
		}
		// Drawn without replacement: the chi-square is smaller than that of independent draws, by 1 - each/n.
		mean, chi := float64(total)/n, 0.0
		for _, c := range counts {
			chi += (float64(c) - mean) * (float64(c) - mean) / mean
		}
		df := float64(n-1) * (1 - float64(each)/n)
		if math.Abs(chi-df) > 4*math.Sqrt(2*df) {
			t.Errorf("%s: chi-square %.0f, %.0f expected", what, chi, df)
		}
	}
	uniformOf("guards", guards, sampledGuards)
	uniformOf("middles", middles, middleGuards)
}

func TestPeersAndGuardsAreNoLaunchNodesWhereOthersAreEnough(t *testing.T) {
	for _, far := range []int{enough - 1, enough, enough + 2} {
		v := network(t, 20+far, epoch)
		for i := range 20 {
			v.Relays[i].Peer = true
		}
		s := at(3, grown, v)
		peers := ids(v.Relays[:20])
		launched := 0
		for range 500 {
			if peers[choose(t, s, grown).Hops[2].ID] {
				launched++
			}
		}
		if (launched > 0) != (far < enough) {
			t.Errorf("%d relays that are no peers: %d of 500 circuits are launched by peers", far, launched)
		}
	}
	s := at(3, grown, network(t, 30, epoch))
	for range 500 {
		p := choose(t, s, grown)
		if g := s.guard(p.Hops[2].ID); g != nil && g.Confirmed {
			t.Fatal("a guard that this node uses launches its requests")
		}
		if s.guard(p.Hops[1].ID) != nil {
			t.Fatal("a guard is a middle, and others are enough")
		}
		s.Result(grown, p, hops, true)
	}
}

// Invariant 1: no two of one network.
func TestAPathHasNoTwoOfANetwork(t *testing.T) {
	for name, addr := range map[string]func(i int) string{
		"IPv4": func(i int) string { return fmt.Sprintf("tcp/192.%d.2.%d:1", i%8, i+1) },
		"IPv6": func(i int) string { return fmt.Sprintf("quic/[2001:db%d:%x::1]:1", i%8, i+1) },
	} {
		v := relays.View{Since: epoch}
		for i := range 40 {
			v.Relays = append(v.Relays, relay(t, i, epoch, addr(i)))
		}
		s := at(4, grown, v)
		for range 500 {
			check(t, s, grown, choose(t, s, grown))
		}
		for i, g := range s.state.Sample {
			for _, h := range s.state.Sample[:i] {
				if near(s.known[g.ID], s.known[h.ID]) {
					t.Fatal(name + ": two guards of one network")
				}
			}
		}
	}
}

func TestTwoNetworksMakeNoPath(t *testing.T) {
	v := relays.View{Since: epoch}
	for i := range 10 {
		v.Relays = append(v.Relays, relay(t, i, epoch, fmt.Sprintf("tcp/192.%d.2.%d:1", i%2, i+1)))
	}
	if e := short(t, at(4, grown, v), grown); e.Missing != 0 || e.Why == "" {
		t.Fatalf("%+v", e)
	}
}

// TestToHideTheAddressEvadesNoRule: where most have public addresses, those who have none count as one network.
func TestToHideTheAddressEvadesNoRule(t *testing.T) {
	v := relays.View{Since: epoch}
	for i := range 40 {
		v.Relays = append(v.Relays, relay(t, i, epoch, fmt.Sprintf("tcp/%d.1.2.3:1", 20+i)))
	}
	hiders := batch(t, 100, 39, epoch)
	v.Relays = append(v.Relays, hiders...)
	set := ids(hiders)
	in := func(p Path) (n int) {
		for _, d := range p.Hops {
			if set[d.ID] {
				n++
			}
		}
		return n
	}
	for seed := range uint64(20) {
		s := at(seed, grown, v)
		for range 100 {
			if n := in(choose(t, s, grown)); n > 1 {
				t.Fatalf("%d relays without a public address in one path", n)
			}
		}
	}
	v.Relays = append(v.Relays, batch(t, 200, 2, epoch)...)
	if s := at(1, grown, v); len(s.known[hiders[0].Desc.ID].networks) != 0 {
		t.Fatal("a private network with some public relays is taken for a public one")
	}
}

func BenchmarkChoose(b *testing.B) {
	for _, n := range []int{10, 500, 10_000} {
		b.Run(fmt.Sprintf("%d relays", n), func(b *testing.B) {
			s := at(1, grown, network(b, n, epoch))
			b.ReportAllocs()
			for b.Loop() {
				choose(b, s, grown)
			}
		})
	}
}
