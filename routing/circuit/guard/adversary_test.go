package guard

import (
	"encoding/json"
	"math"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"nightjar/routing/relays"
	"nightjar/routing/wire"
)

// run is months of a node's life under an adversary who cuts links, fails circuits and hides relays as it likes.
type run struct {
	*rapid.T
	s        *Selector
	now      time.Time
	all      relays.View
	last     Path
	ever     map[wire.NodeID]bool // whoever was in the sample
	first    int                  // of these, with the first sample
	draws    []time.Time
	restarts int
}

func (r *run) look() {
	for _, g := range r.s.state.Sample {
		if !r.ever[g.ID] {
			r.ever[g.ID] = true
			if len(r.ever) > r.first {
				r.draws = append(r.draws, r.now)
			}
		}
	}
}

func (r *run) step() {
	kind := rapid.IntRange(0, 9).Draw(r.T, "what")
	switch {
	case kind == 0:
		r.now = r.now.Add(time.Duration(rapid.IntRange(1, 20*24).Draw(r.T, "hours")) * time.Hour)
	case kind == 1:
		v, hidden := r.all, rapid.Uint64().Draw(r.T, "hidden")
		v.Relays = nil
		for i, x := range r.all.Relays {
			if hidden>>(i%64)&3 != 0 {
				v.Relays = append(v.Relays, x)
			}
		}
		r.s.Update(r.now, v)
	case kind == 2:
		r.s.Update(r.now, r.all)
	case kind == 3:
		for _, g := range r.s.state.Sample {
			r.s.Lost(r.now, g.ID)
		}
	case kind == 4:
		reached := rapid.IntRange(-1, 4).Draw(r.T, "reached")
		for range rapid.IntRange(1, 100).Draw(r.T, "times") {
			r.s.Result(r.now, r.last, reached, false)
		}
	case kind == 5:
		r.s.Result(r.now, r.last, hops, true)
	case kind == 6:
		r.restart()
	default:
		r.now = r.now.Add(time.Duration(rapid.IntRange(0, 300).Draw(r.T, "seconds")) * time.Second)
		if p, err := r.s.Choose(r.now); err == nil {
			check(r.T, r.s, r.now, p)
			r.last = p
		}
	}
	r.look()
}

// restart goes on with what the disk would have kept.
func (r *run) restart() {
	b, err := json.Marshal(r.s.State())
	if err != nil {
		r.Fatal(err)
	}
	var st State
	if err := json.Unmarshal(b, &st); err != nil {
		r.Fatal(err)
	}
	r.restarts++
	s := selector(uint64(r.restarts))
	s.Restore(st)
	if d := cmp.Diff(r.s.State(), s.State(), cmpopts.EquateEmpty()); d != "" {
		r.Fatalf("a restart has changed the state: %s", d)
	}
	s.Update(r.now, relays.View{Since: r.s.since, Relays: views(r.s.all)})
	r.s.Update(r.now, relays.View{Since: r.s.since, Relays: views(r.s.all)})
	if len(s.state.Sample) != len(r.s.state.Sample) || s.state.Drawn != r.s.state.Drawn {
		r.Fatalf("a restart has changed the guards")
	}
	r.s = s
}

func views(all []*known) (out []relays.Relay) {
	for _, k := range all {
		out = append(out, k.Relay)
	}
	return out
}

// Invariant 2.
func TestNoAdversaryTurnsGuardsOverFasterThanTheLimits(t *testing.T) {
	view := network(t, 60, epoch)
	rapid.Check(t, func(rt *rapid.T) {
		r := &run{T: rt, s: selector(rapid.Uint64().Draw(rt, "seed")), now: grown, all: view, ever: map[wire.NodeID]bool{}, first: sampledGuards}
		r.s.Update(r.now, view)
		r.last = choose(t, r.s, r.now)
		r.look()
		for range rapid.IntRange(1, 100).Draw(rt, "steps") {
			r.step()
		}
		for i := range r.draws {
			if i >= 1 && r.draws[i].Sub(r.draws[i-1]) < drawEvery {
				rt.Fatalf("two new guards within %v", r.draws[i].Sub(r.draws[i-1]))
			}
			if i >= maxDraws && r.draws[i].Sub(r.draws[i-maxDraws]) < drawWindow {
				rt.Fatalf("six new guards within %v", r.draws[i].Sub(r.draws[i-maxDraws]))
			}
		}
	})
}

// Invariant 2: no failure brings in another guard.
// TestUnreachableGuardsAreNeverReplaced cuts every link to a guard for 80 days, except to those outside the sample.
func TestUnreachableGuardsAreNeverReplaced(t *testing.T) {
	s := at(5, grown, network(t, 40, epoch))
	sample := s.State().Sample
	paths := 0
	for now := grown; now.Before(grown.Add(80 * day)); now = now.Add(time.Hour) {
		p, err := s.Choose(now)
		if err != nil {
			continue
		}
		paths++
		if !slices.ContainsFunc(sample, func(g Guard) bool { return g.ID == p.Hops[0].ID }) {
			t.Fatal("a guard that was never sampled")
		}
		s.Lost(now, p.Hops[0].ID)
	}
	if d := cmp.Diff(sample, s.State().Sample); d != "" {
		t.Fatal(d)
	}
	if paths == 0 {
		t.Fatal("guards were never tried again")
	}
}

// Invariant 3.
func TestAFloodOfNewRelaysEntersNoRoleBeforeItsTime(t *testing.T) {
	now := epoch.Add(100 * day)
	v := network(t, 20, epoch)
	evil := batch(t, 1000, 200, now)
	flood := ids(evil)
	v.Relays = append(v.Relays, evil...)
	s := at(6, now.Add(71*time.Hour), v)
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

// TestAFloodGuardsNoMoreThanItsShare: half of the relays are the flood's from day 100 on.
func TestAFloodGuardsNoMoreThanItsShare(t *testing.T) {
	const honest, evil, runs = 40, 40, 60
	came := epoch.Add(100 * day)
	v := network(t, honest, epoch)
	bad := batch(t, 1000, evil, came)
	flood := ids(bad)
	v.Relays = append(v.Relays, bad...)
	early, drawn, floods := 0, 0, 0
	for seed := range uint64(runs) {
		s := at(seed, came, v)
		before := map[wire.NodeID]bool{}
		for now := came; now.Before(came.Add(300 * day)); now = now.Add(2 * day) {
			s.Result(now, choose(t, s, now), hops, true)
			for _, g := range s.state.Sample {
				switch {
				case before[g.ID]:
				case now.Sub(came) < guardAge && flood[g.ID]:
					early++
				case now.Sub(came) >= guardAge:
					drawn++
					if flood[g.ID] {
						floods++
					}
				}
				before[g.ID] = true
			}
		}
	}
	share := float64(floods) / float64(drawn)
	// Of the 40 honest ones up to 5 are in the sample and not drawn again.
	want := float64(evil) / float64(honest-2+evil)
	if margin := 4 * math.Sqrt(0.25/float64(drawn)); early > 0 || math.Abs(share-want) > margin {
		t.Fatalf("%d guards too early; then %d of %d draws, %.3f, of a flood of %.3f", early, floods, drawn, share, want)
	}
}
