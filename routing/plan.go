package routing

import (
	"math"
	"math/rand/v2"
	"time"

	"nightjar/keys"
)

// slot is one long link that is wanted.
type slot struct {
	drawn  bool
	target keys.Location
	size   float64   // of the network when the target was drawn
	node   *node     // who fills the slot or is dialled for it
	asked  time.Time // when a peer was asked about the target; zero = not yet
	ready  bool      // the answer has come
}

// noSlot stands for a question that concerns no slot.
const noSlot = -1

// plan compares what is linked with what is wanted.
func (o *Overlay) plan() {
	o.wake = time.Time{}
	o.lateDials()
	o.wantRing()
	o.wantAll()
	for i := range o.slots {
		o.wantSlot(i)
	}
	o.trim()
	o.askAround()
}

// want dials n unless it is linked or must rest; false means that it will not be linked soon.
func (o *Overlay) want(n *node) bool {
	switch {
	case n.linked && !n.leaving, n.dialing:
		return true
	case n.leaving, len(n.desc.Addrs) == 0:
		return false
	case n.retry.After(o.now):
		o.before(n.retry)
		return false
	case len(o.dials) >= maxDials:
		return false
	}
	n.dialing, n.since = true, o.now
	o.dials = append(o.dials, n)
	o.effects = append(o.effects, Dial{Node: n.desc})
	o.before(o.now.Add(dialTimeout))
	return true
}

// lateDials gives up dials of which the shell has said nothing.
func (o *Overlay) lateDials() {
	for len(o.dials) > 0 {
		end := o.dials[0].since.Add(dialTimeout)
		if end.After(o.now) {
			o.before(end)
			return
		}
		o.failed(o.dials[0])
	}
}

// wantRing wants the RingSide nearest nodes on each side that can be reached.
func (o *Overlay) wantRing() {
	all := o.table.all
	start := from(all, o.at)
	for _, up := range []bool{true, false} {
		have := 0
		for step := 0; step < min(len(all), maxWalk) && have < RingSide; step++ {
			i := start + step
			if !up {
				i = start - 1 - step + len(all)
			}
			if o.want(all[i%len(all)]) {
				have++
			}
		}
	}
}

// wantAll wants every node of a small network.
func (o *Overlay) wantAll() {
	if len(o.table.all) > smallRing {
		return
	}
	for _, n := range o.table.all {
		o.want(n)
	}
}

// wantSlot fills a slot: a target is drawn, the peer closest to it is asked who is near, and the nearest node known is linked.
func (o *Overlay) wantSlot(i int) {
	s := &o.slots[i]
	if s.node != nil {
		if s.node.linked && !s.node.leaving || s.node.dialing {
			return
		}
		*s = slot{}
	}
	if len(o.table.links) == 0 || len(o.table.links) >= comfort || len(o.table.all) <= smallRing {
		return
	}
	if !s.drawn {
		size := o.table.size()
		*s = slot{drawn: true, target: LongLink(o.at, size, o.rng), size: size}
	}
	if s.asked.IsZero() {
		if p := nearest(o.table.links, s.target, func(n *node) bool { return !n.leaving }); p != nil {
			s.asked = o.now
			o.ask(p, s.target, i)
		}
	}
	if end := s.asked.Add(slotPatience); !s.ready && end.After(o.now) {
		o.before(end)
		return
	}
	n := nearest(o.table.all, s.target, func(n *node) bool {
		return n.linked && !n.leaving || n.dialing || !n.leaving && !n.retry.After(o.now) && len(n.desc.Addrs) > 0
	})
	if n != nil && o.want(n) {
		s.node = n
	}
}

// LongLink draws the target of a long link of a node in a network of the given size. Its distance has density
// proportional to 1/d between 1/size and 1/2, which is what makes greedy routing short (Kleinberg, "Navigation in a
// small world", 2000).
func LongLink(at keys.Location, size float64, rng *rand.Rand) keys.Location {
	least := 1 / max(size, 4)
	d := least * math.Pow(0.5/least, rng.Float64())
	offset := keys.Location(d * (1 << 64))
	if rng.IntN(2) == 0 {
		return at + offset
	}
	return at - offset
}

// refresh redraws one slot whose target was drawn for a network of a very different size.
func (o *Overlay) refresh() {
	size := o.table.size()
	for i := range o.slots {
		if s := &o.slots[i]; s.drawn && (s.size > 2*size || s.size < size/2) {
			*s = slot{}
			return
		}
	}
}

// trim hangs up links in excess: those that are neither ring neighbours nor fill a slot, the newest of them, after a
// time of grace. Age decides, so that nobody can push old peers out by linking again and again.
func (o *Overlay) trim() {
	var free []*node
	staying := 0
	for i, n := range o.table.links {
		if n.leaving {
			continue
		}
		staying++
		if !o.table.isNeighbour(i) && !o.fills(n) {
			free = append(free, n)
		}
	}
	if staying <= MaxDegree {
		return
	}
	sortByAge(free)
	free = free[max(0, len(free)-(staying-MaxDegree)):]
	for _, n := range free { // the oldest of the newest: it has had its time
		end := n.since.Add(grace)
		if end.After(o.now) && staying <= hardDegree {
			o.before(end)
			return
		}
		n.leaving = true
		staying--
		o.effects = append(o.effects, Hangup{Peer: n.desc.ID})
	}
}

func (o *Overlay) fills(n *node) bool {
	for i := range o.slots {
		if o.slots[i].node == n {
			return true
		}
	}
	return false
}
