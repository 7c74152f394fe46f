package main

import (
	"fmt"
	"io"
	"math"
	"strings"
	"text/tabwriter"

	"nightjar/testnet/sim/anonymity"
)

// printAnonymity writes the tables for people; docs/anonymity.md explains them.
func printAnonymity(w io.Writer, r *anonymity.Result) error {
	c := r.Config
	var b strings.Builder
	fmt.Fprintf(&b, "nightjar bench anonymity --nodes %d --seed %d --topologies %d --downloads %d --coalitions %d --blocks %s --parts %s\n",
		c.Nodes, c.Seed, c.Topologies, c.Downloads, c.Coalitions, asFlag(c.Blocks), asFlag(c.Parts))
	fmt.Fprintf(&b, "%.1f peers a node. Means over networks; in brackets 95 %% intervals over networks.\n", r.Degree.Mean)
	for _, table := range []func(io.Writer, *anonymity.Result){
		tableReference, tableCounting, tableLaunch, tableCircuits, tableBelief, tableRounds, tableCosts, tableChecks,
	} {
		tw := tabwriter.NewWriter(&b, 0, 8, 2, ' ', 0)
		table(tw, r)
		tw.Flush() // a Builder takes everything
	}
	if _, err := io.WriteString(w, b.String()); err != nil {
		return fmt.Errorf("write the result: %w", err)
	}
	return nil
}

func tableReference(w io.Writer, r *anonymity.Result) {
	fmt.Fprintln(w, "\nThe counting attack's table: a node with g peers that asks for T blocks, against one that relays for a node with h peers")
	fmt.Fprintln(w, "g\th\tT\tAUC: exact\tsplit evenly\trouted\tTPR: exact\tsplit evenly\trouted")
	for _, x := range r.Reference {
		fmt.Fprintf(w, "%d\t%d\t%d\t%.4f\t%s\t%s\t%.3f\t%s\t%s\n", x.G, x.H, x.Blocks, float64(x.Exact.AUC), within(x.Even.AUC), within(x.Routed.AUC),
			float64(x.Exact.TPR), within(x.Even.TPR), within(x.Routed.TPR))
	}
}

func tableCounting(w io.Writer, r *anonymity.Result) {
	fmt.Fprintln(w, "\nE1, E2, E4: who asked, from the blocks' names that colluders saw (AUC 0.5 = a coin; TPR at a false-positive rate of 0.001)")
	fmt.Fprintln(w, "design\tT\tcolluders\tE1 AUC\tE1 AUC, handled\tE1 TPR\tE2 AUC\tE2 AUC, handled\tE2 TPR\tE4 right")
	for _, x := range r.Rows {
		fmt.Fprintf(w, "%s\t%d\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n", x.Design, x.Blocks, anonymity.PartName(x.Part),
			within(x.E1.AUC), within(x.E1.Handled), within(x.E1.TPR), within(x.E2.AUC), within(x.E2.Handled), within(x.E2.TPR), within(x.Spy))
	}
}

func tableLaunch(w io.Writer, r *anonymity.Result) {
	fmt.Fprintln(w, "\nInnocent launch nodes: how many are accused in the originator's place")
	fmt.Fprintln(w, "design\tT\tcolluders\tE1 flags\tE2 flags\tE1 AUC against others\tby the model's threshold\tothers by it\toriginators by it")
	for _, x := range r.Rows {
		if math.IsNaN(x.Model.Launch.Mean) && x.E6 == nil {
			continue
		}
		fmt.Fprintf(w, "%s\t%d\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n", x.Design, x.Blocks, anonymity.PartName(x.Part), within(x.E1.LaunchFlag),
			within(x.E2.LaunchFlag), within(x.E1.LaunchAUC), within(x.Model.Launch), within(x.Model.Other), within(x.Model.Origin))
	}
}

func tableCircuits(w io.Writer, r *anonymity.Result) {
	fmt.Fprintln(w, "\nE6: colluders on the circuits of a download")
	fmt.Fprintln(w, "design\tT\tcolluders\tstrict: both ends\ttiming oracle\tany guard")
	for _, x := range r.Rows {
		if x.E6 != nil {
			fmt.Fprintf(w, "%s\t%d\t%s\t%s\t%s\t%s\n", x.Design, x.Blocks, anonymity.PartName(x.Part), within(x.E6.Strict), within(x.E6.Oracle), within(x.E6.Guard))
		}
	}
}

