package circuit

import (
	"strconv"
	"testing"
	"time"

	"nightjar/routing/wire"
)

// download fetches n blocks with at most 256 under way and returns the cells on links and the time that it took until the
// last block, and the cells until all its circuits have ended.
func download(t testing.TB, n int, shape bool) (cells, all int, took time.Duration) {
	w := newNet(t, 12, func(_ int, c *Config) { c.Shape, c.NoPadding = shape, true })
	c := w.nodes[0]
	w.ready(c)
	blocks := w.keep(n)
	start, began := w.cells, w.now
	group := groupOf(1, n)
	for next := 0; len(c.done) < n; {
		for ; next < n && next-len(c.done) < 256; next++ {
			w.step(c, Get{Token: Token(next + 1), ID: blocks[next].ID(), Class: wire.Bulk, Group: group})
		}
		had := len(c.done)
		w.run(time.Minute, func() bool { return len(c.done) > had })
		if len(c.done) == had {
			t.Fatalf("stuck at %d of %d", had, n)
		}
	}
	for i, b := range blocks {
		if !same(c.done[Token(i+1)], b) {
			t.Fatalf("block %d: %+v", i, c.done[Token(i+1)])
		}
	}
	cells, took = w.cells-start, w.now.Sub(began)
	w.step(c, Finished{Group: group})
	w.run(20*time.Minute, func() bool { return c.m.Status(w.now).Used == 0 })
	return cells, w.cells - start, took
}

// BenchmarkConstantRate reports what constant-rate mode costs: SPEC §10.
func BenchmarkConstantRate(b *testing.B) {
	for _, n := range []int{64, 256, 1024} {
		b.Run(strconv.Itoa(n), func(b *testing.B) {
			for range b.N {
				plain, plainAll, fast := download(b, n, false)
				shaped, shapedAll, slow := download(b, n, true)
				b.ReportMetric(float64(shaped)/float64(plain), "cells-ratio")
				b.ReportMetric(float64(shapedAll)/float64(plainAll), "cells-ratio-run-on")
				b.ReportMetric(float64(slow)/float64(fast), "time-ratio")
				b.ReportMetric(fast.Seconds(), "plain-s")
				b.ReportMetric(slow.Seconds(), "shaped-s")
			}
		})
	}
}
