package anonymity

import (
	"math"
	"testing"
)

// TestAreasAreTakenWithinOneSetOfCandidates: two observers with scores on scales of their own, in each of which the originator is in the
// middle. Pooled, the second one's others would all beat the first one's originator.
func TestAreasAreTakenWithinOneSetOfCandidates(t *testing.T) {
	var m marks
	m.take(2, true, [3][]float64{{1, 3}, {1}, {0.5}})
	m.take(12, false, [3][]float64{{11, 11, 11, 13, 13, 13}, {13}, {14, 11}})
	if got := m.all.mean(); got != 0.5 {
		t.Errorf("AUC %v", got)
	}
	if got := m.handled.mean(); got != 1 { // the second originator is no candidate: no key went through it
		t.Errorf("AUC of those through whom a key went: %v", got)
	}
	if got := m.exits.mean(); math.Abs(got-(0+1+0.25)/3) > 1e-12 { // the last ties with half of the others
		t.Errorf("AUC of launch nodes: %v", got)
	}
	if len(m.origins) != 2 || len(m.others) != 2 || len(m.launched) != 3 {
		t.Errorf("scores kept: %+v", m)
	}
	var none marks
	none.take(1, true, [3][]float64{})
	if !math.IsNaN(none.all.mean()) {
		t.Error("an area without others")
	}
}
