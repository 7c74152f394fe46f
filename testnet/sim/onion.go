package sim

import (
	"crypto/ed25519"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"time"

	"nightjar/keys"
	"nightjar/routing"
	"nightjar/routing/circuit"
	"nightjar/routing/circuit/guard"
	"nightjar/routing/relays"
	"nightjar/routing/wire"
)

const (
	// known is for how long the nodes of a Net have known each other when it begins: long enough for every role.
	known = 365 * 24 * time.Hour
	// announceAfter is how long after a node has changed its onion key the others know.
	announceAfter = time.Second
)

// onion is the part of a node that circuits are made of.
type onion struct {
	machine  *circuit.Machine
	identity ed25519.PrivateKey
	tick     time.Time // of the tick in the queue; zero = none
	told     bool      // it knows the others: whoever asks for nothing does not need to
}

// line is a connection of two nodes, on which cells travel.
type line struct {
	id      circuit.Link
	ends    [2]*node
	routing bool // it belongs to a link of key routing
}

// carried is what the steps under way have put on lines: what is sent together travels together.
type carried []parcel

type parcel struct {
	line *line
	to   *node
	msgs []wire.Message
}

// chains is the circuits by what names them on a line, which nobody in the network can put together like this.
type chains map[chainEnd]*chain

type chainEnd struct {
	line circuit.Link
	circ uint32
}

// chain is one circuit as far as it has come.
type chain struct {
	origin int
	hops   []int
}

// addNode adds a node with an identity, and with circuits unless requests go directly.
func (n *Net) addNode(circuits bool) {
	r := n.r
	p := &node{n: len(r.nodes), store: make(map[keys.ID]keys.Block), links: make(map[wire.NodeID]bool)}
	var seed [ed25519.SeedSize]byte
	for i := 0; i < len(seed); i += 8 {
		binary.BigEndian.PutUint64(seed[i:], r.rng.Uint64())
	}
	identity := ed25519.NewKeyFromSeed(seed[:])
	p.id = wire.NodeID(identity.Public().(ed25519.PublicKey))
	source := func() *rand.Rand { return rand.New(rand.NewPCG(r.rng.Uint64(), r.rng.Uint64())) }
	p.machine = routing.New(routing.Config{Self: p.id, Rand: source()})
	chooser := source() // drawn in any case: one seed gives the same nodes with and without circuits
	r.index[p.id] = p.n
	r.nodes = append(r.nodes, p)
	if !circuits {
		return
	}
	p.onion = &onion{identity: identity, machine: circuit.New(circuit.Config{
		Self: p.id, Rand: rand.NewChaCha8(seed), Guard: guard.New(guard.Config{Self: p.id, Rand: chooser}),
		NoPadding: true, Clean: -1,
	})}
	n.step(p, circuit.Tick{}, chainEnd{})
}

// describe signs what a node says of itself. Every node has a network of its own.
func (n *Net) describe(p *node, hash [32]byte) {
	addr := wire.Addr(fmt.Sprintf("tcp/%d.%d.1.1:4001", 20+p.n/250, p.n%250))
	d, err := wire.NewDescriptor(p.onion.identity, uint64(n.r.now.Unix()), hash, []wire.Addr{addr})
	if err != nil {
		panic("sim: " + err.Error())
	}
	p.desc = d
	if !n.stale {
		n.stale = true
		n.r.after(announceAfter, happening{call: n.announce})
	}
}

// announce shows the descriptors of all others to those who have seen earlier ones.
func (n *Net) announce() {
	n.stale = false
	for _, p := range n.r.nodes {
		if p.onion != nil && p.onion.told {
			n.step(p, circuit.Known{View: n.view(p)}, chainEnd{})
		}
	}
	n.flush()
}

// view is all nodes but one, as it knows them.
func (n *Net) view(p *node) relays.View {
	v := relays.View{Since: epoch.Add(-known), Relays: make([]relays.Relay, 0, len(n.r.nodes))}
	for _, o := range n.r.nodes {
		if o != p {
			v.Relays = append(v.Relays, relays.Relay{Desc: o.desc, Seen: v.Since, Shown: 3, Peer: p.links[o.id]})
		}
	}
	return v
}

// soon has something happen to a node's circuits in this instant, after what happens now.
func (n *Net) soon(p *node, ev circuit.Event) {
	n.r.after(0, happening{call: func() {
		n.step(p, ev, chainEnd{})
		n.flush()
	}})
}

// connect makes a line between two nodes; a has dialled.
func (n *Net) connect(a, b *node, routing bool) {
	if a.onion == nil {
		return
	}
	n.newest++
	l := &line{n.newest, [2]*node{a, b}, routing}
	n.lines[l.id] = l
	n.step(b, circuit.LinkUp{Link: l.id, Peer: a.id}, chainEnd{})
	n.step(a, circuit.LinkUp{Link: l.id, Peer: b.id, Dialed: true}, chainEnd{})
	n.flush()
}

// step steps the circuits of a node. came names the circuit whose cell is the event, if one is.
func (n *Net) step(p *node, ev circuit.Event, came chainEnd) {
	m := p.onion.machine
	if t, ok := m.NextDeadline(); ok && !t.After(n.r.now) {
		n.effects(p, m.Step(n.r.now, circuit.Tick{}), chainEnd{}) // apart, so that what is due is not taken for an answer to ev
	}
	n.effects(p, m.Step(n.r.now, ev), came)
	t, ok := m.NextDeadline()
	if !ok || !p.onion.tick.IsZero() && !t.Before(p.onion.tick) {
		return
	}
	p.onion.tick = t
	n.r.after(max(0, t.Sub(n.r.now)), happening{call: func() {
		if p.onion.tick.Equal(t) {
			p.onion.tick = time.Time{}
			n.step(p, circuit.Tick{}, chainEnd{})
			n.flush()
		}
	}})
}

