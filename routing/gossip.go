package routing

import (
	"slices"
	"time"

	"nightjar/keys"
	"nightjar/routing/wire"
)

const (
	firstAsk = 200 * time.Millisecond
	maxAsk   = 5 * time.Minute
	// nearBurst and nearRate bound the Near questions of one peer that are answered: at once, and per second.
	nearBurst = 32
	nearRate  = 4
	// maxQuestions bounds how many questions of ours may be open.
	maxQuestions = 64
	// maxAnswer is how long an answer is waited for.
	maxAnswer = 10 * time.Second
)

// question is one that a peer has not answered.
type question struct {
	peer wire.NodeID
	req  wire.Req
}

// topic is what a question is about.
type topic struct {
	slot  int // noSlot if it is about this node's own place
	asked time.Time
}

// gossip is the state of asking around.
type gossip struct {
	questions map[question]topic
	req       wire.Req
	interval  time.Duration
	next      time.Time // of the next round; zero = as soon as somebody is linked
}

// hasten starts the rounds of questions again at their quickest.
func (o *Overlay) hasten() {
	g := &o.gossip
	g.interval = firstAsk
	if soon := o.now.Add(firstAsk); g.next.IsZero() || g.next.After(soon) {
		g.next = soon
	}
}

// askAround asks the nearest link on each side, and one at random against partitions, who is near this node; and wants
// the slots refreshed.
func (o *Overlay) askAround() {
	links := o.table.links
	if len(links) == 0 {
		o.gossip.next = time.Time{}
		return
	}
	g := &o.gossip
	if g.next.IsZero() {
		o.hasten()
	}
	if !g.next.After(o.now) {
		g.interval = min(2*g.interval, maxAsk)
		g.next = o.now.Add(g.interval + time.Duration(o.rng.Int64N(int64(g.interval)/4)))
		for q, t := range g.questions {
			if o.now.Sub(t.asked) > maxAnswer {
				delete(g.questions, q)
			}
		}
		start := from(links, o.at)
		whom := []int{start % len(links), (start - 1 + len(links)) % len(links), o.rng.IntN(len(links))}
		slices.Sort(whom)
		for _, i := range slices.Compact(whom) {
			o.ask(links[i], o.at, noSlot)
		}
		o.refresh()
	}
	o.before(g.next)
}

// ask asks a linked peer who is near a target.
func (o *Overlay) ask(n *node, target keys.Location, slot int) {
	g := &o.gossip
	if len(g.questions) >= maxQuestions {
		return
	}
	g.req++
	g.questions[question{n.desc.ID, g.req}] = topic{slot, o.now}
	o.effects = append(o.effects, Send{To: n.desc.ID, Msg: wire.Near{Req: g.req, Target: target}})
}

func (o *Overlay) forgetQuestions(n *node) {
	for q := range o.gossip.questions {
		if q.peer == n.desc.ID {
			delete(o.gossip.questions, q)
		}
	}
}

// asked takes in a question or an answer.
func (o *Overlay) asked(n *node, msg wire.Message) {
	switch msg := msg.(type) {
	case wire.Near:
		n.budget = min(nearBurst, n.budget+nearRate*o.now.Sub(n.refilled).Seconds())
		n.refilled = o.now
		if n.budget < 1 {
			return
		}
		n.budget--
		o.effects = append(o.effects, Send{To: n.desc.ID, Msg: wire.Nodes{Req: msg.Req, Nodes: o.near(msg.Target, n)}})
	case wire.Nodes:
		q := question{n.desc.ID, msg.Req}
		about, open := o.gossip.questions[q]
		if !open {
			return
		}
		delete(o.gossip.questions, q)
		for _, d := range msg.Nodes[:min(len(msg.Nodes), wire.MaxNodes)] {
			o.learn(d, n.desc.ID, false)
		}
		if about.slot != noSlot {
			o.slots[about.slot].ready = true
		}
	}
}

// near lists the links nearest to a target, half on each side. Nodes that this one has only heard of are not passed on:
// whoever invents nodes must tell each victim himself.
func (o *Overlay) near(target keys.Location, asker *node) []wire.Descriptor {
	links := o.table.links
	var out []wire.Descriptor
	add := func(n *node) {
		if n != asker && !n.leaving && len(n.desc.Addrs) > 0 && len(out) < wire.MaxNodes {
			out = append(out, n.desc)
		}
	}
	start := from(links, target)
	half := min(len(links), wire.MaxNodes+2) / 2
	for step := range half {
		add(links[(start+step)%len(links)])
		add(links[(start-1-step+len(links))%len(links)])
	}
	if len(links) == 2*half+1 && len(links) <= wire.MaxNodes+1 { // the one opposite
		add(links[(start+half)%len(links)])
	}
	return out
}

// sortByAge puts the oldest link first.
func sortByAge(nodes []*node) {
	slices.SortFunc(nodes, func(a, b *node) int {
		if c := a.since.Compare(b.since); c != 0 {
			return c
		}
		return byRing(a, b)
	})
}
