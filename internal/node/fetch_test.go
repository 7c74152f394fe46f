package node_test

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"nightjar/internal/content"
	"nightjar/internal/link/linktest"
	"nightjar/keys"
	"nightjar/routing/wire"
)

// What is at none of its positions costs the time of two requests, not of four: a search for the newest edition is made of such answers.
func TestFourPositionsTakeTheTimeOfTwo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		net := &network{t: t, mem: linktest.NewNetwork(), direct: true}
		net.populate(8)
		defer net.close()
		net.settle()
		c := net.nodes[3].Client(wire.Interactive)
		took := map[bool]time.Duration{}
		for i := range byte(40) {
			for _, top := range []bool{false, true} {
				before := time.Now()
				id := keys.ID{Kind: keys.KindRecord, Name: [32]byte{i, 1}}
				if _, err := c.Fetch(t.Context(), id, top); !errors.Is(err, content.ErrNotFound) {
					t.Fatal(err)
				}
				took[top] += time.Since(before)
			}
		}
		t.Logf("one position: %v; four: %v", took[false]/40, took[true]/40)
		if took[true] > 3*took[false] {
			t.Errorf("one position takes %v, four take %v", took[false]/40, took[true]/40)
		}
	})
}
