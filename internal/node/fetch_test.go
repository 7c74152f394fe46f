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

// The newest of many editions is found within a second, through circuits: a search takes few rounds, and a round the time of two requests.
func TestTheNewestOfManyEditionsIsFoundSoon(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		net := newNetwork(t, 8)
		defer net.close()
		net.settle()
		a := newAuthor(t)
		const editions = 10_000
		for n := range int64(editions) {
			if err := (direct{net}).Insert(t.Context(), a.edition(n), true); err != nil {
				t.Fatal(err)
			}
		}
		c := net.nodes[4].Client(wire.Interactive)
		defer c.Close()
		before := time.Now()
		found, err := content.Newest(t.Context(), c, a.site(0), 0)
		if err != nil || found.Edition != editions-1 {
			t.Fatalf("found %d: %v", found.Edition, err)
		}
		took := time.Since(before)
		t.Logf("%d editions: %v", editions, took)
		if took > time.Second {
			t.Errorf("the newest of %d editions was found after %v", editions, took)
		}
	})
}
