package node

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"time"

	"nightjar/internal/link"
	"nightjar/routing"
	"nightjar/routing/circuit"
	"nightjar/routing/wire"
)

const (
	// dialTime bounds the attempt to reach a node on one address, connectTime all of a node's addresses: the overlay forgets a
	// dial after 30 s.
	dialTime    = 8 * time.Second
	connectTime = 25 * time.Second
	// helloTime bounds how long a new link may take to say Hello.
	helloTime = 5 * time.Second
)

// errHello reports a peer that did not introduce itself as the protocol demands.
var errHello = errors.New("node: bad hello")

// accept takes in links until ctx ends.
func (n *Node) accept(ctx context.Context, l link.Listener, name string) {
	for {
		conn, err := l.Accept(ctx)
		if err != nil {
			if ctx.Err() != nil || errors.Is(err, net.ErrClosed) {
				return
			}
			n.cfg.Log.Warn("a listener failed", "err", err)
			select {
			case <-time.After(time.Second): // out of descriptors, say: try again, slowly
				continue
			case <-ctx.Done():
				return
			}
		}
		if silent := n.strangers.enter(conn); silent != nil {
			n.spawn(func() { silent.Close() }) // ends when goodbye is said
		}
		// Ends within helloTime.
		started := n.spawn(func() {
			defer n.strangers.leave(conn)
			if n.introduce(ctx, conn, meeting{transport: name}) != nil {
				conn.Close()
			}
		})
		if !started {
			conn.Close()
		}
	}
}

// dialFor carries out a Dial effect.
func (n *Node) dialFor(ctx context.Context, d wire.Descriptor) {
	if n.connect(ctx, d, wire.ForRouting) != nil {
		n.inbox.push(routing.DialFailed{Peer: d.ID})
	}
}

// AddPeer connects to a node and waits for the link.
func (n *Node) AddPeer(ctx context.Context, d wire.Descriptor) error {
	if d.ID == n.self {
		return errors.New("node: this is the node itself")
	}
	select {
	case <-n.ready:
	case <-n.ended:
		return ErrStopped
	case <-ctx.Done():
		return ctx.Err()
	}
	if n.life.Err() != nil {
		return ErrStopped
	}
	for _, p := range n.Status().Peers {
		if p.ID == d.ID {
			return nil
		}
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(n.life, cancel)()
	if err := n.connect(ctx, d, wire.ForRouting); err != nil {
		return err
	}
	// Only now, or the overlay would dial as well and the two links would end each other.
	n.inbox.push(learned{[]wire.Descriptor{d}})
	return nil
}

// connect tries the node's addresses over the transports, the preferred one first, until one leads to a link.
func (n *Node) connect(ctx context.Context, d wire.Descriptor, purpose wire.Purpose) error {
	ctx, cancel := context.WithTimeout(ctx, connectTime)
	defer cancel()
	err := errors.New("node: no address that this node can dial")
	for _, t := range n.cfg.Transports {
		for _, a := range d.Addrs {
			address, ok := strings.CutPrefix(string(a), t.Name()+"/")
			if !ok {
				continue
			}
			if err = n.connectTo(ctx, door{t, address}, d.ID, purpose); err == nil {
				return nil
			}
			if ctx.Err() != nil {
				return ctx.Err()
			}
		}
	}
	return err
}

// door is one address of a node, and how to get there.
type door struct {
	link.Transport
	address string
}

func (n *Node) connectTo(ctx context.Context, t door, id wire.NodeID, purpose wire.Purpose) error {
	ctx2, cancel := context.WithTimeout(ctx, dialTime)
	defer cancel()
	conn, err := t.Dial(ctx2, t.address, id)
	if err != nil {
		return fmt.Errorf("dial: %w", err)
	}
	if err = n.introduce(n.life, conn, meeting{transport: t.Name(), purpose: purpose, address: wire.Addr(t.Name() + "/" + t.address)}); err != nil {
		conn.Close()
	}
	return err
}

// meeting is how a new link has come about.
type meeting struct {
	transport string
	purpose   wire.Purpose // what it was dialled for; not known of one that others have dialled
	address   wire.Addr    // what was dialled; "" = the other end has
}

// introduce exchanges Hellos, starts the link's reader and writer, and hands the link to the loop. Whoever dialled says what
// the link is for, and the other end agrees.
func (n *Node) introduce(ctx context.Context, conn link.Conn, how meeting) error {
	inbound, purpose := how.address == "", how.purpose
	late := time.AfterFunc(helloTime, func() { conn.Close() })
	defer late.Stop()
	ended := context.AfterFunc(ctx, func() { conn.Close() })
	defer ended()
	var h wire.Hello
	var err error
	if inbound {
		if h, err = n.hear(conn); err == nil {
			purpose = h.Purpose
			err = n.greet(conn, purpose)
		}
	} else if err = n.greet(conn, purpose); err == nil {
		h, err = n.hear(conn)
	}
	if err != nil {
		return err
	}
	if h.Purpose != purpose || !late.Stop() {
		return errHello
	}
	p := &peer{
		id: h.Self.ID, hello: h.Self, purpose: purpose, number: circuit.Link(n.numbers.Add(1)),
		conn: conn, transport: how.transport, inbound: inbound, address: how.address,
		since: time.Now(), out: newOutbox(&n.queued), done: make(chan struct{}),
		asking: newQuota(nearBurst, nearEvery),
	}
	if !n.start(ctx, p) {
		return ErrStopped
	}
	return nil
}

// greet says Hello.
func (n *Node) greet(conn link.Conn, purpose wire.Purpose) error {
	hello := wire.Append(nil, wire.Hello{Version: wire.Version, Purpose: purpose, Self: n.Self()})
	return errors.Join(conn.Write(hello), conn.Flush())
}

// hear reads the other end's Hello.
func (n *Node) hear(conn link.Conn) (wire.Hello, error) {
	frame, err := conn.Read()
	if err != nil {
		return wire.Hello{}, err
	}
	msg, err := wire.Parse(frame)
	if err != nil {
		return wire.Hello{}, err
	}
	h, ok := msg.(wire.Hello)
	if !ok || h.Version != wire.Version || h.Self.ID != conn.Peer() {
		return wire.Hello{}, errHello
	}
	return h, nil
}

// start hands the link to the loop and then begins to read, so that the loop knows the peer before its first message.
func (n *Node) start(ctx context.Context, p *peer) bool {
	if ctx.Err() != nil || !n.inbox.offer(linkUp{p}, 0) {
		return false
	}
	reading := n.spawn(func() { n.read(p) })              // ends when the connection is closed
	return n.spawn(func() { n.write(ctx, p) }) && reading // ends with the reader or ctx
}
