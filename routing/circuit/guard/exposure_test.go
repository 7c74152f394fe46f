package guard

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"nightjar/routing/relays"
	"nightjar/routing/wire"
)

// year is who guards a node on the days of a year. Each relay can be reached on so many of ten days.
func year(t *testing.T, view relays.View, seed uint64, ofTen int) map[wire.NodeID]bool {
	rng := rand.New(rand.NewPCG(seed, 9))
	s := New(Config{Rand: rand.New(rand.NewPCG(seed, 7))})
	used := map[wire.NodeID]bool{}
	now := epoch.Add(100 * day)
	s.Update(now, view)
	for range 365 {
		now = now.Add(day)
		down := map[wire.NodeID]bool{}
		for _, g := range s.state.Sample {
			down[g.ID] = rng.IntN(10) >= ofTen
		}
		for stood := 0; stood < 4; {
			p, err := s.Choose(now)
			if err != nil {
				break
			}
			if !down[p.Hops[0].ID] {
				used[p.Hops[0].ID] = true
				s.Result(now, p, hops, true)
				stood++
				continue
			}
			s.Result(now, p, 0, false)
		}
	}
	return used
}

// TestExposureOverAYear compares with the closed form: with d draws of a guard, each bad with probability c, 1-(1-c)^d.
func TestExposureOverAYear(t *testing.T) {
	const n, runs, parties = 100, 40, 80
	view := network(t, n, epoch)
	for _, k := range []struct {
		name        string
		ofTen       int
		least, most float64 // guards a year
	}{
		{"always reached", 10, 4, 8},
		{"reached on 9 of 10 days", 9, 5, 9},
		{"reached on 6 of 10 days", 6, 6, 16},
	} {
		years := make([]map[wire.NodeID]bool, runs)
		draws := 0
		for i := range years {
			years[i] = year(t, view, uint64(i), k.ofTen)
			draws += len(years[i])
		}
		d := float64(draws) / runs
		if d < k.least || d > k.most {
			t.Errorf("%s: %.1f guards a year", k.name, d)
		}
		for _, c := range []float64{0.01, 0.05, 0.10, 0.20} {
			exposed, want := 0, 0.0
			rng := rand.New(rand.NewPCG(3, 3))
			for _, used := range years {
				want += 1 - math.Pow(1-c, float64(len(used)))
				for range parties {
					if slices.ContainsFunc(rng.Perm(n)[:int(math.Round(c*n))], func(i int) bool { return used[view.Relays[i].Desc.ID] }) {
						exposed++
					}
				}
			}
			got := float64(exposed) / (runs * parties)
			want /= runs
			t.Logf("%s: c = %.2f: %.1f guards a year, exposed in %.3f of the years, closed form %.3f", k.name, c, d, got, want)
			if margin := 0.01 + 4*math.Sqrt(want*(1-want)/(runs*parties)); math.Abs(got-want) > margin {
				t.Errorf("%s: c = %.2f: exposed in %.3f of the years, want %.3f ± %.3f", k.name, c, got, want, margin)
			}
		}
	}
}
