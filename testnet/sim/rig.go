package sim

import (
	"crypto/sha256"
	"encoding/binary"
	"hash"
	"math"
	"math/rand/v2"
	"time"

	"nightjar/keys"
	"nightjar/routing"
	"nightjar/routing/wire"
)

// epoch is when every run begins.
var epoch = time.Unix(1_000_000_000, 0).UTC()

// lookTime is what it takes a store to look a block up.
const lookTime = 100 * time.Microsecond

// rig is the network: nodes, what is on its way, and the clock.
type rig struct {
	cfg   Config
	rng   *rand.Rand
	now   time.Time
	nodes []*node
	index map[wire.NodeID]int
	queue queue

	watch func(from int, to wire.NodeID, msg wire.Message) // sees every message of a request when it is sent
	done  func(d routing.Done)
	kept  func(n *node, e routing.Keep) // sees what a store is given
	met   func(n, peer *node, up bool)  // sees links come and go, from both ends

	trace            hash.Hash
	messages, gossip int64
	bytes, events    int64
}

// node is one node: its machines and what it holds.
type node struct {
	n       int
	id      wire.NodeID
	machine *routing.Machine
	overlay *routing.Overlay // nil in a network that was not grown
	desc    wire.Descriptor
	onion   *onion // nil where requests are not hidden
	store   map[keys.ID]keys.Block
	links   map[wire.NodeID]bool
	dead    bool
	mute    bool
	tick    time.Time // of the earliest tick in the queue for each machine; zero = none
	overdue time.Time
}

// happening is something that will happen to a node: one of the fields says what.
type happening struct {
	at   time.Time
	seq  uint64
	node int
	ev   routing.Event
	over routing.OverlayEvent
	call func()
}

func newRig(cfg Config) *rig {
	return &rig{
		cfg: cfg, rng: rand.New(rand.NewPCG(cfg.Seed, 0x6e69676874)), now: epoch,
		index: make(map[wire.NodeID]int), trace: sha256.New(),
		watch: func(int, wire.NodeID, wire.Message) {}, done: func(routing.Done) {},
		kept: func(*node, routing.Keep) {}, met: func(*node, *node, bool) {},
	}
}

// after schedules h for a time from now.
func (r *rig) after(d time.Duration, h happening) {
	h.at = r.now.Add(d)
	r.queue.push(h)
}

// run plays events until none is left, or until the given time, or until stop reports true after one.
func (r *rig) run(until time.Time, stop func() bool) {
	for len(r.queue.heap) > 0 && !stop() {
		if r.queue.heap[0].at.After(until) {
			break
		}
		h := r.queue.pop()
		r.now = h.at
		r.happen(h)
	}
	if !until.IsZero() && r.now.Before(until) && !stop() {
		r.now = until
	}
}

func (r *rig) happen(h happening) {
	if h.call != nil {
		h.call()
		return
	}
	n := r.nodes[h.node]
	if n.dead {
		return
	}
	r.events++
	r.record(h)
	if h.ev != nil {
		if _, ok := h.ev.(routing.Tick); ok {
			n.tick = time.Time{}
		}
		if got, ok := h.ev.(routing.Received); ok && (n.mute || !n.links[got.From]) {
			return
		}
		r.carryOut(n, n.machine.Step(r.now, h.ev))
		if t, ok := n.machine.NextDeadline(); ok && (n.tick.IsZero() || t.Before(n.tick)) {
			n.tick = t
			r.after(max(0, t.Sub(r.now)), happening{node: n.n, ev: routing.Tick{}})
		}
		return
	}
	r.happenOver(n, h.over)
}

func (r *rig) happenOver(n *node, ev routing.OverlayEvent) {
	switch ev := ev.(type) {
	case routing.Overdue:
		n.overdue = time.Time{}
	case routing.Asked:
		if !n.links[ev.From] {
			return
		}
	}
	r.carryOut(n, n.overlay.Step(r.now, ev))
	if t, ok := n.overlay.NextDeadline(); ok && (n.overdue.IsZero() || t.Before(n.overdue)) {
		n.overdue = t
		r.after(max(0, t.Sub(r.now)), happening{node: n.n, over: routing.Overdue{}})
	}
}

