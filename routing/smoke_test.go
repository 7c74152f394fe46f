package routing

import (
	"math/rand/v2"
	"testing"
	"time"

	"nightjar/crypto"
	"nightjar/keys"
	"nightjar/routing/wire"
)

type netEvent struct {
	to int
	ev Event
}

func TestSmoke(t *testing.T) {
	const n = 8
	now := time.Unix(1000, 0)
	rng := rand.New(rand.NewPCG(1, 2))
	var ms []*Machine
	ids := map[wire.NodeID]int{}
	var idl []wire.NodeID
	stores := make([]map[keys.ID]keys.Block, n)
	for i := range n {
		var id wire.NodeID
		id[0] = byte(i + 1)
		ids[id] = i
		idl = append(idl, id)
		ms = append(ms, New(Config{Self: id, Rand: rng}))
		stores[i] = map[keys.ID]keys.Block{}
	}
	var q []netEvent
	done := map[Token]Done{}
	step := func(i int, ev Event) {
		for _, e := range ms[i].Step(now, ev) {
			switch e := e.(type) {
			case Send:
				q = append(q, netEvent{ids[e.To], Received{idl[i], e.Msg}})
			case Lookup:
				q = append(q, netEvent{i, LookedUp{e.Ref, stores[i][e.ID]}})
			case Keep:
				stores[i][e.Block.ID()] = e.Block
				if e.Ref != 0 {
					q = append(q, netEvent{i, Kept{e.Ref, true}})
				}
			case Done:
				done[e.Token] = e
			case Misbehaved:
				t.Fatalf("misbehaved %T %+v", ev, ev)
			}
		}
	}
	run := func() {
		for len(q) > 0 {
			e := q[0]
			q = q[1:]
			now = now.Add(time.Millisecond)
			step(e.to, e.ev)
		}
	}
	for i := range n {
		for j := range n {
			if i != j {
				step(i, PeerUp{idl[j]})
			}
		}
	}
	var blocks []keys.Block
	for i := range 200 {
		buf := make([]byte, keys.DataSize)
		b := keys.SealData(buf, &crypto.Key{byte(i), 1})
		blocks = append(blocks, b)
		step(i%n, LocalPut{Token: Token(i), Block: b, Class: wire.Bulk})
	}
	run()
	for i := range blocks {
		if done[Token(i)].Copies != 3 {
			t.Fatal(i, done[Token(i)])
		}
		step((i*3)%n, LocalGet{Token: Token(1000 + i), ID: blocks[i].ID()})
	}
	run()
	for i := range blocks {
		if done[Token(i+1000)].Block.IsZero() {
			t.Fatal(i, done[Token(i+1000)])
		}
	}
}
