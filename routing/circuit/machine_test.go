package circuit

import (
	"testing"
	"time"

	"nightjar/routing/wire"
)

// Bodies go round as they do in a node: what was written comes back with Written, what is left over goes to the readers. All are spoilt on the way,
// so that a body that somebody still needs would be noticed.
func TestCellsThatComeTogetherAndBodiesThatGoRound(t *testing.T) {
	w := newNet(t, 9, oneUser)
	w.together = true
	c := w.nodes[0]
	w.ready(c)
	left := 0
	for _, p := range w.nodes {
		p.spy = func(Effect) {
			for b := p.m.Surplus(); b != nil; b = p.m.Surplus() {
				for i := range b {
					b[i] = 0xa5
				}
				left++
			}
			for _, b := range p.m.spare {
				b[0] ^= 0xff
			}
		}
	}
	blocks := w.keep(60)
	for i, b := range blocks {
		w.step(c, Get{Token: Token(2*i + 1), ID: b.ID(), Class: wire.Bulk, Group: groupOf(1, len(blocks))})
		w.step(c, Put{Token: Token(2*i + 2), Block: w.block(), Class: wire.Bulk, Group: groupOf(2, len(blocks))})
	}
	w.await(c, Token(2*len(blocks)), 2*time.Minute)
	for i, b := range blocks {
		if got, put := c.done[Token(2*i+1)], c.done[Token(2*i+2)]; !same(got, b) || put.Copies != 3 {
			t.Fatalf("block %d: %v, %v", i, got.Reason, put)
		}
	}
	if w.gathered < 2 || left == 0 {
		t.Errorf("at most %d cells came together, and %d bodies were left over: the test shows nothing", w.gathered, left)
	}
	for _, p := range w.nodes {
		if len(p.m.spare) > maxSpare || p.bad > 0 {
			t.Errorf("%s keeps %d bodies and accuses %d times", p.name, len(p.m.spare), p.bad)
		}
	}
}
