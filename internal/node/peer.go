package node

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"nightjar/crypto/onion"
	"nightjar/internal/link"
	"nightjar/routing"
	"nightjar/routing/circuit"
	"nightjar/routing/relays"
	"nightjar/routing/repair"
	"nightjar/routing/wire"
)

// pingEvery is how long a link may be silent in our direction before we say something: well below the links' idle time-out.
const pingEvery = 20 * time.Second

const (
	// reportCells is after how many written cells the circuits hear of it: a part of what they put on a link at once, so that the
	// writer is not left without work. Fewer, a small part, are told with those that follow.
	reportCells = 16
	// batchCells is how many cells the loop is given at once.
	batchCells = 32
)

const (
	// A peer may ask Near nearBurst times at once and then once per nearEvery: far more than an honest one does.
	nearBurst = 64
	nearEvery = 100 * time.Millisecond
)

// peer is one link after both Hellos. Its reader and writer goroutines end when the connection is closed.
type peer struct {
	id        wire.NodeID
	hello     wire.Descriptor
	purpose   wire.Purpose
	number    circuit.Link // no other link of this node ever has it
	conn      link.Conn
	transport string
	inbound   bool
	address   wire.Addr // what this node has dialled; "" = the other end has
	since     time.Time
	noted
	incoming
	out    *outbox
	done   chan struct{} // closed by the reader when the connection has ended
	hangup sync.Once
	asking quota // of Near questions
}

// noted is what the loop alone knows of a peer.
type noted struct {
	used   time.Time // when it was last seen to carry a circuit
	posted bool      // its writer is to be woken
}

// incoming is what the reader and others share.
type incoming struct {
	spoke  atomic.Int64              // when the peer last sent something, in Unix nanoseconds
	owes   atomic.Int32              // Near questions of ours that the peer has not answered
	bodies atomic.Pointer[sync.Pool] // used bodies of cells; the loop's gift, nil before it knows the link
}

func smaller(a, b wire.NodeID) wire.NodeID {
	if string(a[:]) < string(b[:]) {
		return a
	}
	return b
}

// quota is how often the peer may do something now. The reader alone touches it.
type quota struct {
	burst int
	every time.Duration
	left  float64
	at    time.Time
}

func newQuota(burst int, every time.Duration) quota {
	return quota{burst: burst, every: every, left: float64(burst), at: time.Now()}
}

// heard is how long ago the other end last sent something.
func (p *peer) heard() time.Duration {
	if at := p.spoke.Load(); at != 0 {
		return time.Since(time.Unix(0, at))
	}
	return time.Since(p.since)
}

// hangUp closes the connection without waiting for it: closing may take as long as saying goodbye does.
func (n *Node) hangUp(p *peer) {
	p.hangup.Do(func() {
		// Ends when the connection is closed.
		if !n.spawn(func() { p.conn.Close() }) {
			p.conn.Close()
		}
	})
}

// take reports whether there is one left, and takes it.
func (q *quota) take(now time.Time) bool {
	q.left = min(float64(q.burst), q.left+float64(now.Sub(q.at))/float64(q.every))
	q.at = now
	if q.left < 1 {
		return false
	}
	q.left--
	return true
}

// read hands what the peer sends to the loop until the connection ends. Blocks are verified here, in parallel with
// the loop and with other links.
func (n *Node) read(p *peer) {
	defer n.inbox.push(linkDown{p})
	defer close(p.done)
	defer p.conn.Close()
	var cells []wire.Cell // that have come together
	for {
		if len(cells) > 0 && (len(cells) == batchCells || !p.conn.Ready()) {
			if !n.inbox.offer(circuit.Cells{Link: p.number, Cells: cells}, len(cells)*onion.BodySize) {
				return
			}
			cells = nil
		}
		frame, err := p.conn.Read()
		if err != nil {
			return
		}
		n.received.Add(uint64(len(frame)))
		p.spoke.Store(time.Now().UnixNano())
		if !wire.IsCell(frame) {
			if !n.take(p, frame) {
				return
			}
			continue
		}
		c, err := wire.CopyCell(frame, p.body())
		if err != nil {
			n.inbox.push(routing.Misbehaved{Peer: p.id})
			return
		}
		p.conn.Release(frame)
		cells = append(cells, c)
	}
}

