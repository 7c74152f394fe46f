package sim

import (
	"testing"
	"time"
)

// TestFollowersAreToldAtOnce: 200 nodes, 20 followers of each record, of which those who wait have been told as soon as the insert is done, though a tenth of
// the nodes has left meanwhile. What is not told is for those who look now and then: it is nobody where all others do what they should.
func TestFollowersAreToldAtOnce(t *testing.T) {
	for _, c := range []struct {
		name string
		cfg  VigilConfig
		told float64 // at least so many of all
		last time.Duration
	}{
		{"a tenth has left", VigilConfig{Dead: 0.1}, 1, 500 * time.Millisecond},
		{"a tenth is gone and not yet missed", VigilConfig{Dead: 0.1, After: 5 * time.Second}, 1, 10 * time.Second},
		{"a tenth swallows all", VigilConfig{Mute: 20}, 0.9, 10 * time.Second},
	} {
		res := Vigil(c.cfg)
		t.Logf("%s: %d of %d told, half of them after %v, the last after %v; an insert takes %v; %.1f leases for each position, %.1f pushes and %.0f bytes for each follower",
			c.name, res.Told, res.Waited, res.P50, res.Last, res.Stored, res.Leases, res.Pushes, res.Bytes)
		if float64(res.Told) < c.told*float64(res.Waited) || res.Waited < 80 || res.Last > c.last || res.P50 > res.Stored {
			t.Errorf("%s: %+v", c.name, res)
		}
		if res.Leases > 5 || res.Pushes > 10 {
			t.Errorf("%s: it costs too much: %+v", c.name, res)
		}
	}
}

func TestVigilIsReproducible(t *testing.T) {
	cfg := VigilConfig{Seed: 9, Nodes: 30, Records: 2, Followers: 5, Dead: 0.2}
	if a, b := Vigil(cfg), Vigil(cfg); a != b {
		t.Errorf("one seed, two results: %+v and %+v", a, b)
	}
}
