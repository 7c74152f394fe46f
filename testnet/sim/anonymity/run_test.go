package anonymity

import (
	"encoding/json"
	"errors"
	"math"
	"sync"
	"testing"
)

// measureQuick runs what nightjar bench anonymity --quick runs.
var measureQuick = sync.OnceValues(func() (*Result, error) {
	cfg := Quick(1)
	samples, errs := make([]*Sample, cfg.Topologies), make([]error, cfg.Topologies)
	var wg sync.WaitGroup
	for i := range cfg.Topologies {
		wg.Go(func() { samples[i], errs[i] = Measure(cfg, i, Watch{}) })
	}
	wg.Wait()
	return Summarise(cfg, samples), errors.Join(errs...)
})

func quick(t *testing.T) *Result {
	t.Helper()
	r, err := measureQuick()
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// eachRow calls f on the rows of a design.
func eachRow(r *Result, d design, f func(x *Row)) {
	for i := range r.Rows {
		if r.Rows[i].Design == d.String() {
			f(&r.Rows[i])
		}
	}
}

// TestTheAttackWorks: measured against plain Freenet, the estimators must find who asked, or it would say nothing that they do not find it
// elsewhere.
func TestTheAttackWorks(t *testing.T) {
	r := quick(t)
	eachRow(r, Freenet, func(x *Row) {
		if x.Blocks == 256 && x.Part == 0 && (x.E1.Handled.Mean < 0.9 || x.E2.Handled.Mean < 0.95 || x.E2.TPR.Mean < 0.7) {
			t.Errorf("a peer does not recognise who downloads 256 blocks: E1 %v, E2 %v, TPR %v", x.E1.Handled, x.E2.Handled, x.E2.TPR)
		}
		if x.Blocks == 256 && x.Right.Mean < 0.4 {
			t.Errorf("%s: the likeliest node is right in %v", PartName(x.Part), x.Right)
		}
	})
	eachRow(r, Direct, func(x *Row) {
		if x.Blocks == 256 && x.E2.Handled.Mean < 0.8 {
			t.Errorf("%s: without circuits E2 has an AUC of %v", PartName(x.Part), x.E2.Handled)
		}
	})
}

func TestTheDesignHides(t *testing.T) {
	r := quick(t)
	eachRow(r, Nightjar, func(x *Row) {
		at := PartName(x.Part)
		// Intervals of the small run are wide; the full one has the limits of docs/anonymity.md.
		for i, a := range []Attack{x.E1, x.E2} {
			if math.Abs(a.AUC.Mean-0.5) > 0.1 || a.TPR.Mean > 0.02 {
				t.Errorf("%d blocks, %s: E%d has an AUC of %v, TPR %v", x.Blocks, at, i+1, a.AUC, a.TPR)
			}
		}
		if x.E6 == nil || x.E6.Strict.Mean > x.E6.Oracle.Mean || x.E6.Oracle.Mean > x.E6.Guard.Mean {
			t.Errorf("%d blocks, %s: E6 %+v", x.Blocks, at, x.E6)
		}
		if x.Spy.Mean > 0.05 {
			t.Errorf("%d blocks, %s: the first spy is right in %v", x.Blocks, at, x.Spy)
		}
	})
}

// TestGuessingIsACoin checks the scoring itself.
func TestGuessingIsACoin(t *testing.T) {
	r := quick(t)
	eachRow(r, Guess, func(x *Row) {
		if math.Abs(x.E1.AUC.Mean-0.5) > 0.1 || x.E1.TPR.Mean > 0.03 || x.Right.Mean > 0.05 {
			t.Errorf("%d blocks, %s: guessing has an AUC of %v, TPR %v, and is right in %v", x.Blocks, PartName(x.Part), x.E1.AUC, x.E1.TPR, x.Right)
		}
	})
}

// TestTheTableIsReproduced: nodes that split evenly, in simulated networks, give the exact values of §1.1.
func TestTheTableIsReproduced(t *testing.T) {
	for _, x := range quick(t).Reference {
		if d := math.Abs(x.Even.AUC.Mean - float64(x.Exact.AUC)); d > 0.01 {
			t.Errorf("g %d, T %d: AUC %v, exact %v", x.G, x.Blocks, x.Even.AUC, x.Exact.AUC)
		}
		if d := math.Abs(x.Even.TPR.Mean - float64(x.Exact.TPR)); d > 0.05 {
			t.Errorf("g %d, T %d: TPR %v, exact %v", x.G, x.Blocks, x.Even.TPR, x.Exact.TPR)
		}
	}
}

func TestDownloadsAreWholeAndCost(t *testing.T) {
	for _, c := range quick(t).Costs {
		if c.Found.Mean < 0.999 {
			t.Errorf("%s, %d blocks: %v found", c.Design, c.Blocks, c.Found)
		}
		if c.Design == Nightjar.String() && (c.Bytes.Mean < c.Routed.Mean+3*33792 || c.Launches.Mean < 3) {
			t.Errorf("%d blocks: %v bytes a block, of which %v key routing; %v launch nodes", c.Blocks, c.Bytes, c.Routed, c.Launches)
		}
	}
}

// TestInvariant1 is that one seed gives one report; and what has no value is null in it.
func TestInvariant1OneSeedOneReport(t *testing.T) {
	cfg := Config{Seed: 5, Nodes: 60, Topologies: 1, Downloads: 3, Blocks: []int{16}, Parts: []float64{0, 0.1}, Coalitions: 2, Rounds: 3}
	var got [2]string
	for i := range got {
		s, err := Measure(cfg, 0, Watch{})
		if err != nil {
			t.Fatal(err)
		}
		b, err := json.Marshal(Summarise(cfg, []*Sample{s}))
		if err != nil {
			t.Fatal(err)
		}
		got[i] = string(b)
	}
	if got[0] != got[1] {
		t.Errorf("one seed, two reports:\n%s\n%s", got[0], got[1])
	}
}

func TestMeasureStops(t *testing.T) {
	asked := 0
	_, err := Measure(Config{Nodes: 60, Downloads: 5}, 0, Watch{Stop: func() bool { asked++; return asked > 3 }})
	if !errors.Is(err, ErrStopped) || asked != 4 {
		t.Errorf("%v after %d questions", err, asked)
	}
}

func TestCheckRefusesWhatCannotBeMeasured(t *testing.T) {
	for _, c := range []Config{
		{Nodes: 59}, {Nodes: 5001}, {Topologies: -1}, {Downloads: 251}, {Blocks: []int{0}}, {Blocks: []int{4097}}, {Parts: []float64{0.6}}, {Parts: []float64{-0.1}},
	} {
		if c.Check() == nil {
			t.Errorf("%+v is accepted", c)
		}
	}
	for _, c := range []Config{{}, Quick(1)} {
		if err := c.Check(); err != nil {
			t.Errorf("%+v: %v", c, err)
		}
	}
}
