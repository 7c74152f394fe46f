//go:build unix

package badgerstore

import (
	"fmt"
	"math/rand/v2"
	"os"
	"testing"
	"time"
)

// TestKilledUnderLoad kills a process at random moments, while it opens, writes, turns logs, merges tables or frees files; each next one goes on with
// what the one before left. Everything that was accepted is there after each kill, and no index has to be made anew. NIGHTJAR_LONG=1 kills 500 times; docs/store.md
// has the figures.
func TestKilledUnderLoad(t *testing.T) {
	t.Parallel()
	kills := 15
	if os.Getenv(longVar) != "" {
		kills = 500
	}
	seed := uint64(os.Getpid())
	rnd := rand.New(rand.NewPCG(6, seed))
	dir, w := t.TempDir(), newWitness()
	accepted, opening := 0, 0
	for round := range uint64(kills) {
		if len(w.pins) > loadPins/2 {
			accepted += w.accepted()
			if err := os.RemoveAll(dir); err != nil {
				t.Fatal(err)
			}
			dir, w = t.TempDir(), newWitness()
		}
		w.opened = false
		what := fmt.Sprintf("seed %d, kill %d", seed, round)
		c := startChild(t, "load", dir, fmt.Sprint(round, 1<<30))
		kill := func() {
			if err := c.cmd.Process.Kill(); err != nil {
				t.Error(err)
			}
		}
		if rnd.IntN(4) == 0 { // while it opens, or soon after
			time.AfterFunc(time.Duration(rnd.IntN(300))*time.Millisecond, kill)
		} else {
			heard := 0
			for most := 1 + rnd.IntN(150); heard < most && c.lines.Scan(); heard++ {
				w.hear(round, c.lines.Text())
			}
			time.AfterFunc(time.Duration(rnd.IntN(20_000))*time.Microsecond, kill)
		}
		for c.lines.Scan() { // until it is dead
			w.hear(round, c.lines.Text())
		}
		c.cmd.Wait()
		if len(w.refused) > 0 {
			t.Fatalf("%s: the child says %q", what, w.refused)
		}
		if !w.opened {
			opening++
		}
		if r := w.verify(t, dir, what); r != nil {
			t.Errorf("%s: a kill is taken for damage: %+v", what, *r)
		}
	}
	t.Logf("%d kills, %d of them before the store was open: %d accepted blocks and records, all there", kills, opening, accepted+w.accepted())
}
