package routing

import (
	"math/rand/v2"
	"testing"
	"time"

	"nightjar/keys"
	"nightjar/routing/wire"
)

// benchMachine is a node with 24 peers and the blocks that go past it.
func benchMachine() (m *Machine, peers []wire.NodeID, blocks []keys.Block) {
	m = New(Config{Self: idNear(0.25), Rand: rand.New(rand.NewPCG(1, 2))})
	for i := range MaxDegree {
		peers = append(peers, idNear(float64(i)/MaxDegree+0.01))
		m.Step(time.Unix(0, 0), PeerUp{peers[i]})
	}
	for i := 0; len(blocks) < 1024; i++ {
		b := keys.Restore(keys.ID{Kind: keys.KindData, Name: [32]byte{byte(i), byte(i >> 8), 1}}, make([]byte, 1))
		if at := b.ID().Location(0); farthest(peers, b).Location().Distance(at) > m.at.Distance(at) {
			blocks = append(blocks, b)
		}
	}
	return m, peers, blocks
}

// farthest is the peer from which an honest request for the block comes most likely.
func farthest(peers []wire.NodeID, b keys.Block) wire.NodeID {
	at := b.ID().Location(0)
	best := peers[0]
	for _, p := range peers {
		if p.Location().Distance(at) > best.Location().Distance(at) {
			best = p
		}
	}
	return best
}

// BenchmarkRelayedGet measures all that a node does for a Get that passes: the request, the own store's answer, and
// the block that comes back are three events; 256 requests are under way at any time.
func BenchmarkRelayedGet(b *testing.B) {
	m, peers, blocks := benchMachine()
	askers := make([]wire.NodeID, len(blocks))
	for i := range blocks {
		askers[i] = farthest(peers, blocks[i])
	}
	now := time.Unix(1, 0)
	type open struct {
		to  wire.NodeID
		req wire.Req
	}
	var window []open
	var first int
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		now = now.Add(50 * time.Microsecond)
		block := blocks[i%len(blocks)]
		events := m.Step(now, Received{askers[i%len(blocks)], wire.Get{Req: wire.Req(i), HTL: 12, Class: wire.Bulk, ID: block.ID()}})
		look, ok := events[0].(Lookup)
		if !ok {
			b.Fatalf("%T", events[0])
		}
		effects := m.Step(now, LookedUp{Ref: look.Ref})
		send := effects[0].(Send)
		window = append(window, open{send.To, send.Msg.(wire.Get).Req})
		i++
		if len(window)-first < 256 {
			continue
		}
		o := window[first]
		if first++; first == 4096 {
			window, first = append(window[:0], window[first:]...), 0
		}
		for _, e := range m.Step(now, Received{o.to, wire.Data{Req: o.req, Block: blocks[(i-256)%len(blocks)]}}) {
			if bad, ok := e.(Misbehaved); ok {
				b.Fatal(bad)
			}
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/3, "ns/event")
}

// BenchmarkKeptPut measures a Put with HTL 0: the block comes, the store keeps it.
func BenchmarkKeptPut(b *testing.B) {
	m, peers, blocks := benchMachine()
	now := time.Unix(1, 0)
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		now = now.Add(50 * time.Microsecond)
		effects := m.Step(now, Received{peers[i%len(peers)], wire.Put{Req: wire.Req(i), Block: blocks[i%len(blocks)]}})
		m.Step(now, Kept{effects[0].(Keep).Ref, true})
		i++
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/2, "ns/event")
}
