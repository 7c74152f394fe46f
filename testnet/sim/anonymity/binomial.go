package anonymity

import "math"

// guessedDegree is h: the degree that the attack supposes of somebody else who could have downloaded the file.
const guessedDegree = 8

// binomial is the probability of r out of n at p.
func binomial(n, r int, p float64) float64 {
	if p <= 0 || p >= 1 {
		if r == 0 && p <= 0 || r == n && p >= 1 {
			return 1
		}
		return 0
	}
	lg := func(x int) float64 { v, _ := math.Lgamma(float64(x + 1)); return v }
	return math.Exp(lg(n) - lg(r) - lg(n-r) + float64(r)*math.Log(p) + float64(n-r)*math.Log1p(-p))
}

// exactCurve is the ROC curve of the counting attack if its model is true: of T keys the neighbour sees Bin(T, p1) if who sends them
// is the originator, and Bin(T, p0) if not.
func exactCurve(keys int, p1, p0 float64) curve {
	c := make(curve, 0, keys+1)
	for r := keys; r >= 0; r-- {
		c = append(c, point{float64(r), binomial(keys, r, p1), binomial(keys, r, p0)})
	}
	return c
}

// evenLLR is the log-likelihood ratio of r of T keys from a node of degree g if each node splits what it sends evenly: E1.
func evenLLR(r, keys, g int) float64 {
	p1 := 1 / float64(g)
	p0 := p1 / guessedDegree
	return float64(r)*math.Log(p1/p0) + float64(keys-r)*(math.Log1p(-clip(p1))-math.Log1p(-p0))
}

// clip keeps a probability away from 1, where a logarithm has no value.
func clip(p float64) float64 { return min(p, 1-1e-9) }

// modelCut is the least count that the attack's own model gives an innocent node with a probability of at most alpha: what the
// attack calls significant without knowing better.
func modelCut(keys, g int, alpha float64) int {
	p0 := 1 / float64(g) / guessedDegree
	tail := 1.0
	for k := 0; k <= keys; k++ {
		if tail <= alpha {
			return k
		}
		tail -= binomial(keys, k, p0)
	}
	return keys + 1
}
