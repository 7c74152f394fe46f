package node_test

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"testing"
	"testing/synctest"
	"time"

	"nightjar/internal/link"
	"nightjar/internal/link/linktest"
	"nightjar/keys"
	"nightjar/routing/wire"
)

// liar is a peer that speaks the protocol up to Hello and then does as it likes.
type liar struct {
	conn link.Conn
	id   wire.NodeID
}

// newLiar connects a hostile peer with the given identity to a node.
func (net *network) newLiar(identity ed25519.PrivateKey, to *member) *liar {
	net.t.Helper()
	return net.newLiarFor(wire.ForRouting, identity, to)
}

// newLiarFor connects it for a purpose.
func (net *network) newLiarFor(purpose wire.Purpose, identity ed25519.PrivateKey, to *member) *liar {
	net.t.Helper()
	target := to.Self()
	transport := net.mem.Transport(identity, link.Options{})
	conn, err := transport.Dial(context.Background(), string(target.Addrs[0])[len("mem/"):], target.ID)
	if err != nil {
		net.t.Fatal(err)
	}
	self, err := wire.NewDescriptor(identity, 0, [32]byte{}, []wire.Addr{"tcp/127.0.0.1:1"})
	if err != nil {
		net.t.Fatal(err)
	}
	l := &liar{conn: conn, id: self.ID}
	l.send(wire.Append(nil, wire.Hello{Version: wire.Version, Purpose: purpose, Self: self}))
	frame, err := conn.Read()
	if err != nil {
		net.t.Fatal(err)
	}
	if m, err := wire.Parse(frame); err != nil || m.(wire.Hello).Purpose != purpose {
		net.t.Fatalf("the answer to Hello is %v, %v", m, err)
	}
	return l
}

// drain reads until the node hangs up, and reports when that was.
func (l *liar) drain() <-chan time.Time {
	ended := make(chan time.Time, 1)
	go func() { // ends with the link
		for {
			if _, err := l.conn.Read(); err != nil {
				ended <- time.Now()
				return
			}
		}
	}()
	return ended
}

func (l *liar) send(frame []byte) {
	l.conn.Write(frame)
	l.conn.Flush()
}

// answer calls reply for each request until the node hangs up, and then closes done.
func (l *liar) answer(reply func(wire.Get), done chan<- struct{}) {
	defer close(done)
	for {
		frame, err := l.conn.Read()
		if err != nil {
			return
		}
		if msg, err := wire.Parse(frame); err == nil {
			if get, ok := msg.(wire.Get); ok {
				reply(get)
			}
		}
	}
}

// closest returns an identity that is closer to the block than all nodes of the network are.
func (net *network) closest(id keys.ID) ed25519.PrivateKey {
	target := id.Location(0)
	best := ^uint64(0)
	for _, m := range net.nodes {
		best = min(best, m.Location().Distance(target))
	}
	for i := 1000; ; i++ {
		seed := make([]byte, ed25519.SeedSize)
		seed[0], seed[1], seed[2] = byte(i), byte(i>>8), 0xAA
		k := ed25519.NewKeyFromSeed(seed)
		if wire.NodeID(k.Public().(ed25519.PublicKey)).Location().Distance(target) < best {
			return k
		}
	}
}

// Invariant 5.
// TestLyingPeerIsBarredAndTheReadSucceedsElsewhere covers a corrupt block, a wrong block, and rubbish instead of a message.
func TestLyingPeerIsBarredAndTheReadSucceedsElsewhere(t *testing.T) {
	other := randomBlock(200)
	for name, lie := range map[string]func(l *liar, b keys.Block, get wire.Get){
		"corrupt block": func(l *liar, b keys.Block, get wire.Get) {
			frame := wire.Append(nil, wire.Data{Req: get.Req, Block: b})
			frame[len(frame)-1] ^= 1
			l.send(frame)
		},
		"wrong block": func(l *liar, _ keys.Block, get wire.Get) {
			l.send(wire.Append(nil, wire.Data{Req: get.Req, Block: other}))
		},
		"rubbish": func(l *liar, _ keys.Block, _ wire.Get) { l.send([]byte("HTTP/1.1 200 OK")) },
		"second hello": func(l *liar, _ keys.Block, _ wire.Get) {
			d, err := wire.NewDescriptor(identityOf(1), 0, [32]byte{}, []wire.Addr{"tcp/127.0.0.1:1"})
			if err == nil {
				l.send(wire.Append(nil, wire.Hello{Version: wire.Version, Self: d}))
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				net := &network{t: t, mem: linktest.NewNetwork(), direct: true} // so that the reader asks the liar itself
				net.populate(5)
				defer net.close()
				net.settle()
				ctx := context.Background()
				b := randomBlock(3)
				if err := net.nodes[0].Client(wire.Bulk).Insert(ctx, b, false); err != nil {
					t.Fatal(err)
				}
				reader := net.start(identityOf(70), []wire.Descriptor{net.nodes[0].Self()})
				net.settle()
				liar := net.newLiar(net.closest(b.ID()), reader)
				asked, done := 0, make(chan struct{})
				go liar.answer(func(get wire.Get) { asked++; lie(liar, b, get) }, done) // ends with the link
				time.Sleep(time.Second)
				// Another node may hold the block by now; the reader must ask the network, so its own copy goes.
				got, err := reader.Client(wire.Interactive).Fetch(ctx, b.ID(), false)
				if err != nil {
					t.Fatal(err)
				}
				if !bytes.Equal(got.Data(), b.Data()) {
					t.Fatal("the lie was believed")
				}
				<-done
				if asked == 0 {
					t.Fatal("the liar was never asked: the test proves nothing")
				}
				if barred := reader.Status().Barred; barred != 1 {
					t.Errorf("%d nodes are barred, want the liar alone", barred)
				}
				again := net.newLiarLink(net.closest(b.ID()), reader)
				if again == nil {
					return
				}
				t.Error("a barred node could connect again")
			})
		})
	}
}

// newLiarLink tries to connect again; nil if the node hangs up at once.
func (net *network) newLiarLink(identity ed25519.PrivateKey, to *member) *liar {
	l := net.newLiar(identity, to)
	_, err := l.conn.Read()
	if err != nil {
		return nil
	}
	return l
}

// Invariant 3: of a peer that asks and does not read.
// TestPeerThatOnlyAsksIsCutOff: what a peer makes a node hold by asking without reading is bounded.
func TestPeerThatOnlyAsksIsCutOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		net := newNetwork(t, 2)
		defer net.close()
		net.settle()
		b := randomBlock(3)
		if err := net.nodes[0].Client(wire.Bulk).Insert(context.Background(), b, false); err != nil {
			t.Fatal(err)
		}
		l := net.newLiar(identityOf(90), net.nodes[1])
		defer l.conn.Close()
		for i := range 20000 {
			if l.conn.Write(wire.Append(nil, wire.Get{Req: wire.Req(i), HTL: 5, Class: wire.Bulk, ID: b.ID()})) != nil {
				break
			}
		}
		l.conn.Flush()
		time.Sleep(2 * time.Minute)
		for _, p := range net.nodes[1].Status().Peers {
			if p.ID == l.id {
				t.Error("the peer is still connected, and still does not read")
			}
		}
	})
}
