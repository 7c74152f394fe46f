package anonymity

import (
	"math/rand/v2"
)

// Row is one row of the check: the counting attack on plain Freenet under the model of Levine et al. (IWPE 2017), where a neighbour sees an originator with g peers
// send it a g-th of the keys, or a relay with g peers send it a g-th of the h-th that it got. Exact comes from the two binomial distributions,
// Played from walks of requests through neighbourhoods of that shape.
type Row struct {
	G, H, T   int
	ExactAUC  float64
	ExactTPR  float64
	PlayedAUC Interval
	PlayedTPR Interval
}

// tableRows are those of the design's reference, §1.1.
var tableRows = []struct{ g, h, t int }{{20, 8, 16}, {20, 8, 64}, {20, 8, 256}, {20, 8, 1024}, {40, 8, 256}, {10, 8, 64}}

// table makes the check with so many originators and relays in each of so many topologies.
func table(rng *rand.Rand, topologies, each int) []Row {
	var rows []Row
	for _, r := range tableRows {
		row := Row{G: r.g, H: r.h, T: r.t}
		row.ExactAUC, row.ExactTPR = exact(r.g, r.h, r.t)
		all := make([]scores, topologies)
		for i := range all {
			for range each {
				all[i].pos = append(all[i].pos, countLLR(playOriginator(rng, r.g, r.t), r.t, r.g))
				all[i].neg = append(all[i].neg, countLLR(playRelay(rng, r.g, r.h, r.t), r.t, r.g))
			}
		}
		row.PlayedAUC, row.PlayedTPR = rocInterval(rng, all)
		rows = append(rows, row)
	}
	return rows
}

// exact is the area and the rate from the distributions themselves.
func exact(g, h, t int) (auc, tpr float64) {
	h1, h0 := binomial(t, 1/float64(g)), binomial(t, 1/float64(g*h))
	const fpr = 1e-3
	above1, above0 := 0.0, 0.0 // P(r > k)
	reached := false
	for k := t; k >= 0; k-- {
		auc += h0[k] * (above1 + h1[k]/2)
		if !reached && above0+h0[k] > fpr {
			reached = true
			tpr = above1 + h1[k]*(fpr-above0)/h0[k]
		}
		above1, above0 = above1+h1[k], above0+h0[k]
	}
	return auc, tpr
}

// playOriginator is how many of t keys one of an originator's g peers receives.
func playOriginator(rng *rand.Rand, g, t int) (seen int) {
	for range t {
		if rng.IntN(g) == 0 {
			seen++
		}
	}
	return seen
}

// playRelay is how many of t keys one of a relay's g peers receives when an originator with h peers asks.
func playRelay(rng *rand.Rand, g, h, t int) (seen int) {
	for range t {
		if rng.IntN(h) == 0 && rng.IntN(g) == 0 {
			seen++
		}
	}
	return seen
}
