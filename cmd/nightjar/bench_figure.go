package main

import (
	"fmt"
	"io"
	"slices"
	"text/tabwriter"
	"time"
)

// figure is one measurement. Baseline is measured in the same run; its unit is the figure's.
type figure struct {
	Name     string  `json:"name"`
	Value    float64 `json:"value"`
	Unit     string  `json:"unit"`
	Baseline float64 `json:"baseline,omitempty"`
	Against  string  `json:"against,omitempty"` // what the baseline is
	Note     string  `json:"note,omitempty"`    // what limits the figure, or how it was taken
}

// ratio is how the figure stands to its baseline; 0 without one.
func (f figure) ratio() float64 {
	if f.Baseline == 0 {
		return 0
	}
	return f.Value / f.Baseline
}

// printFigures writes a table for people.
func printFigures(w io.Writer, figures []figure) error {
	tw := tabwriter.NewWriter(w, 0, 8, 2, ' ', 0)
	fmt.Fprintln(tw, "what\tfigure\tunit\tbaseline\tratio\tnote")
	for _, f := range figures {
		baseline, ratio := "-", "-"
		if f.Baseline != 0 {
			baseline, ratio = fmt.Sprintf("%.4g (%s)", f.Baseline, f.Against), fmt.Sprintf("%.2f", f.ratio())
		}
		fmt.Fprintf(tw, "%s\t%.4g\t%s\t%s\t%s\t%s\n", f.Name, f.Value, f.Unit, baseline, ratio, f.Note)
	}
	return tw.Flush()
}

// median of at least one value.
func median(v []float64) float64 {
	v = slices.Clone(v)
	slices.Sort(v)
	return v[len(v)/2]
}

// rate runs work, which handles bytes bytes a call, for about d and returns MB/s.
func rate(d time.Duration, bytes int, work func()) float64 {
	work()
	start, n := time.Now(), 0
	for time.Since(start) < d {
		work()
		n++
	}
	return float64(n) * float64(bytes) / time.Since(start).Seconds() / 1e6
}
