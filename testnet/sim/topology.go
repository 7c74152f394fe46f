package sim

import (
	"crypto/ed25519"
	"encoding/binary"
	"math/rand/v2"
	"slices"
	"time"

	"nightjar/keys"
	"nightjar/routing"
	"nightjar/routing/wire"
)

const (
	// joinEvery is how long after one node the next one joins a network that grows.
	joinEvery = 100 * time.Millisecond
	// settleTime is how long a grown network, and one that has lost nodes, is left alone before it is used.
	settleTime = 2 * time.Minute
)

// populate makes the nodes and links them.
func (r *rig) populate() {
	for range r.cfg.Nodes {
		r.addNode()
	}
	if !r.cfg.Grown {
		r.build()
		return
	}
	for i, n := range r.nodes[1:] {
		seed := r.nodes[r.rng.IntN(i+1)].desc
		r.after(time.Duration(i)*joinEvery, happening{node: n.n, over: routing.Learned{Nodes: []wire.Descriptor{seed}}})
	}
	r.settle()
}

// settle lets time pass.
func (r *rig) settle() {
	last := r.now
	for _, h := range r.queue.heap {
		if _, joins := h.over.(routing.Learned); joins && h.at.After(last) {
			last = h.at
		}
	}
	r.run(last.Add(settleTime), func() bool { return false })
}

func (r *rig) addNode() {
	n := &node{n: len(r.nodes), store: make(map[keys.ID]keys.Block), links: make(map[wire.NodeID]bool)}
	source := func() *rand.Rand { return rand.New(rand.NewPCG(r.rng.Uint64(), r.rng.Uint64())) }
	if r.cfg.Grown {
		var seed [ed25519.SeedSize]byte
		binary.BigEndian.PutUint64(seed[:], r.rng.Uint64())
		d, err := wire.NewDescriptor(ed25519.NewKeyFromSeed(seed[:]), 0, [32]byte{}, []wire.Addr{"tcp/192.0.2.1:1"})
		if err != nil {
			panic("sim: " + err.Error())
		}
		n.desc, n.id = d, d.ID
		n.overlay = routing.NewOverlay(n.id, source())
	} else {
		for i := 0; i < len(n.id); i += 8 {
			binary.BigEndian.PutUint64(n.id[i:], r.rng.Uint64())
		}
	}
	n.machine = routing.New(routing.Config{Self: n.id, Rand: source()})
	r.index[n.id] = n.n
	r.nodes = append(r.nodes, n)
}

// build links the nodes by the rule that the Overlay follows, with knowledge of all.
func (r *rig) build() {
	around := slices.Clone(r.nodes)
	slices.SortFunc(around, func(a, b *node) int {
		if a.id.Location() < b.id.Location() {
			return -1
		}
		return 1
	})
	places := make([]keys.Location, len(around))
	for i, n := range around {
		places[i] = n.id.Location()
	}
	for i, n := range around {
		for side := 1; side <= routing.RingSide; side++ {
			r.link(n, around[(i+side)%len(around)])
		}
	}
	for i, n := range around {
		for range routing.LongLinks {
			target := routing.LongLink(places[i], float64(len(around)), r.rng)
			j, _ := slices.BinarySearch(places, target)
			other := around[j%len(around)]
			if before := around[(j-1+len(around))%len(around)]; before.id.Location().Distance(target) < other.id.Location().Distance(target) {
				other = before
			}
			if len(n.links) < routing.MaxDegree && len(other.links) < routing.MaxDegree {
				r.link(n, other)
			}
		}
	}
}

// link links two nodes at once.
func (r *rig) link(a, b *node) {
	if a == b || a.links[b.id] || a.dead || b.dead {
		return
	}
	a.links[b.id], b.links[a.id] = true, true
	r.met(a, b, true)
	r.met(b, a, true)
	r.happen(happening{node: b.n, ev: routing.PeerUp{Peer: a.id}})
	r.happen(happening{node: a.n, ev: routing.PeerUp{Peer: b.id}})
	if a.overlay != nil {
		r.happen(happening{node: b.n, over: routing.Linked{Self: a.desc, Inbound: true}})
		r.happen(happening{node: a.n, over: routing.Linked{Self: b.desc}})
	}
}

// dial carries out a Dial effect: three flights until both sides have said Hello.
func (r *rig) dial(n *node, to int) {
	other := r.nodes[to]
	r.after(3*r.latency(n.n, to), happening{call: func() {
		if other.dead {
			r.happen(happening{node: n.n, over: routing.DialFailed{Peer: other.id}})
			return
		}
		r.link(n, other)
	}})
}

// cut ends the link between two nodes.
func (r *rig) cut(a, b *node) {
	if !a.links[b.id] {
		return
	}
	delete(a.links, b.id)
	delete(b.links, a.id)
	r.met(a, b, false)
	r.met(b, a, false)
	for _, end := range [2][2]*node{{a, b}, {b, a}} {
		r.happen(happening{node: end[0].n, ev: routing.PeerDown{Peer: end[1].id}})
		if a.overlay != nil {
			r.happen(happening{node: end[0].n, over: routing.Unlinked{Peer: end[1].id}})
		}
	}
}

// kill lets some nodes die. Whoever is linked with them learns it Detect later.
func (r *rig) kill() {
	dying := r.rng.Perm(len(r.nodes))[:int(r.cfg.Dead*float64(len(r.nodes)))]
	for _, i := range dying {
		n := r.nodes[i]
		n.dead = true
		r.after(r.cfg.Detect, happening{call: func() {
			for _, other := range r.nodes {
				r.cut(other, n)
			}
		}})
	}
}

// silence makes some nodes mute.
func (r *rig) silence() {
	if r.cfg.Mute > 0 {
		for _, i := range r.rng.Perm(len(r.nodes))[:r.cfg.Mute] {
			r.nodes[i].mute = true
		}
	}
}

// degree is the mean number of links of a node.
func (r *rig) degree() float64 {
	sum := 0
	for _, n := range r.nodes {
		sum += len(n.links)
	}
	return float64(sum) / float64(len(r.nodes))
}
