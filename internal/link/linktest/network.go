package linktest

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"sync"
	"syscall"
	"time"

	"nightjar/internal/link"
	"nightjar/routing/wire"
)

// firstPort is the first port that a Network gives to a listener that asks for any.
const firstPort = 20000

// Network is a network in memory.
type Network struct {
	mu        sync.Mutex
	latency   func(from, to wire.NodeID) time.Duration
	listeners map[netip.AddrPort]*memListener
	nextPort  uint16
	cut       map[wire.NodeID]bool
	pipes     map[*pipe]struct{}
}

// pipe is a connection between two nodes. A stranger's end has the zero identity.
type pipe struct {
	from, to     wire.NodeID
	dialled, got *end
	open         int // ends that are not closed; guarded by the Network's lock
}

// NewNetwork makes a network without latency, to which all nodes are connected.
func NewNetwork() *Network {
	return &Network{
		latency:   func(wire.NodeID, wire.NodeID) time.Duration { return 0 },
		listeners: make(map[netip.AddrPort]*memListener),
		nextPort:  firstPort,
		cut:       make(map[wire.NodeID]bool),
		pipes:     make(map[*pipe]struct{}),
	}
}

// SetLatency sets how long bytes take from one node to another, for connections that are made from now on.
func (n *Network) SetLatency(f func(from, to wire.NodeID) time.Duration) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.latency = f
}

// Isolate loses all connections of a node and lets nobody reach it, nor it anybody, until Restore.
func (n *Network) Isolate(id wire.NodeID) {
	n.mu.Lock()
	n.cut[id] = true
	n.mu.Unlock()
	n.lose(func(p *pipe) bool { return p.from == id || p.to == id })
}

// Restore ends an Isolate.
func (n *Network) Restore(id wire.NodeID) {
	n.mu.Lock()
	defer n.mu.Unlock()
	delete(n.cut, id)
}

// Break loses all connections between two nodes. They can connect again.
func (n *Network) Break(a, b wire.NodeID) {
	n.lose(func(p *pipe) bool { return p.from == a && p.to == b || p.from == b && p.to == a })
}

func (n *Network) lose(match func(*pipe) bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for p := range n.pipes {
		if match(p) {
			p.dialled.lose() // loses both directions
		}
	}
}

// connect makes a connection from a node to whoever listens at address, as a SYN and its answer do: after a round trip.
func (n *Network) connect(ctx context.Context, from wire.NodeID, address string) (*end, error) {
	to, err := netip.ParseAddrPort(address)
	if err != nil {
		return nil, errors.New("linktest: the address is not IP:port")
	}
	n.mu.Lock()
	l := n.listeners[to]
	lost := n.cut[from] || l != nil && n.cut[l.self.ID()]
	var latency time.Duration
	if l != nil {
		latency = n.latency(from, l.self.ID())
	}
	n.mu.Unlock()
	if lost {
		<-ctx.Done()
		return nil, ctx.Err()
	}
	if err := wait(ctx, 2*latency); err != nil {
		return nil, err
	}
	if l == nil {
		return nil, syscall.ECONNREFUSED
	}
	p := n.newPipe(from, l.self.ID(), latency)
	select {
	case l.strangers <- p.got:
		return p.dialled, nil
	case <-l.done:
		err = syscall.ECONNREFUSED
	case <-ctx.Done():
		err = ctx.Err()
	}
	p.dialled.Close()
	p.got.Close()
	return nil, err
}

func (n *Network) newPipe(from, to wire.NodeID, latency time.Duration) *pipe {
	p := &pipe{from: from, to: to, open: 2}
	var b link.Binding
	rand.Read(b[:])
	closed := func() {
		n.mu.Lock()
		defer n.mu.Unlock()
		if p.open--; p.open == 0 {
			delete(n.pipes, p)
		}
	}
	there, back := newFlow(latency), newFlow(latency)
	p.dialled = &end{in: back, out: there, binding: b, onClose: closed}
	p.got = &end{in: there, out: back, binding: b, onClose: closed}
	n.mu.Lock()
	defer n.mu.Unlock()
	n.pipes[p] = struct{}{}
	if n.cut[from] || n.cut[to] { // since connect looked
		p.dialled.lose()
	}
	return p
}

func wait(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return ctx.Err()
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// memTransport is a node's transport on a Network.
type memTransport struct {
	net  *Network
	self *link.Self
}

// Transport makes the transport "mem" of a node on the network.
func (n *Network) Transport(identity ed25519.PrivateKey, o link.Options) link.Transport {
	return &memTransport{net: n, self: link.NewSelf(identity, o)}
}

func (t *memTransport) Name() string { return "mem" }

func (t *memTransport) Dial(ctx context.Context, address string, peer wire.NodeID) (link.Conn, error) {
	return t.self.Dial(ctx, peer, func(ctx context.Context) (link.Channel, error) {
		return t.net.connect(ctx, t.self.ID(), address)
	})
}

// memListener is a listener on a Network.
type memListener struct {
	*link.Acceptor
	net       *Network
	self      *link.Self
	address   netip.AddrPort
	strangers chan *end
	done      chan struct{}
	close     sync.Once
}

func (t *memTransport) Listen(address string) (link.Listener, error) {
	l, err := t.net.listen(t.self, address)
	if err != nil {
		return nil, fmt.Errorf("linktest: listen: %w", err)
	}
	// Ends when the listener is closed.
	l.Go(func() {
		l.Serve(func() (link.Stranger, error) {
			ch, err := l.next(context.Background())
			if err != nil {
				return link.Stranger{}, err
			}
			return link.Stranger{
				Source: l.address.Addr(),
				Open:   func(context.Context) (link.Channel, error) { return ch, nil },
				Drop:   func() { ch.Close() },
			}, nil
		})
	})
	return l, nil
}

// listen takes an address for a listener that runs nothing yet.
func (n *Network) listen(self *link.Self, address string) (*memListener, error) {
	at, err := netip.ParseAddrPort(address)
	if err != nil {
		return nil, err
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	if at.Port() == 0 {
		for n.listeners[netip.AddrPortFrom(at.Addr(), n.nextPort)] != nil {
			n.nextPort++
		}
		at = netip.AddrPortFrom(at.Addr(), n.nextPort)
		n.nextPort++
	}
	if n.listeners[at] != nil {
		return nil, syscall.EADDRINUSE
	}
	l := &memListener{
		Acceptor: self.NewAcceptor(), net: n, self: self, address: at,
		strangers: make(chan *end), done: make(chan struct{}),
	}
	n.listeners[at] = l
	return l, nil
}

// next returns the next stranger's end.
func (l *memListener) next(ctx context.Context) (*end, error) {
	select {
	case e := <-l.strangers:
		return e, nil
	case <-l.done:
		return nil, net.ErrClosed
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (l *memListener) Address() string { return l.address.String() }

func (l *memListener) Close() error {
	l.close.Do(func() {
		l.net.mu.Lock()
		delete(l.net.listeners, l.address)
		l.net.mu.Unlock()
		close(l.done)
	})
	l.Acceptor.Close()
	return nil
}
