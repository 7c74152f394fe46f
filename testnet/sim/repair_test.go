package sim

import (
	"testing"
	"time"
)

// TestNothingIsLostWhenHalfOfTheNodesLeave is the promise that durability does not depend on readers: 10 of 20 nodes leave for
// ever, one every two minutes.
func TestNothingIsLostWhenHalfOfTheNodesLeave(t *testing.T) {
	for seed := range uint64(3) {
		res := Decay(DecayConfig{Seed: seed})
		t.Logf("seed %d: %d of %d found, %.2f sinks of 3 hold a block, %d copied; a node says %d bytes and copies %d, %.0f bytes an hour when nothing happens",
			seed, res.Found, res.Inserted, res.Copies, res.Copied, res.Talk/20, res.Moved/20, res.Idle)
		if res.Inserted != 300 || res.Found != res.Inserted || res.Copies < 3 {
			t.Errorf("seed %d: %d of %d blocks are found, and %.2f sinks of 3 hold one", seed, res.Found, res.Inserted, res.Copies)
		}
		if res.Accused > 0 {
			t.Errorf("seed %d: honest nodes were accused %d times", seed, res.Accused)
		}
		if res.Idle > 1000 {
			t.Errorf("seed %d: a node says %.0f bytes an hour when nothing happens", seed, res.Idle)
		}
	}
}

// TestWithoutRepairBlocksAreLost is why: the same network with repair switched off.
func TestWithoutRepairBlocksAreLost(t *testing.T) {
	res := Decay(DecayConfig{NoMend: true})
	t.Logf("%d of %d found", res.Found, res.Inserted)
	if res.Found > res.Inserted*98/100 || res.Copied > 0 || res.Talk > 0 {
		t.Errorf("%d of %d blocks are found: the test above proves nothing", res.Found, res.Inserted)
	}
}

func TestInvariant1DecayIsReproducible(t *testing.T) {
	cfg := DecayConfig{Seed: 9, Nodes: 12, Leave: 4, Blocks: 40, Quiet: time.Minute}
	if a, b := Decay(cfg), Decay(cfg); a != b {
		t.Errorf("one seed, two results: %+v and %+v", a, b)
	}
}
