package anonymity

import (
	"math"
	"math/rand/v2"
	"slices"
)

// lowFPR is the false-positive rate at which true positives are counted.
const lowFPR = 1e-3

// point is how much of the positives and of the negatives has one score.
type point struct{ score, pos, neg float64 }

// curve is a ROC curve: points by falling score, no two of one score.
type curve []point

// newCurve makes a curve of two samples.
func newCurve(pos, neg []float64) curve {
	all := make(curve, 0, len(pos)+len(neg))
	for _, s := range pos {
		all = append(all, point{s, 1 / float64(len(pos)), 0})
	}
	for _, s := range neg {
		all = append(all, point{s, 0, 1 / float64(len(neg))})
	}
	return all.merged()
}

// merged sorts the points and puts those of one score together.
func (c curve) merged() curve {
	slices.SortFunc(c, func(a, b point) int {
		switch {
		case a.score > b.score:
			return -1
		case a.score < b.score:
			return 1
		}
		return 0
	})
	out := c[:0]
	for _, p := range c {
		if n := len(out); n > 0 && out[n-1].score == p.score {
			out[n-1].pos += p.pos
			out[n-1].neg += p.neg
			continue
		}
		out = append(out, p)
	}
	return out
}

// auc is the probability that a positive scores higher than a negative; equal scores count half.
func (c curve) auc() float64 {
	var area, pos, neg float64
	for _, p := range c {
		area += p.neg * (pos + p.pos/2)
		pos += p.pos
		neg += p.neg
	}
	if pos == 0 || neg == 0 {
		return math.NaN()
	}
	return area / (pos * neg)
}

// cut is a test that flags scores above a threshold, and those equal to it with a probability.
type cut struct{ score, share float64 }

// at is the test whose false-positive rate is fpr exactly.
func (c curve) at(fpr float64) cut {
	var neg float64
	for _, p := range c {
		if neg+p.neg > fpr {
			return cut{p.score, (fpr - neg) / p.neg}
		}
		neg += p.neg
	}
	return cut{math.Inf(-1), 1}
}

// flags is the probability that the test flags a score.
func (t cut) flags(score float64) float64 {
	switch {
	case score > t.score:
		return 1
	case score == t.score:
		return t.share
	}
	return 0
}

// rate is the part of scores that the test flags.
func (t cut) rate(scores []float64) float64 {
	sum := 0.0
	for _, s := range scores {
		sum += t.flags(s)
	}
	return sum / float64(len(scores))
}

// tpr is the true-positive rate of the test with the given false-positive rate.
func (c curve) tpr(fpr float64) float64 {
	t := c.at(fpr)
	var sum, all float64
	for _, p := range c {
		sum += p.pos * t.flags(p.score)
		all += p.pos
	}
	return sum / all
}

// Estimate is a mean over topologies with its bootstrap 95 % confidence interval. It is NaN, and null in JSON, where there was
// nothing to measure.
type Estimate struct{ Mean, Low, High float64 }

// resamples is how often the bootstrap draws.
const resamples = 2000

// estimate draws topologies with replacement. NaN values are topologies in which there was nothing to measure.
func estimate(values []float64) Estimate {
	values = slices.DeleteFunc(slices.Clone(values), math.IsNaN)
	if len(values) == 0 {
		return Estimate{math.NaN(), math.NaN(), math.NaN()}
	}
	return bootstrap(len(values), func(drawn []int) float64 {
		sum := 0.0
		for _, i := range drawn {
			sum += values[i]
		}
		return sum / float64(len(drawn))
	})
}

// bootstrap gives the value of a statistic over n topologies, and the interval that holds 95 % of its values over topologies drawn
// with replacement. The draws are the same each time.
func bootstrap(n int, statistic func(drawn []int) float64) Estimate {
	drawn := make([]int, n)
	for i := range drawn {
		drawn[i] = i
	}
	e := Estimate{Mean: statistic(drawn)}
	rng := rand.New(rand.NewPCG(1, 0x626f6f74))
	all := make([]float64, resamples)
	for i := range all {
		for j := range drawn {
			drawn[j] = rng.IntN(n)
		}
		all[i] = statistic(drawn)
	}
	slices.Sort(all)
	e.Low, e.High = all[resamples/40], all[resamples-1-resamples/40]
	return e
}

// Holds reports whether the interval holds a value.
func (e Estimate) Holds(v float64) bool { return e.Low <= v && v <= e.High }
