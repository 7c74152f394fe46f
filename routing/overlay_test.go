package routing

import (
	"cmp"
	"crypto/ed25519"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"nightjar/routing/wire"
)

// ring is a network of overlays in virtual time whose links take a fixed latency.
type ring struct {
	t       testing.TB
	now     time.Time
	latency time.Duration
	nodes   map[wire.NodeID]*ringNode
	order   []*ringNode
	queue   []ringEvent
	seq     int
	sent    int
}

type ringNode struct {
	o     *Overlay
	desc  wire.Descriptor
	links map[wire.NodeID]bool
	dead  bool
	dials int
}

type ringEvent struct {
	at  time.Time
	seq int
	do  func()
}

func newRing(t testing.TB, n int, latency time.Duration) *ring {
	r := &ring{t: t, now: time.Unix(1e9, 0), latency: latency, nodes: make(map[wire.NodeID]*ringNode)}
	for i := range n {
		r.add(i)
	}
	return r
}

func (r *ring) add(i int) *ringNode {
	seed := make([]byte, ed25519.SeedSize)
	binary.BigEndian.PutUint32(seed, uint32(i))
	d, err := wire.NewDescriptor(ed25519.NewKeyFromSeed(seed), 0, [32]byte{}, []wire.Addr{wire.Addr(fmt.Sprintf("tcp/10.0.%d.%d:1", i/256, i%256))})
	if err != nil {
		r.t.Fatal(err)
	}
	n := &ringNode{o: NewOverlay(d.ID, rand.New(rand.NewPCG(uint64(i), 7))), desc: d, links: make(map[wire.NodeID]bool)}
	r.nodes[d.ID] = n
	r.order = append(r.order, n)
	return n
}

func (r *ring) later(d time.Duration, do func()) {
	r.seq++
	r.queue = append(r.queue, ringEvent{r.now.Add(d), r.seq, do})
}

func (r *ring) step(n *ringNode, ev OverlayEvent) {
	if n.dead {
		return
	}
	for _, e := range n.o.Step(r.now, ev) {
		switch e := e.(type) {
		case Dial:
			n.dials++
			r.later(3*r.latency, func() { r.dial(n, e.Node.ID) })
		case Hangup:
			r.later(0, func() { r.cut(n.desc.ID, e.Peer) })
		case Send:
			r.sent++
			r.later(r.latency, func() {
				if n.links[e.To] {
					r.step(r.nodes[e.To], Asked{n.desc.ID, e.Msg})
				}
			})
		}
	}
}

func (r *ring) dial(n *ringNode, to wire.NodeID) {
	other := r.nodes[to]
	if n.dead || other == nil || other.dead {
		r.step(n, DialFailed{to})
		return
	}
	if n.links[to] {
		return
	}
	n.links[to], other.links[n.desc.ID] = true, true
	r.step(other, Linked{n.desc, true})
	r.step(n, Linked{other.desc, false})
}

func (r *ring) cut(a, b wire.NodeID) {
	if !r.nodes[a].links[b] {
		return
	}
	delete(r.nodes[a].links, b)
	delete(r.nodes[b].links, a)
	r.step(r.nodes[a], Unlinked{b})
	r.step(r.nodes[b], Unlinked{a})
}

func (r *ring) kill(n *ringNode) {
	n.dead = true
	for _, other := range r.order {
		r.cut(n.desc.ID, other.desc.ID)
	}
}

// run plays everything that happens within d.
func (r *ring) run(d time.Duration) {
	end := r.now.Add(d)
	for {
		var do func()
		next, at := -1, end
		for i, e := range r.queue {
			if e.at.Before(at) || e.at.Equal(at) && next >= 0 && e.seq < r.queue[next].seq {
				next, at = i, e.at
			}
		}
		if next >= 0 {
			do = r.queue[next].do
		}
		for _, n := range r.order {
			if t, ok := n.o.NextDeadline(); ok && !n.dead && t.Before(at) {
				at, do, next = t, func() { r.step(n, Overdue{}) }, -1
			}
		}
		if do == nil {
			r.now = end
			return
		}
		if next >= 0 {
			r.queue = append(r.queue[:next], r.queue[next+1:]...)
		}
		if at.After(r.now) {
			r.now = at
		}
		do()
	}
}

func (r *ring) seed(n, seed *ringNode) { r.step(n, Learned{[]wire.Descriptor{seed.desc}}) }

func TestSmallNetworkIsFullyConnectedWithinASecond(t *testing.T) {
	for _, n := range []int{2, 8, 12, 15} {
		r := newRing(t, n, time.Millisecond)
		for _, node := range r.order[1:] {
			r.seed(node, r.order[0])
		}
		r.run(time.Second)
		for i, node := range r.order {
			if len(node.links) != n-1 {
				t.Errorf("%d nodes: node %d has %d links", n, i, len(node.links))
			}
		}
	}
}

func TestIdleOverlayCostsNearlyNothing(t *testing.T) {
	r := newRing(t, 8, time.Millisecond)
	for _, node := range r.order[1:] {
		r.seed(node, r.order[0])
	}
	r.run(10 * time.Minute)
	r.sent = 0
	r.run(time.Hour)
	if perMinute := float64(r.sent) / 60 / 8; perMinute > 2 {
		t.Errorf("%.1f messages per node and minute at rest", perMinute)
	}
}

func TestRingHealsWhenNeighboursDie(t *testing.T) {
	r := newRing(t, 60, 20*time.Millisecond)
	for i, node := range r.order[1:] {
		r.seed(node, r.order[i/2])
		r.run(300 * time.Millisecond)
	}
	r.run(time.Minute)
	r.checkRing()
	for i := range 12 {
		r.kill(r.order[i*5])
	}
	r.run(time.Minute)
	r.checkRing()
}

// checkRing checks that every live node is linked with the RingSide nearest live nodes on both sides.
func (r *ring) checkRing() {
	r.t.Helper()
	var live []*ringNode
	for _, n := range r.order {
		if !n.dead {
			live = append(live, n)
		}
	}
	slices.SortFunc(live, func(a, b *ringNode) int { return cmp.Compare(a.o.at, b.o.at) })
	for i, n := range live {
		for side := range RingSide {
			if next := live[(i+side+1)%len(live)]; !n.links[next.desc.ID] {
				r.t.Errorf("node %d of %d has no link to its neighbour %d places up", i, len(live), side+1)
			}
		}
		if len(n.links) > hardDegree {
			r.t.Errorf("node %d has %d links", i, len(n.links))
		}
	}
}
