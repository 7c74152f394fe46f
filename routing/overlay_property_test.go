package routing

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"nightjar/keys"
	"nightjar/routing/wire"
)

// TestRandomEventsKeepTheOverlayInOrder gives an overlay events in an order in which no shell would, and checks its books.
func TestRandomEventsKeepTheOverlayInOrder(t *testing.T) {
	for seed := range uint64(30) {
		rng := rand.New(rand.NewPCG(seed, 4))
		o := newOverlay(seed)
		now := start
		var asked []Send
		for range 1500 {
			now = now.Add(time.Duration(rng.Int64N(int64(300 * time.Millisecond))))
			n := paper(rng.IntN(60))
			var ev OverlayEvent
			switch rng.IntN(8) {
			case 0:
				ev = Learned{[]wire.Descriptor{n, {ID: o.self}}}
			case 1, 2:
				ev = Linked{Self: n, Inbound: rng.IntN(2) == 0}
			case 3:
				ev = Unlinked{n.ID}
			case 4:
				ev = DialFailed{n.ID}
			case 5:
				ev = Asked{n.ID, wire.Near{Req: wire.Req(rng.Uint32()), Target: keys.Location(rng.Uint64())}}
			case 6:
				ev = Overdue{}
				if len(asked) > 0 {
					s := asked[rng.IntN(len(asked))]
					ev = Asked{s.To, wire.Nodes{Req: s.Msg.(wire.Near).Req, Nodes: []wire.Descriptor{paper(rng.IntN(500)), {ID: o.self}}}}
				}
			case 7:
				ev = Overdue{}
			}
			for _, e := range o.Step(now, ev) {
				if s, ok := e.(Send); ok {
					if _, ok := s.Msg.(wire.Near); ok {
						asked = append(asked, s)
					}
				}
			}
			checkOverlay(t, o, now)
		}
	}
}

func checkOverlay(t *testing.T, o *Overlay, now time.Time) {
	t.Helper()
	o.table.check(t)
	if len(o.dials) > maxDials || len(o.gossip.questions) > maxQuestions {
		t.Fatalf("%d dials, %d questions", len(o.dials), len(o.gossip.questions))
	}
	for _, n := range o.table.all {
		if n.dialing != slices.Contains(o.dials, n) || n.dialing && n.linked {
			t.Fatal("the list of dials is in disorder")
		}
	}
	for i := range o.slots {
		if n := o.slots[i].node; n != nil && o.table.known[n.desc.ID] != n {
			t.Fatal("a slot is filled by a node that is forgotten")
		}
	}
	if wake, ok := o.NextDeadline(); ok && !wake.After(now) {
		t.Fatalf("the overlay wants to be woken %v ago: the shell would spin", now.Sub(wake))
	}
}