func tableBelief(w io.Writer, r *anonymity.Result) {
	fmt.Fprintln(w, "\nWhat all evidence together leaves, with a timing oracle (degree 1 = any honest node may have been it)")
	fmt.Fprintln(w, "design\tT\tcolluders\tlikeliest is right\tdegree\t5th percentile\tBrier\tsure (>= 0.98)\tof these right")
	for _, x := range r.Rows {
		sure, right, all := x.Degree.Reliable[len(x.Degree.Reliable)-1], "-", 0.0
		for _, b := range x.Degree.Reliable {
			all += b.Count
		}
		if sure.Count > 0 {
			right = number(float64(sure.Right))
		}
		fmt.Fprintf(w, "%s\t%d\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n", x.Design, x.Blocks, anonymity.PartName(x.Part), within(x.Right), within(x.Degree.Mean),
			number(float64(x.Degree.Low)), number(x.Degree.Brier.Mean), number(sure.Count/all), right)
	}
}

func tableRounds(w io.Writer, r *anonymity.Result) {
	if len(r.Rounds) == 0 {
		return
	}
	fmt.Fprintln(w, "\nE5: the node that preceded colluders most often is the originator, after so many circuits")
	fmt.Fprint(w, "design\tcolluders")
	for _, n := range r.Rounds[0].Rounds {
		fmt.Fprintf(w, "\t%d", n)
	}
	fmt.Fprintln(w, "\thalf after\tnine of ten after")
	for _, x := range r.Rounds {
		fmt.Fprintf(w, "%s\t%s", x.Design, anonymity.PartName(x.Part))
		for _, e := range x.Right {
			fmt.Fprintf(w, "\t%s", within(e))
		}
		fmt.Fprintf(w, "\t%s\t%s\n", roundsOrNever(x.Half), roundsOrNever(x.Most))
	}
}

func tableCosts(w io.Writer, r *anonymity.Result) {
	fmt.Fprintln(w, "\nWhat it costs (virtual time; links have latency, but no limits of bandwidth)")
	fmt.Fprintln(w, "design\tT\tkB a block\tof key routing\tto 0 hops\tfound\tfirst block, s\tlast, s\tlaunch nodes")
	for _, x := range r.Costs {
		fmt.Fprintf(w, "%s\t%d\t%.1f\t%.1f\t%s\t%s\t%.2f\t%.2f\t%.1f\n", x.Design, x.Blocks, x.Bytes.Mean/1e3, x.Routed.Mean/1e3, number(x.Ratio.Mean),
			number(x.Found.Mean), x.First.Mean, x.Whole.Mean, x.Launches.Mean)
	}
}

func tableChecks(w io.Writer, r *anonymity.Result) {
	fmt.Fprintln(w, "\nWhat must hold\nwhat\twanted\tgot\tholds")
	for _, c := range r.Checks {
		holds := "no"
		if c.OK {
			holds = "yes"
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\n", c.What, c.Limit, c.Got, holds)
	}
}

// asFlag writes values as a flag takes them.
func asFlag[T any](values []T) string {
	out := make([]string, len(values))
	for i, v := range values {
		out[i] = fmt.Sprint(v)
	}
	return strings.Join(out, ",")
}

func within(e anonymity.Estimate) string {
	if math.IsNaN(e.Mean) {
		return "-"
	}
	return fmt.Sprintf("%s [%s, %s]", number(e.Mean), number(e.Low), number(e.High))
}

func number(v float64) string {
	switch {
	case math.IsNaN(v):
		return "-"
	case v == 0:
		return "0"
	case math.Abs(v) < 0.01:
		return fmt.Sprintf("%.4f", v)
	}
	return fmt.Sprintf("%.3f", v)
}

func roundsOrNever(n int) string {
	if n == 0 {
		return "never"
	}
	return fmt.Sprint(n)
}
