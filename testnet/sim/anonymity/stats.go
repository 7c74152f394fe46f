package anonymity

import (
	"cmp"
	"math"
	"math/rand/v2"
	"slices"
)

// Interval is a figure with its 95 % confidence interval over topologies.
type Interval struct {
	Value float64 `json:"value"`
	Low   float64 `json:"low"`
	High  float64 `json:"high"`
}

// scores are an estimator's outputs in one topology.
type scores struct{ pos, neg []float64 }

// roc is the area under the curve, and the true positive rate at a false positive rate of one in a thousand. Ties count half, and where the
// threshold falls into a tie the test is randomised.
func roc(all []scores) (auc, tpr float64) {
	type item struct {
		score float64
		pos   bool
	}
	var items []item
	var np, nn float64
	for _, s := range all {
		for _, x := range s.pos {
			items = append(items, item{x, true})
		}
		for _, x := range s.neg {
			items = append(items, item{x, false})
		}
		np, nn = np+float64(len(s.pos)), nn+float64(len(s.neg))
	}
	if np == 0 || nn == 0 {
		return math.NaN(), math.NaN()
	}
	slices.SortFunc(items, func(a, b item) int { return cmp.Compare(b.score, a.score) })
	const fpr = 1e-3
	var p, n float64 // above the current score
	reached := false
	for i := 0; i < len(items); {
		var tp, tn float64
		j := i
		for ; j < len(items) && items[j].score == items[i].score; j++ {
			if items[j].pos {
				tp++
			} else {
				tn++
			}
		}
		auc += tn * (p + tp/2)
		if !reached && (n+tn)/nn > fpr {
			reached = true
			tpr = (p + tp*(fpr*nn-n)/tn) / np
		}
		p, n, i = p+tp, n+tn, j
	}
	return auc / (np * nn), tpr
}

const resamples = 200

// interval puts a 95 % bootstrap interval over topologies around a statistic.
func interval(rng *rand.Rand, n int, stat func(pick []int) float64) Interval {
	all := make([]int, n)
	for i := range all {
		all[i] = i
	}
	out := Interval{Value: stat(all)}
	var values []float64
	pick := make([]int, n)
	for range resamples {
		for i := range pick {
			pick[i] = rng.IntN(n)
		}
		if v := stat(pick); !math.IsNaN(v) {
			values = append(values, v)
		}
	}
	slices.Sort(values)
	if len(values) > 0 {
		out.Low, out.High = values[len(values)*25/1000], values[min(len(values)-1, len(values)*975/1000)]
	}
	return out
}

// rocInterval is both figures of roc with their intervals.
func rocInterval(rng *rand.Rand, all []scores) (auc, tpr Interval) {
	at := func(which int) func([]int) float64 {
		return func(pick []int) float64 {
			some := make([]scores, len(pick))
			for i, j := range pick {
				some[i] = all[j]
			}
			a, t := roc(some)
			if which == 0 {
				return a
			}
			return t
		}
	}
	return interval(rng, len(all), at(0)), interval(rng, len(all), at(1))
}

// meanInterval is the mean of numbers that are grouped by topology.
func meanInterval(rng *rand.Rand, groups [][]float64) Interval {
	return interval(rng, len(groups), func(pick []int) float64 {
		sum, n := 0.0, 0
		for _, i := range pick {
			for _, x := range groups[i] {
				sum += x
			}
			n += len(groups[i])
		}
		return sum / float64(n)
	})
}

// binomial is P[Bin(n, p) = k] for k = 0…n.
func binomial(n int, p float64) []float64 {
	out := make([]float64, n+1)
	for k := range out {
		a, _ := math.Lgamma(float64(n + 1))
		b, _ := math.Lgamma(float64(k + 1))
		c, _ := math.Lgamma(float64(n - k + 1))
		out[k] = math.Exp(a - b - c + float64(k)*math.Log(p) + float64(n-k)*math.Log1p(-p))
	}
	return out
}

// percentile is the value below which the given part lies.
func percentile(values []float64, part float64) float64 {
	if len(values) == 0 {
		return math.NaN()
	}
	s := slices.Sorted(slices.Values(values))
	return s[min(len(s)-1, int(part*float64(len(s))))]
}
