package node_test

import (
	"context"
	"crypto/ed25519"
	"encoding/binary"
	"net/netip"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"nightjar/internal/link"
	"nightjar/internal/link/linktest"
	"nightjar/routing/wire"
)

// placed is a transport whose inbound links come from wherever the test says.
type placed struct {
	link.Transport
	from *atomic.Pointer[netip.Addr]
}

type placedListener struct {
	link.Listener
	from *atomic.Pointer[netip.Addr]
}

type placedConn struct {
	link.Conn
	at netip.Addr
}

func (t placed) Listen(address string) (link.Listener, error) {
	l, err := t.Transport.Listen(address)
	return placedListener{l, t.from}, err
}

func (l placedListener) Accept(ctx context.Context) (link.Conn, error) {
	c, err := l.Listener.Accept(ctx)
	if err != nil {
		return nil, err
	}
	return placedConn{c, *l.from.Load()}, nil
}

func (c placedConn) Remote() netip.Addr { return c.at }

// placedOne is a network of one node, and a way to say where the next link comes from.
func placedOne(t *testing.T) (net *network, from func(string)) {
	at := new(atomic.Pointer[netip.Addr])
	from = func(s string) {
		a := netip.MustParseAddr(s)
		at.Store(&a)
	}
	from("127.0.0.1")
	net = &network{t: t, mem: linktest.NewNetwork(), wrap: func(t link.Transport) link.Transport { return placed{t, at} }}
	net.populate(1)
	return net, from
}

func numbered(n int) ed25519.PrivateKey {
	seed := make([]byte, ed25519.SeedSize)
	seed[0] = 0xEE
	binary.BigEndian.PutUint32(seed[1:], uint32(n))
	return ed25519.NewKeyFromSeed(seed)
}

// silent connects and says nothing; the channel is closed when the node hangs up.
func (net *network) silent(n int, to *member) (link.Conn, <-chan struct{}) {
	net.t.Helper()
	target := to.Self()
	conn, err := net.mem.Transport(numbered(n), link.Options{}).Dial(context.Background(), string(target.Addrs[0])[len("mem/"):], target.ID)
	if err != nil {
		net.t.Fatal(err)
	}
	time.Sleep(10 * time.Millisecond) // until the node has it, from where it comes now
	ended := make(chan struct{})
	go func() { // ends with the link
		defer close(ended)
		conn.Read()
	}()
	return conn, ended
}

// Strangers who say nothing do not shut out those who do: the oldest of the network that has most goes.
func TestSilentStrangersShutNobodyOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		net, from := placedOne(t)
		defer net.close()
		m := net.nodes[0]
		gone := func(c <-chan struct{}) bool {
			synctest.Wait()
			select {
			case <-c:
				return true
			default:
				return false
			}
		}
		from("198.51.100.1")
		first, firstGone := net.silent(0, m)
		defer first.Close()
		from("192.0.2.1")
		var ends []<-chan struct{}
		for i := range 63 {
			c, end := net.silent(1+i, m)
			defer c.Close()
			ends = append(ends, end)
		}
		time.Sleep(time.Second)
		if gone(ends[0]) {
			t.Fatal("64 strangers are too many already")
		}
		from("203.0.113.1")
		l := net.newLiarFor(wire.ForCircuits, numbered(500), m) // it says Hello, and is answered
		defer l.conn.Close()
		time.Sleep(time.Second)
		if gone(firstGone) || !gone(ends[0]) || gone(ends[1]) {
			t.Errorf("hung up on the only one of its network %v, the oldest of many %v, the next %v", gone(firstGone), gone(ends[0]), gone(ends[1]))
		}
		for _, end := range append(ends, firstGone) { // all must be gone before the node ends
			<-end
		}
	})
}

// No network has more than its share of the links for circuits.
func TestLinksOfOneNetworkAreAShare(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		net, from := placedOne(t)
		m := net.nodes[0]
		var ends []<-chan time.Time
		open := func(n int, addr string) {
			from(addr)
			ends = append(ends, net.newLiarFor(wire.ForCircuits, numbered(n), m).drain())
		}
		open(0, "2001:db8:1::1")
		for i := range 70 {
			open(1+i, "192.0.2.7")
		}
		open(100, "192.0.3.7")
		time.Sleep(time.Second)
		if s := m.Status().Onion; s.Links != 66 {
			t.Errorf("%d links, want 64 of one network and two others", s.Links)
		}
		for _, end := range ends[1:7] {
			<-end // the oldest idle ones of the network went
		}
		for i := range 70 { // this machine and private networks have no such bound
			open(200+i, "10.0.0.1")
		}
		time.Sleep(time.Second)
		if s := m.Status().Onion; s.Links != 136 {
			t.Errorf("%d links, want 136", s.Links)
		}
		net.close()
		for _, end := range append(ends[:1:1], ends[7:]...) {
			<-end
		}
	})
}