func (r *rig) carryOut(n *node, effects []routing.Effect) {
	for _, e := range effects {
		switch e := e.(type) {
		case routing.Send:
			r.send(n, e)
		case routing.Lookup:
			r.after(lookTime, happening{node: n.n, ev: routing.LookedUp{Ref: e.Ref, Block: n.store[e.ID]}})
		case routing.Keep:
			n.store[e.Block.ID()] = e.Block
			r.kept(n, e)
			if e.Ref != 0 {
				r.after(r.cfg.Keep, happening{node: n.n, ev: routing.Kept{Ref: e.Ref, OK: true}})
			}
		case routing.Done:
			r.done(e)
		case routing.Misbehaved:
			panic("sim: a machine accuses an honest node of misbehaviour")
		case routing.Dial:
			r.dial(n, r.index[e.Node.ID])
		case routing.Hangup:
			other := r.nodes[r.index[e.Peer]]
			r.after(0, happening{call: func() { r.cut(n, other) }})
		}
	}
}

func (r *rig) send(n *node, e routing.Send) {
	to := r.index[e.To]
	r.bytes += int64(wire.Size(e.Msg))
	h := happening{node: to}
	switch e.Msg.(type) {
	case wire.Near, wire.Nodes:
		r.gossip++
		h.over = routing.Asked{From: n.id, Msg: e.Msg}
	default:
		r.messages++
		r.watch(n.n, e.To, e.Msg)
		h.ev = routing.Received{From: n.id, Msg: e.Msg}
	}
	r.after(r.latency(n.n, to), h)
}

// latency is how long a message takes between two nodes: lognormal over pairs, the same in both directions and always, so
// that a link keeps its order.
func (r *rig) latency(a, b int) time.Duration {
	if a > b {
		a, b = b, a
	}
	src := rand.NewPCG(r.cfg.Seed, uint64(a)<<32|uint64(b))
	src.Uint64()
	normal := math.Sqrt(-2*math.Log(1-unit(src))) * math.Cos(2*math.Pi*unit(src))
	return time.Duration(float64(r.cfg.Latency) * math.Exp(r.cfg.Sigma*normal))
}

// unit draws from [0,1).
func unit(src *rand.PCG) float64 { return float64(src.Uint64()>>11) / (1 << 53) }

// record adds an event to the trace.
func (r *rig) record(h happening) {
	var b [20 + keys.IDSize + 16]byte
	out := binary.BigEndian.AppendUint64(b[:0], uint64(r.now.Sub(epoch)))
	out = binary.BigEndian.AppendUint32(out, uint32(h.node))
	var msg wire.Message
	switch ev := h.ev.(type) {
	case routing.Received:
		out = binary.BigEndian.AppendUint32(out, uint32(r.index[ev.From]))
		msg = ev.Msg
	case routing.LookedUp:
		out = binary.BigEndian.AppendUint64(out, uint64(ev.Ref))
	}
	if asked, ok := h.over.(routing.Asked); ok {
		out = binary.BigEndian.AppendUint32(out, uint32(r.index[asked.From]))
		msg = asked.Msg
	}
	switch m := msg.(type) {
	case nil, wire.Nodes:
	case wire.Data:
		out = m.Block.ID().Append(out)
	case wire.Put:
		out = m.Block.ID().Append(append(out, m.HTL))
	default:
		out = wire.Append(out, m)
	}
	r.trace.Write(out)
}

// queue is a heap of what will happen, by time and then by order of scheduling.
type queue struct {
	heap []happening
	seq  uint64
}

func (q *queue) less(i, j int) bool {
	a, b := &q.heap[i], &q.heap[j]
	if c := a.at.Compare(b.at); c != 0 {
		return c < 0
	}
	return a.seq < b.seq
}

func (q *queue) push(h happening) {
	q.seq++
	h.seq = q.seq
	q.heap = append(q.heap, h)
	for i := len(q.heap) - 1; i > 0; {
		parent := (i - 1) / 2
		if !q.less(i, parent) {
			return
		}
		q.heap[i], q.heap[parent] = q.heap[parent], q.heap[i]
		i = parent
	}
}

func (q *queue) pop() happening {
	h, last := q.heap[0], len(q.heap)-1
	q.heap[0] = q.heap[last]
	q.heap[last] = happening{}
	q.heap = q.heap[:last]
	for i := 0; ; {
		child := 2*i + 1
		if child >= last {
			return h
		}
		if child+1 < last && q.less(child+1, child) {
			child++
		}
		if !q.less(child, i) {
			return h
		}
		q.heap[i], q.heap[child] = q.heap[child], q.heap[i]
		i = child
	}
}
