package anonymity

import (
	"fmt"
	"math"
)

// What must hold of the design.
const (
	blindMost   = 0.02  // how far E1 and E2 may be from tossing a coin, and how far apart for files of different sizes
	blindTPR    = 0.002 // of E1
	strictMost  = 0.04  // E6 strict, at strictPart
	strictPart  = 0.05
	innocentTop = 0.01 // launch nodes flagged by E1
	exposedAUC  = 0.99 // of the best counting attack on Freenet, given a peer that observes, at exposedSize
	exposedSize = 1024
	// inside is what part of the table's values must lie within their intervals: 95 % intervals miss some.
	inside = 0.9
	// Half a unit of the last digit in which the table is printed.
	halfAUC = 0.0005
	halfTPR = 0.005
)

// check looks whether what must hold does.
func (r *Result) check() []Check {
	out := []Check{r.checkReference()}
	design, freenet := Nightjar.String(), Freenet.String()
	worst := func(what string, of func(*Row) (float64, bool)) (float64, string) {
		most, where := math.Inf(-1), ""
		for i := range r.Rows {
			if x := &r.Rows[i]; x.Design == what {
				if v, ok := of(x); ok && v > most {
					most, where = v, fmt.Sprintf("%d blocks, %s", x.Blocks, PartName(x.Part))
				}
			}
		}
		return most, where
	}
	add := func(what, limit string, got float64, where string, ok bool) {
		if !math.IsInf(got, 0) {
			out = append(out, Check{what, limit, fmt.Sprintf("%.4f (%s)", got, where), ok})
		}
	}
	got, where := worst(freenet, func(x *Row) (float64, bool) {
		return x.E2.Handled.Mean, x.Blocks == exposedSize && x.Part == 0
	})
	add("Freenet: AUC of E2 given an observing peer", fmt.Sprintf(">= %g", exposedAUC), got, where, got >= exposedAUC)
	for i, of := range []func(*Row) Attack{func(x *Row) Attack { return x.E1 }, func(x *Row) Attack { return x.E2 }} {
		name := fmt.Sprintf("E%d", i+1)
		got, where = worst(design, func(x *Row) (float64, bool) { return math.Abs(of(x).AUC.Mean - 0.5), true })
		add("design: AUC of "+name+", away from 0.5", fmt.Sprintf("<= %g", blindMost), got, where, got <= blindMost)
		got, where = r.spread(design, of)
		add("design: AUC of "+name+", apart for different sizes", fmt.Sprintf("<= %g", blindMost), got, where, got <= blindMost)
	}
	got, where = worst(design, func(x *Row) (float64, bool) { return x.E1.TPR.Mean, true })
	add("design: true-positive rate of E1", fmt.Sprintf("<= %g", blindTPR), got, where, got <= blindTPR)
	got, where = worst(design, func(x *Row) (float64, bool) { return x.E6.Strict.Mean, x.Part == strictPart })
	add("design: guard and launch node of a circuit collude", fmt.Sprintf("<= %g", strictMost), got, where, got <= strictMost)
	got, where = worst(design, func(x *Row) (float64, bool) { return x.E1.LaunchFlag.Mean, true })
	add("design: launch nodes flagged by E1", fmt.Sprintf("<= %g", innocentTop), got, where, got <= innocentTop)
	return out
}

// spread is the largest difference between the AUCs of files of different sizes before the same coalitions.
func (r *Result) spread(design string, of func(*Row) Attack) (most float64, where string) {
	most = math.Inf(-1)
	for _, part := range r.Config.Parts {
		low, high := math.Inf(1), math.Inf(-1)
		for i := range r.Rows {
			if x := &r.Rows[i]; x.Design == design && x.Part == part {
				low, high = min(low, of(x).AUC.Mean), max(high, of(x).AUC.Mean)
			}
		}
		if high-low > most {
			most, where = high-low, PartName(part)
		}
	}
	return most, where
}

// checkReference counts how many values of the table lie within their interval in the simulation that keeps to its model.
func (r *Result) checkReference() Check {
	all, in := 0, 0
	within := func(e Estimate, v, half float64) {
		all++
		if e.Low-half <= v && v <= e.High+half {
			in++
		}
	}
	for _, x := range r.Reference {
		within(x.Even.AUC, x.Exact.AUC, halfAUC)
		within(x.Even.TPR, x.Exact.TPR, halfTPR)
	}
	return Check{
		"the counting attack's table, simulated by its model", fmt.Sprintf(">= %.0f %% of values in their interval", 100*inside),
		fmt.Sprintf("%d of %d", in, all), float64(in) >= inside*float64(all),
	}
}

// PartName says in words how many collude.
func PartName(part float64) string {
	if part == 0 {
		return "one peer"
	}
	return fmt.Sprintf("%g %%", 100*part)
}
