package anonymity

import (
	"math"
	"math/rand/v2"
	"testing"
)

// published is the table of the design's reference, §1.1.
var published = []struct {
	g, keys  int
	auc, tpr float64
}{
	{20, 16, 0.740, 0.07},
	{20, 64, 0.942, 0.41},
	{20, 256, 0.9995, 0.97},
	{20, 1024, 1.0000, 1.00},
	{40, 256, 0.988, 0.72},
	{10, 64, 0.990, 0.74},
}

// TestReferenceTable compares the exact distributions with the published table. Its last digit is rounded.
func TestReferenceTable(t *testing.T) {
	for _, row := range published {
		p1 := 1 / float64(row.g)
		c := exactCurve(row.keys, p1, p1/guessedDegree)
		if got := c.auc(); math.Abs(got-row.auc) > 0.0006 {
			t.Errorf("g %d, T %d: AUC %.4f, published %.4f", row.g, row.keys, got, row.auc)
		}
		if got := c.tpr(lowFPR); math.Abs(got-row.tpr) > 0.006 {
			t.Errorf("g %d, T %d: TPR %.4f, published %.2f", row.g, row.keys, got, row.tpr)
		}
	}
}

// slowAUC is the definition: every positive against every negative.
func slowAUC(pos, neg []float64) (sum float64) {
	for _, p := range pos {
		for _, n := range neg {
			switch {
			case p > n:
				sum++
			case p == n:
				sum += 0.5
			}
		}
	}
	return sum / float64(len(pos)*len(neg))
}

func TestAUCComparesEveryPairAndTiesCountHalf(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for range 50 {
		var pos, neg []float64
		for range 1 + rng.IntN(30) {
			pos = append(pos, float64(rng.IntN(6)))
		}
		for range 1 + rng.IntN(30) {
			neg = append(neg, float64(rng.IntN(5)))
		}
		if got, want := newCurve(pos, neg).auc(), slowAUC(pos, neg); math.Abs(got-want) > 1e-12 {
			t.Fatalf("AUC %v, by its definition %v; positives %v, negatives %v", got, want, pos, neg)
		}
	}
	if got := newCurve([]float64{0, 0}, []float64{0}).auc(); got != 0.5 {
		t.Errorf("AUC without evidence is %v", got)
	}
	if got := newCurve(nil, []float64{0}).auc(); !math.IsNaN(got) {
		t.Errorf("AUC without positives is %v", got)
	}
}

// TestCutHasItsFalsePositiveRateExactly: a test that may not randomise would have a lower one, and look weaker than it is.
func TestCutHasItsFalsePositiveRateExactly(t *testing.T) {
	neg := []float64{5, 4, 4, 4, 4, 3, 2, 1, 0, 0}
	pos := []float64{6, 5, 4, 4, 0}
	c := newCurve(pos, neg)
	for _, fpr := range []float64{0.05, 0.1, 0.3, 0.5} {
		cut := newCurve(nil, neg).at(fpr)
		if got := cut.rate(neg); math.Abs(got-fpr) > 1e-12 {
			t.Errorf("a test at %v flags %v of the negatives", fpr, got)
		}
		if got, want := cut.rate(pos), c.tpr(fpr); math.Abs(got-want) > 1e-12 {
			t.Errorf("at %v: %v of the positives by the cut, %v by the curve", fpr, got, want)
		}
	}
	if got := c.tpr(0.3); math.Abs(got-(2+2*0.5)/5) > 1e-12 { // half of those at 4
		t.Errorf("TPR %v", got)
	}
}

func TestBootstrapIntervalCoversTheMean(t *testing.T) {
	rng := rand.New(rand.NewPCG(7, 7))
	covered := 0
	const runs = 200
	for range runs {
		values := make([]float64, 20)
		for i := range values {
			values[i] = rng.NormFloat64()
		}
		if estimate(values).Holds(0) {
			covered++
		}
	}
	if covered < runs*85/100 { // a percentile bootstrap of 20 values covers a little less than 95 %
		t.Errorf("%d of %d intervals hold the mean", covered, runs)
	}
	if e := estimate([]float64{math.NaN(), 2, math.NaN()}); e.Mean != 2 || e.Low != 2 || e.High != 2 {
		t.Errorf("topologies without a value count: %+v", e)
	}
}

func TestModelCutIsTheLeastSignificantCount(t *testing.T) {
	for _, row := range published {
		k := modelCut(row.keys, row.g, lowFPR)
		p0 := 1 / float64(row.g) / guessedDegree
		tail := func(k int) (sum float64) {
			for r := k; r <= row.keys; r++ {
				sum += binomial(row.keys, r, p0)
			}
			return sum
		}
		if tail(k) > lowFPR || tail(k-1) <= lowFPR {
			t.Errorf("g %d, T %d: cut %d with tails %v and %v", row.g, row.keys, k, tail(k), tail(k-1))
		}
	}
}

func TestEvenLLRGrowsWithTheCount(t *testing.T) {
	for _, g := range []int{2, 5, 20, 65} {
		for r := 1; r <= 64; r++ {
			if evenLLR(r, 64, g) <= evenLLR(r-1, 64, g) {
				t.Errorf("degree %d: %d keys are no more suspicious than %d", g, r, r-1)
			}
		}
		if evenLLR(0, 64, g) >= 0 {
			t.Errorf("degree %d: nothing seen is no evidence against", g)
		}
	}
}
