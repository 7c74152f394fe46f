package routing

import (
	"math/rand/v2"
	"testing"

	"nightjar/keys"
	"nightjar/routing/wire"
)

// TestKeepsSayForWhom has blocks come to be kept in each way there is, and looks in whose name: in that of the peer that asked, never of the one
// that answered; all that comes through circuits in one.
func TestKeepsSayForWhom(t *testing.T) {
	self, asker, answerer := idNear(0.25), idNear(0.05), idNear(0.45)
	kept := func(events func(b keys.Block) []Event) (all []Keep) {
		for i := range 40 { // what passes is cached now and then
			m := New(Config{Self: self, Rand: rand.New(rand.NewPCG(1, uint64(i))), CacheOneIn: 1})
			for _, p := range []wire.NodeID{asker, answerer} {
				m.Step(start, PeerUp{p})
			}
			b := blockNear(0.5, 0, i)
			for _, ev := range events(b) {
				for _, e := range m.Step(start, ev) {
					switch e := e.(type) {
					case Keep:
						all = append(all, e)
					case Lookup:
						m.Step(start, LookedUp{Ref: e.Ref})
					}
				}
				for req, a := range m.links[answerer].sent {
					if !a.r.key.put {
						for _, e := range m.Step(start, Received{answerer, wire.Data{Req: req, Block: b}}) {
							if k, ok := e.(Keep); ok {
								all = append(all, k)
							}
						}
					}
				}
			}
		}
		return all
	}
	here := func(b keys.Block) keys.Block { return blockNear(0.26, 0, int(b.Data()[0])) }
	for _, c := range []struct {
		name   string
		events func(b keys.Block) []Event
		want   Asker
	}{
		{"a put that belongs here", func(b keys.Block) []Event { return []Event{Received{asker, wire.Put{Req: 1, HTL: 9, Block: here(b)}}} }, Asker{Peer: asker}},
		{"a copy for a sink", func(b keys.Block) []Event { return []Event{Received{asker, wire.Put{Req: 1, Block: b}}} }, Asker{Peer: asker}},
		{"what passes", func(b keys.Block) []Event {
			return []Event{Received{asker, wire.Get{Req: 1, HTL: 9, ID: b.ID()}}}
		}, Asker{Peer: asker}},
		{"a put of a circuit", func(b keys.Block) []Event { return []Event{LocalPut{Token: 1, Block: here(b), Launch: true}} }, Asker{Foreign: true}},
		{"a put of the local user", func(b keys.Block) []Event { return []Event{LocalPut{Token: 1, Block: here(b)}} }, Asker{}},
	} {
		all := kept(c.events)
		if len(all) == 0 {
			t.Errorf("%s: nothing is kept", c.name)
		}
		for _, k := range all {
			if k.For != c.want {
				t.Errorf("%s: kept for %+v, want %+v", c.name, k.For, c.want)
			}
		}
	}
}