// take handles a frame that is no cell; false ends the link.
func (n *Node) take(p *peer, frame []byte) bool {
	if wire.IsNodes(frame) && p.owes.Add(-1) < 0 {
		p.owes.Add(1)
		return true // nobody asked; its signatures are not worth checking
	}
	msg, err := wire.Parse(frame)
	if bad := (*wire.BadBlockError)(nil); errors.As(err, &bad) {
		return n.inbox.offer(routing.Garbled{From: p.id, Bad: *bad}, 0)
	}
	if err != nil {
		n.inbox.push(routing.Misbehaved{Peer: p.id})
		return false
	}
	return n.receive(p, msg)
}

// receive handles one message; false ends the link.
func (n *Node) receive(p *peer, msg wire.Message) bool {
	switch msg := msg.(type) {
	case wire.AskKey, wire.Key:
		return n.inbox.offer(circuit.Received{Link: p.number, Msg: msg}, 0)
	case wire.Fail:
		return n.inbox.offer(failed{p, msg}, 0)
	case wire.Ping:
		return p.out.put(wire.Pong(msg))
	case wire.Pong:
		return true
	}
	if _, hello := msg.(wire.Hello); hello || p.purpose != wire.ForRouting {
		n.inbox.push(routing.Misbehaved{Peer: p.id})
		return false
	}
	return n.receiveForRouting(p, msg)
}

// receiveForRouting handles a message between peers.
func (n *Node) receiveForRouting(p *peer, msg wire.Message) bool {
	switch msg := msg.(type) {
	case wire.Root, wire.Digests, wire.List, wire.Relays:
		return n.inbox.offer(relays.Received{From: p.id, Msg: msg}, wire.Size(msg))
	case wire.Compare, wire.Parts, wire.Held, wire.Want, wire.Copy, wire.Refuse:
		return n.inbox.offer(repair.Received{From: p.id, Msg: msg}, blockBytes(msg))
	case wire.Near:
		return !p.asking.take(time.Now()) || n.inbox.offer(routing.Asked{From: p.id, Msg: msg}, 0)
	case wire.Nodes:
		return n.inbox.offer(routing.Asked{From: p.id, Msg: msg}, 0)
	case wire.Get:
		if p.out.full() {
			return p.out.put(wire.Fail{Req: msg.Req, Reason: wire.Overload})
		}
	case wire.Put:
		if p.out.full() {
			return p.out.put(wire.Fail{Req: msg.Req, Reason: wire.Overload})
		}
	}
	return n.inbox.offer(routing.Received{From: p.id, Msg: msg}, blockBytes(msg))
}

// write sends what is queued for the peer until the connection ends, and a Ping when there was nothing for a while.
func (n *Node) write(ctx context.Context, p *peer) {
	defer p.conn.Close()
	defer p.out.close()
	idle := time.NewTicker(pingEvery)
	defer idle.Stop()
	buf := make([]byte, 0, 4096)
	spent := make([]*[onion.BodySize]byte, 0, reportCells)
	silent := true
	for {
		for m, ok := p.out.next(); ok; m, ok = p.out.next() {
			if ctx.Err() != nil {
				return
			}
			silent = false
			buf = wire.Append(buf[:0], m)
			if p.conn.Write(buf) != nil {
				return
			}
			n.sent.Add(uint64(len(buf)))
			if c, cell := m.(wire.Cell); cell {
				if spent = append(spent, c.Body); len(spent) == reportCells {
					n.inbox.push(circuit.Written{Link: p.number, Cells: len(spent), Spent: spent})
					spent = make([]*[onion.BodySize]byte, 0, reportCells)
				}
			}
		}
		if p.conn.Flush() != nil {
			return
		}
		select {
		case <-p.out.wake:
		case <-idle.C:
			if silent {
				p.out.put(wire.Ping{})
			}
			silent = true
		case <-p.done:
			return
		case <-ctx.Done():
			return
		}
	}
}