// effects carries out what a step asked for. Lines take whatever is sent at once.
func (n *Net) effects(p *node, effects []circuit.Effect, came chainEnd) {
	var sent []circuit.Written
	for _, e := range effects {
		switch e := e.(type) {
		case circuit.Send:
			if c, ok := e.Msg.(wire.Cell); ok {
				sent = written(sent, e.Link)
				n.follow(p, chainEnd{e.Link, c.Circ}, c.Cmd, came)
			}
			n.put(p, e)
		case circuit.Connect:
			n.dialLine(p, n.r.nodes[n.r.index[e.Node.ID]])
		case circuit.LaunchGet:
			n.launch(p, e)
		case circuit.LaunchPut:
			panic("sim: nobody inserts through this network")
		case circuit.LaunchCancel:
			n.cancel(p, e.Ref)
		case circuit.Done:
			n.done(int(e.Token), e.Block)
		case circuit.Rekeyed:
			n.describe(p, e.Hash)
		case circuit.Misbehaved:
			panic("sim: a machine accuses an honest node of misbehaviour")
		}
	}
	for _, w := range sent {
		n.effects(p, p.onion.machine.Step(n.r.now, w), chainEnd{})
	}
}

func written(sent []circuit.Written, l circuit.Link) []circuit.Written {
	for i := range sent {
		if sent[i].Link == l {
			sent[i].Cells++
			return sent
		}
	}
	return append(sent, circuit.Written{Link: l, Cells: 1})
}

// put lays a message on a line.
func (n *Net) put(p *node, e circuit.Send) {
	l := n.lines[e.Link]
	to := l.ends[0]
	if to == p {
		to = l.ends[1]
	}
	n.cells += int64(wire.Size(e.Msg))
	for i := range n.carried {
		if c := &n.carried[i]; c.line == l && c.to == to {
			c.msgs = append(c.msgs, e.Msg)
			return
		}
	}
	n.carried = append(n.carried, parcel{l, to, []wire.Message{e.Msg}})
}

// flush sends off what lies on lines.
func (n *Net) flush() {
	for _, c := range n.carried {
		n.r.after(n.r.latency(c.line.ends[0].n, c.line.ends[1].n), happening{call: func() { n.deliver(c) }})
	}
	clear(n.carried)
	n.carried = n.carried[:0]
}

// deliver hands a parcel over.
func (n *Net) deliver(c parcel) {
	n.r.events += int64(len(c.msgs))
	n.recordCells(c)
	for _, msg := range c.msgs {
		came := chainEnd{}
		if cell, ok := msg.(wire.Cell); ok && cell.Cmd == wire.Relay {
			came = chainEnd{c.line.id, cell.Circ}
		}
		n.step(c.to, circuit.Received{Link: c.line.id, Msg: msg}, came)
	}
	n.flush()
}

// recordCells adds a parcel to the trace.
func (n *Net) recordCells(c parcel) {
	var b [28]byte
	binary.BigEndian.PutUint64(b[:], uint64(n.Now()))
	binary.BigEndian.PutUint64(b[8:], uint64(c.line.id))
	binary.BigEndian.PutUint32(b[16:], uint32(c.to.n))
	binary.BigEndian.PutUint32(b[20:], uint32(len(c.msgs)))
	if cell, ok := c.msgs[0].(wire.Cell); ok {
		binary.BigEndian.PutUint32(b[24:], cell.Circ)
	}
	n.r.trace.Write(b[:])
}

// dialLine links two nodes for circuits: three flights until both sides have said Hello.
func (n *Net) dialLine(p, to *node) {
	n.r.after(3*n.r.latency(p.n, to.n), happening{call: func() { n.connect(p, to, false) }})
}

// launch begins key routing for a circuit that ends at p.
func (n *Net) launch(p *node, e circuit.LaunchGet) {
	n.tokens++
	n.landings[n.tokens] = landing{node: p, ref: e.Ref}
	if n.tap.Launched != nil {
		n.tap.Launched(n.Now(), p.n, e.ID)
	}
	n.r.after(0, happening{node: p.n, ev: routing.LocalGet{Token: n.tokens, ID: e.ID, Rotation: e.Rotation, Class: e.Class, Launch: true}})
}

// cancel ends what was launched.
func (n *Net) cancel(p *node, ref circuit.Ref) {
	for t, l := range n.landings { // of which one fits
		if l.node == p && !l.direct && l.ref == ref {
			delete(n.landings, t)
			n.r.after(0, happening{node: p.n, ev: routing.LocalCancel{Token: t}})
			return
		}
	}
}

// follow keeps the chains up to date with a cell that p has put on a line. A handshake that p sends while it takes in a cell of
// a circuit that leads to it extends that circuit; any other begins one of its own.
func (n *Net) follow(p *node, e chainEnd, cmd wire.Cmd, came chainEnd) {
	if cmd != wire.Create || n.trace[e] != nil {
		return
	}
	l := n.lines[e.line]
	to := l.ends[0].n
	if to == p.n {
		to = l.ends[1].n
	}
	c := n.trace[came]
	if c == nil || c.hops[len(c.hops)-1] != p.n {
		c = &chain{origin: p.n}
	}
	c.hops = append(c.hops, to)
	n.trace[e] = c
	if len(c.hops) == 3 && n.tap.Built != nil {
		n.tap.Built(c.origin, [3]int(c.hops))
	}
}
