package circuit

import (
	"testing"
	"time"

	"nightjar/routing/wire"
)

func TestGetAndPutOverThreeHops(t *testing.T) {
	w := newNet(t, 5, nil)
	c := w.nodes[0]
	w.ready(c)
	b := w.keep(1)[0]
	began := w.now
	w.step(c, Get{Token: 1, ID: b.ID(), Class: wire.Interactive, Group: groupOf(1, 1)})
	w.await(c, 1, time.Minute)
	if !same(c.done[1], b) {
		t.Fatalf("not the block: %+v", c.done[1])
	}
	if took := w.now.Sub(began); took > 100*time.Millisecond {
		t.Errorf("a block took %v", took)
	}
	n := w.block()
	w.step(c, Put{Token: 2, Block: n, Class: wire.Bulk, Group: groupOf(2, 1)})
	w.await(c, 2, time.Minute)
	if c.done[2].Copies != 3 || w.stored[n.ID()].IsZero() {
		t.Fatalf("not stored: %+v", c.done[2])
	}
	w.step(c, Get{Token: 3, ID: w.block().ID(), Class: wire.Interactive, Group: groupOf(1, 1)})
	w.await(c, 3, time.Minute)
	if c.done[3].Reason != wire.NotFound {
		t.Fatalf("found what is not there: %+v", c.done[3])
	}
	if len(c.launched) != 0 {
		t.Error("the originator launched its own request")
	}
}

func TestBlocksOfADownloadAreSpreadOverItsCircuits(t *testing.T) {
	w := newNet(t, 12, nil)
	c := w.nodes[0]
	w.ready(c)
	blocks := w.keep(300)
	for i, b := range blocks {
		w.step(c, Get{Token: Token(i + 1), ID: b.ID(), Class: wire.Bulk, Group: groupOf(1, len(blocks))})
	}
	w.await(c, Token(len(blocks)), 5*time.Minute)
	for i, b := range blocks {
		if !same(c.done[Token(i+1)], b) {
			t.Fatalf("block %d: %+v", i, c.done[Token(i+1)])
		}
	}
	if got := len(c.m.origin.groups[[32]byte{1}].places); got != Circuits(len(blocks)) {
		t.Errorf("%d circuits for 300 blocks", got)
	}
	perBlock := float64(w.cells) / float64(len(blocks))
	t.Logf("%.1f cells per block on links, builds included; %v", perBlock, w.now.Sub(rigStart))
}

func TestCircuitsOfAGroupFollowItsBlocks(t *testing.T) {
	for blocks, want := range map[int]int{0: 4, 1: 4, 8: 4, 9: 5, 16: 8, 31: 16, 32: 16, 1 << 40: 16, -1: 4} {
		if got := Circuits(blocks); got != want {
			t.Errorf("%d circuits for %d blocks, want %d", got, blocks, want)
		}
	}
	w := newNet(t, 12, nil)
	c := w.nodes[0]
	w.ready(c)
	for i, b := range w.keep(2) {
		w.step(c, Get{Token: Token(i + 1), ID: b.ID(), Class: wire.Interactive, Group: groupOf(1, 1000)})
	}
	w.await(c, 2, time.Minute)
	taken := 0
	for _, p := range c.m.origin.groups[[32]byte{1}].places {
		if p.own != nil {
			taken++
		}
	}
	if taken < 1 || taken > 2 {
		t.Errorf("%d circuits are taken for 2 requests", taken)
	}
}

func TestLossOfARelayOnlySlows(t *testing.T) {
	for hop, name := range []string{"guard", "middle", "launch node"} {
		t.Run(name, func(t *testing.T) {
			w := newNet(t, 9, nil)
			c := w.nodes[0]
			w.ready(c)
			victim := w.hopOf(c.m.origin.own[0], hop)
			blocks := w.keep(200)
			for i, b := range blocks {
				w.step(c, Get{Token: Token(i + 1), ID: b.ID(), Class: wire.Bulk, Group: groupOf(1, len(blocks))})
			}
			w.run(time.Minute, func() bool { return len(c.done) >= 20 })
			victim.deaf = true
			w.cut(victim)
			w.await(c, Token(len(blocks)), 2*time.Minute)
			for i, b := range blocks {
				if !same(c.done[Token(i+1)], b) {
					t.Fatalf("block %d: %+v", i, c.done[Token(i+1)])
				}
			}
		})
	}
}
