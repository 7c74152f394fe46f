package sim

import (
	"time"

	"nightjar/keys"
	"nightjar/routing"
	"nightjar/routing/circuit"
	"nightjar/routing/relays"
	"nightjar/routing/wire"
)

// NetConfig describes a network that its caller drives. The zero value of every field means its default.
type NetConfig struct {
	Seed    uint64
	Nodes   int           // default 500
	Latency time.Duration // as in Config
	Sigma   float64       // as in Config

	// Direct leaves circuits out: requests enter key routing where they are made.
	Direct bool
}

// Tap is what an all-seeing observer is told. A field that is nil is not called.
type Tap struct {
	// Asked says that a Get has been sent from one node to another, and when, counted from the beginning.
	Asked func(at time.Duration, from, to int, get wire.Get)
	// Launched says that a node has begun key routing for a circuit that ends at it.
	Launched func(at time.Duration, node int, id keys.ID)
	// Built says that a circuit of a node has got its third hop.
	Built func(origin int, hops [3]int)
	// Done says what a Fetch has come to.
	Done func(at time.Duration, token int, found bool)
}

// Net is a network that its caller drives, request by request: whole nodes, circuits in front of key routing, over
// links in virtual time. The caller says who is linked with whom and who holds what. Cryptography is real.
type Net struct {
	r   *rig
	tap Tap

	lines    map[circuit.Link]*line
	newest   circuit.Link
	landings map[routing.Token]landing
	tokens   routing.Token
	carried  carried
	trace    chains
	cells    int64 // bytes of cells, and of onion keys, on lines
	stale    bool  // descriptors have changed since the nodes were shown each other's
}

// landing is where the answer of key routing belongs: to a circuit's launch at a node, or to the local user.
type landing struct {
	node   *node
	ref    circuit.Ref
	token  int
	direct bool
}

// NewNet makes the nodes; none is linked yet.
func NewNet(cfg NetConfig, tap Tap) *Net {
	if cfg.Nodes == 0 {
		cfg.Nodes = 500
	}
	n := &Net{
		r:   newRig(Config{Seed: cfg.Seed, Nodes: cfg.Nodes, Latency: cfg.Latency, Sigma: cfg.Sigma}.withDefaults()),
		tap: tap, lines: make(map[circuit.Link]*line),
		landings: make(map[routing.Token]landing), trace: make(chains),
	}
	n.r.watch, n.r.done = n.see, n.landed
	for range cfg.Nodes {
		n.addNode(!cfg.Direct)
	}
	return n
}

// Location is the place of a node on the ring.
func (n *Net) Location(i int) keys.Location { return n.r.nodes[i].id.Location() }

// Link links two nodes for key routing.
func (n *Net) Link(a, b int) {
	n.r.link(n.r.nodes[a], n.r.nodes[b])
	n.connect(n.r.nodes[a], n.r.nodes[b], true)
}

// Hold puts a block into a node's store.
func (n *Net) Hold(node int, b keys.Block) { n.r.nodes[node].store[b.ID()] = b }

// Forget takes blocks out of all stores.
func (n *Net) Forget(ids []keys.ID) {
	for _, p := range n.r.nodes {
		for _, id := range ids {
			delete(p.store, id)
		}
	}
}

// Fetch has a node ask for a block, of the download that the group names. Tap.Done gives the answer under the token. The node
// knows all others; links must have been made before.
func (n *Net) Fetch(node, token int, id keys.ID, group circuit.Group) {
	p := n.r.nodes[node]
	if p.onion == nil {
		n.tokens++
		n.landings[n.tokens] = landing{node: p, token: token, direct: true}
		n.r.after(0, happening{node: p.n, ev: routing.LocalGet{Token: n.tokens, ID: id, Class: wire.Bulk}})
		return
	}
	if !p.onion.told {
		p.onion.told = true
		n.soon(p, circuit.Known{View: n.view(p)})
	}
	n.soon(p, circuit.Get{Token: circuit.Token(token), ID: id, Class: wire.Bulk, Group: group})
}

// Finish says that nothing more comes of a download.
func (n *Net) Finish(node int, group circuit.Group) {
	if p := n.r.nodes[node]; p.onion != nil {
		n.soon(p, circuit.Finished{Group: group})
	}
}

// Sweep closes the lines that were made for circuits and carry none, as nodes do with links that nobody uses.
func (n *Net) Sweep() {
	for id := circuit.Link(1); id <= n.newest; id++ {
		l := n.lines[id]
		if l == nil || l.routing || l.ends[0].onion.machine.Holds(id)+l.ends[1].onion.machine.Holds(id) > 0 {
			continue
		}
		delete(n.lines, id)
		n.step(l.ends[0], circuit.LinkDown{Link: id}, chainEnd{})
		n.step(l.ends[1], circuit.LinkDown{Link: id}, chainEnd{})
	}
	n.flush()
}

// Run lets time pass, but no longer than d, until stop reports true after an event; it reports whether it did.
func (n *Net) Run(d time.Duration, stop func() bool) bool {
	n.r.run(n.r.now.Add(d), stop)
	return stop()
}

// Now is the time since the beginning.
func (n *Net) Now() time.Duration { return n.r.now.Sub(epoch) }

// Bytes is what was sent on links so far: by key routing, and by circuits.
func (n *Net) Bytes() (routed, onion int64) { return n.r.bytes, n.cells }

// Trace is a hash over all events so far.
func (n *Net) Trace() (sum [32]byte) {
	n.r.trace.Sum(sum[:0])
	return sum
}

// see watches key routing.
func (n *Net) see(from int, to wire.NodeID, msg wire.Message) {
	if get, ok := msg.(wire.Get); ok && n.tap.Asked != nil {
		n.tap.Asked(n.Now(), from, n.r.index[to], get)
	}
}

// landed brings an answer of key routing to whom it is for.
func (n *Net) landed(d routing.Done) {
	l, ok := n.landings[d.Token]
	if !ok {
		return
	}
	delete(n.landings, d.Token)
	if l.direct {
		n.done(l.token, d.Block)
		return
	}
	n.soon(l.node, circuit.Launched{Ref: l.ref, Block: d.Block, Copies: d.Copies, Reason: d.Reason})
}

func (n *Net) done(token int, b keys.Block) {
	if n.tap.Done != nil {
		n.tap.Done(n.Now(), token, !b.IsZero())
	}
}

// View is what a node chooses relays from.
func (n *Net) View(node int) relays.View { return n.view(n.r.nodes[node]) }
