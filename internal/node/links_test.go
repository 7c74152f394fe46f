package node_test

import (
	"testing"
	"testing/synctest"
	"time"

	"nightjar/internal/link/linktest"
	"nightjar/routing/wire"
)

// one starts a network of a single node, which strangers then connect to.
func one(t *testing.T) *network {
	net := &network{t: t, mem: linktest.NewNetwork()}
	net.populate(1)
	return net
}

func TestALinkForCircuitsIsNoPeer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		net := one(t)
		defer net.close()
		m := net.nodes[0]
		l := net.newLiarFor(wire.ForCircuits, identityOf(90), m)
		ended := l.drain()
		start := time.Now()
		time.Sleep(time.Second)
		if s := m.Status(); len(s.Peers) != 0 || s.Onion.Links != 1 {
			t.Errorf("the node has %d peers and %d links for circuits", len(s.Peers), s.Onion.Links)
		}
		// One that carries no circuit is closed after some minutes, though it answers.
		stop := make(chan struct{})
		go func() { // ends with stop
			for {
				select {
				case <-stop:
					return
				case <-time.After(10 * time.Second):
					l.send(wire.Append(nil, wire.Ping{}))
				}
			}
		}()
		if idle := (<-ended).Sub(start); idle < 4*time.Minute || idle > 5*time.Minute {
			t.Errorf("an idle link was closed after %v", idle)
		}
		close(stop)
		if s := m.Status(); s.Onion.Links != 0 || s.Barred != 0 {
			t.Errorf("afterwards there are %d links, and %d nodes are barred", s.Onion.Links, s.Barred)
		}
	})
}

// What is not about circuits has no place on such a link.
func TestALinkForCircuitsCarriesNothingElse(t *testing.T) {
	b := randomBlock(1)
	for name, m := range map[string]wire.Message{
		"get":   wire.Get{Req: 1, HTL: 5, ID: b.ID()},
		"put":   wire.Put{Req: 1, HTL: 5, Block: b},
		"near":  wire.Near{Req: 1},
		"root":  wire.Root{},
		"hello": wire.Hello{Version: wire.Version, Purpose: wire.ForCircuits},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				net := one(t)
				defer net.close()
				l := net.newLiarFor(wire.ForCircuits, identityOf(90), net.nodes[0])
				l.send(wire.Append(nil, m))
				<-l.drain()
				if s := net.nodes[0].Status(); s.Barred != 1 {
					t.Errorf("%d nodes are barred", s.Barred)
				}
			})
		})
	}
}

func TestLinksOfOneNodeAreFew(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		net := one(t)
		var ends []<-chan time.Time
		for range 6 {
			ends = append(ends, net.newLiarFor(wire.ForCircuits, identityOf(90), net.nodes[0]).drain())
		}
		time.Sleep(time.Second)
		if s := net.nodes[0].Status().Onion; s.Links != 4 {
			t.Errorf("one node has %d links for circuits", s.Links)
		}
		refused := []<-chan time.Time{ends[4], ends[5]}
		for _, end := range refused {
			<-end
		}
		net.close()
		for _, end := range ends[:4] {
			<-end
		}
	})
}

// In a network in which not everybody is a peer, circuits pass nodes that are not: their links are dialled when they are wanted.
func TestCircuitsReachBeyondPeers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		net := &network{t: t, mem: linktest.NewNetwork()}
		net.populate(20)
		defer net.close()
		net.settle()
		links, unlinked := 0, 0
		for i, m := range net.nodes {
			s := m.Status()
			if s.Onion.Ready == 0 || s.Onion.Relays != len(net.nodes)-1 {
				t.Errorf("node %d: %+v", i, s.Onion)
			}
			links += s.Onion.Links
			unlinked += len(net.nodes) - 1 - len(s.Peers)
		}
		if links == 0 || unlinked == 0 {
			t.Fatalf("%d links for circuits, %d pairs that are no peers: the test proves nothing", links, unlinked)
		}
		b := randomBlock(1)
		if err := net.nodes[3].Client(wire.Bulk).Insert(t.Context(), b, false); err != nil {
			t.Fatal(err)
		}
		if _, err := net.nodes[17].Client(wire.Interactive).Fetch(t.Context(), b.ID(), false); err != nil {
			t.Fatal(err)
		}
	})
}
