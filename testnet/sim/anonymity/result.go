package anonymity

import (
	"encoding/json"
	"fmt"
	"math"
)

// Result is a whole measurement. Everything in it is a mean over topologies with its interval.
type Result struct {
	Config    Config      `json:"config"`
	Degree    Estimate    `json:"peers"` // of a node, on average
	Reference []Reference `json:"reference"`
	Rows      []Row       `json:"rows"`
	Rounds    []Rounds    `json:"rounds"`
	Costs     []Cost      `json:"costs"`
	Checks    []Check     `json:"checks"`
}

// Reference is one line of the counting attack's table, of a node of degree G that asks for Blocks keys or relays for one of degree H:
// what its model gives exactly, what comes of it in a simulation in which nodes split evenly as the model has it, and of one in
// which they route.
type Reference struct {
	G      int     `json:"g"`
	H      int     `json:"h"`
	Blocks int     `json:"blocks"`
	Exact  Exactly `json:"exact"`
	Even   Rates   `json:"even"`
	Routed Rates   `json:"routed"`
}

// Exactly is the area under a ROC curve, and the true-positive rate at a false-positive rate of 1 in 1 000, from a formula.
type Exactly struct {
	AUC float64 `json:"auc"`
	TPR float64 `json:"tpr"`
}

// Rates are the same, simulated.
type Rates struct {
	AUC Estimate `json:"auc"`
	TPR Estimate `json:"tpr"`
}

// Attack is what one estimator makes of the scores.
type Attack struct {
	AUC        Estimate `json:"auc"`            // originators against all others whom the coalition could accuse, launch nodes aside
	Handled    Estimate `json:"auc_handled"`    // only those, on both sides, through whom a key of the file went
	TPR        Estimate `json:"tpr"`            // of originators, at a false-positive rate of 1 in 1 000 of those through whom a key went
	LaunchAUC  Estimate `json:"launch_auc"`     // launch nodes against others: what the estimator does see
	LaunchFlag Estimate `json:"launch_flagged"` // launch nodes accused at the threshold of TPR
}

// Row is what coalitions make of downloads of one size with one design.
type Row struct {
	Design string     `json:"design"`
	Blocks int        `json:"blocks"`
	Part   float64    `json:"part"` // of the nodes that collude; 0 = one node, a peer of the originator
	E1     Attack     `json:"e1"`
	E2     Attack     `json:"e2"`
	Right  Estimate   `json:"right"`     // the likeliest node is the originator
	Spy    Estimate   `json:"first_spy"` // E4 accuses the originator
	E6     *Collusion `json:"e6,omitempty"`
	Degree Belief     `json:"degree"`
	Model  ByModel    `json:"by_model"`

	Positives int `json:"positives"` // pairs of a download and a coalition
	Negatives int `json:"negatives"` // and of another node through which a key went
}

// Collusion is E6, per download.
type Collusion struct {
	Strict Estimate `json:"strict"` // guard and launch node of one circuit
	Oracle Estimate `json:"oracle"` // guard, and enough keys in clear for a perfect correlator
	Guard  Estimate `json:"guard"`  // any guard of any circuit
}

// Belief is the degree of anonymity, and how far what the coalition believes is true.
type Belief struct {
	Mean     Estimate      `json:"mean"` // 1: all honest nodes are alike; 0: one of them for sure
	Low      num           `json:"p05"`  // the 5th percentile over downloads
	Brier    Estimate      `json:"brier"`
	Reliable []Reliability `json:"reliability"`
}

// Reliability is how often a coalition was right that was about so certain.
type Reliability struct {
	Below   float64 `json:"below"` // the upper end of the bin
	Count   float64 `json:"count"`
	Claimed num     `json:"claimed"`
	Right   num     `json:"right"`
}

// ByModel is how often the attack's own threshold flags a node that has a colluding peer: the threshold that would flag one innocent
// in a thousand if its model were true.
type ByModel struct {
	Origin Estimate `json:"originator"`
	Launch Estimate `json:"launch_node"`
	Other  Estimate `json:"other"`
}

// Rounds is E5: how often the accused is the originator after so many circuits built anew.
type Rounds struct {
	Design string     `json:"design"`
	Part   float64    `json:"part"`
	Rounds []int      `json:"rounds"`
	Right  []Estimate `json:"right"`
	Half   int        `json:"half"` // rounds after which it is right in half of the cases; 0 = not in as many as were tried
	Most   int        `json:"most"` // the same for nine of ten
}

// Cost is what a download takes, in virtual time over links without limits of bandwidth.
type Cost struct {
	Design   string   `json:"design"`
	Blocks   int      `json:"blocks"`
	Bytes    Estimate `json:"bytes_per_block"`        // on all links
	Routed   Estimate `json:"routed_bytes_per_block"` // of which key routing
	Ratio    Estimate `json:"ratio"`                  // of Bytes to what a download without circuits takes on the same topology
	Found    Estimate `json:"found"`
	First    Estimate `json:"first_block_s"`
	Whole    Estimate `json:"whole_s"`
	Launches Estimate `json:"launch_nodes"`
}

// Check is something that must hold of the design.
type Check struct {
	What  string `json:"what"`
	Limit string `json:"limit"`
	Got   string `json:"got"`
	OK    bool   `json:"ok"`
}

// num is a number that may be missing: NaN is null.
type num float64

// MarshalJSON is the number, or null.
func (n num) MarshalJSON() ([]byte, error) {
	if math.IsNaN(float64(n)) || math.IsInf(float64(n), 0) {
		return []byte("null"), nil
	}
	return json.Marshal(float64(n))
}

// MarshalJSON is an object, or null if there was nothing to measure.
func (e Estimate) MarshalJSON() ([]byte, error) {
	if math.IsNaN(e.Mean) {
		return []byte("null"), nil
	}
	return json.Marshal(struct {
		Mean num `json:"mean"`
		Low  num `json:"low"`
		High num `json:"high"`
	}{num(e.Mean), num(e.Low), num(e.High)})
}

func (e Estimate) String() string { return fmt.Sprintf("%.3f [%.3f, %.3f]", e.Mean, e.Low, e.High) }
