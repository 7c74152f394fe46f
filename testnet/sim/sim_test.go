package sim

import (
	"testing"
	"time"
)

func TestInvariant1SameSeedSameTrace(t *testing.T) {
	for _, cfg := range []Config{
		{Seed: 1, Nodes: 100, Blocks: 30},
		{Seed: 1, Nodes: 40, Blocks: 20, Grown: true, Dead: 0.1, Detect: 3 * time.Second},
	} {
		first, again := Run(cfg), Run(cfg)
		if first != again {
			t.Errorf("one seed, two results:\n%+v\n%+v", first, again)
		}
		cfg.Seed++
		if other := Run(cfg); other.Trace == first.Trace {
			t.Error("two seeds, one trace")
		}
	}
}

// check asserts what a run must reach.
func check(t *testing.T, r Result, hops, inserts, fetches float64) {
	t.Helper()
	t.Logf("inserts: %.2f %% stored, %.2f hops, %v / %v / %v; fetches: %.2f %% found, %.2f hops (most %d, asked %.2f), %v / %v / %v; degree %.1f, %d messages, %d MB, %d events",
		100*r.Inserts.Rate(), r.Inserts.Hops, r.Inserts.P50, r.Inserts.P90, r.Inserts.P99,
		100*r.Fetches.Rate(), r.Fetches.Hops, r.Fetches.MaxHops, r.Fetches.Asked, r.Fetches.P50, r.Fetches.P90, r.Fetches.P99,
		r.Degree, r.Messages, r.Bytes/1e6, r.Events)
	if r.Inserts.Rate() < inserts || r.Fetches.Rate() < fetches || r.Fetches.Hops > hops || r.Inserts.Hops > hops {
		t.Errorf("want at least %g of inserts and %g of fetches, at most %g hops: %+v", inserts, fetches, hops, r)
	}
}

func TestThousandNodes(t *testing.T) {
	r := Run(Config{Seed: 1})
	check(t, r, 5, 0.995, 0.995)
	if r.Copies < 2.99 {
		t.Errorf("inserts report %.2f copies on average, want 3", r.Copies)
	}
}

func TestThousandNodesOfWhichATenthDies(t *testing.T) {
	check(t, Run(Config{Seed: 2, Dead: 0.1}), 5, 0.995, 0.995)
}

func TestThousandNodesOfWhichATenthFallsSilent(t *testing.T) {
	check(t, Run(Config{Seed: 3, Dead: 0.1, Detect: 10 * time.Second}), 5, 0.995, 0.99)
}

func TestGrownNetworkIsAsGoodAsABuiltOne(t *testing.T) {
	check(t, Run(Config{Seed: 4, Nodes: 200, Grown: true}), 4, 0.995, 0.995)
}

func TestGrownNetworkSurvivesTheLossOfAFifth(t *testing.T) {
	check(t, Run(Config{Seed: 5, Nodes: 150, Grown: true, Dead: 0.2, Detect: 5 * time.Second}), 4, 0.995, 0.97)
}

func TestMissingBlocksAreNotFoundSoonAndCheaply(t *testing.T) {
	r := Run(Config{Seed: 6, Missing: 500})
	m := r.Missing
	t.Logf("%d of %d not found, asked %.1f, %v / %v / %v", m.NotFound, m.Total, m.Asked, m.P50, m.P90, m.P99)
	if m.NotFound != m.Total || m.Asked > 20 || m.P99 > 10*time.Second {
		t.Errorf("%+v", m)
	}
}

func TestOneNodeAsksForEverythingAtOnce(t *testing.T) {
	r := Run(Config{Seed: 7, Nodes: 60, Blocks: 3000, Fetches: 1, Single: true})
	check(t, r, 4, 1, 1)
	if r.Fetches.P99 > 5*time.Second || r.Inserts.P99 > 5*time.Second {
		t.Errorf("a node with thousands of requests is slowed down to a crawl: %v, %v", r.Inserts.P99, r.Fetches.P99)
	}
}

// TestMuteNodesCostAShortWait: nodes that take in what they are sent and say nothing. Whoever meets one for the first time waits for it,
// and at most a few more times later.
func TestMuteNodesCostAShortWait(t *testing.T) {
	for _, x := range []struct {
		mute          int
		insert, fetch time.Duration
	}{{1, 4 * time.Second, time.Second}, {3, 8 * time.Second, 3 * time.Second}} {
		r := Run(Config{Seed: 8, Nodes: 20, Mute: x.mute})
		check(t, r, 4, 0.995, 0.995)
		if r.Inserts.P50 > 400*time.Millisecond || r.Inserts.P99 > x.insert || r.Fetches.P99 > x.fetch || r.Copies < 2.95 {
			t.Errorf("%d of 20 nodes are mute: inserts %v, %v, fetches %v, %.2f copies", x.mute, r.Inserts.P50, r.Inserts.P99, r.Fetches.P99, r.Copies)
		}
	}
}

// BenchmarkEvents says how many steps of the machines a second of real time holds, the rig's own work included.
func BenchmarkEvents(b *testing.B) {
	var events int64
	for b.Loop() {
		events += Run(Config{Seed: 1, Nodes: 300, Blocks: 500, Fetches: 10}).Events
	}
	b.ReportMetric(float64(events)/b.Elapsed().Seconds(), "events/s")
}
