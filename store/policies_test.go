package store

import "math/rand/v2"

// The policies that TestTraces compares. Each finds blocks with a map, which is not counted: the table of the Ledger does that.

// sampledLRU evicts the one not asked for longest of five drawn.
type sampledLRU struct {
	limit int
	clock uint32
	ids   []uint32
	used  []uint32
	at    map[uint32]int
	rnd   *rand.Rand
}

func newSampledLRU(limit int) policy {
	return &sampledLRU{limit: limit, at: map[uint32]int{}, rnd: rand.New(rand.NewPCG(5, 5))}
}

func (p *sampledLRU) ask(id uint32) bool {
	i, ok := p.at[id]
	if ok {
		p.clock++
		p.used[i] = p.clock
	}
	return ok
}

func (p *sampledLRU) add(id uint32) {
	p.clock++
	if len(p.ids) < p.limit {
		p.at[id] = len(p.ids)
		p.ids, p.used = append(p.ids, id), append(p.used, p.clock)
		return
	}
	best := p.rnd.IntN(len(p.ids))
	for range sampled - 1 {
		if i := p.rnd.IntN(len(p.ids)); p.clock-p.used[i] > p.clock-p.used[best] {
			best = i
		}
	}
	delete(p.at, p.ids[best])
	p.ids[best], p.used[best] = id, p.clock
	p.at[id] = best
}

func (p *sampledLRU) state() int { return 4 * p.limit }

// sieve is SIEVE (Zhang et al., NSDI 2024): one queue, a bit that a request sets, and a hand that walks from the tail to the head,
// takes the bit from who has it and evicts who has not; who stays, stays where it is.
type sieve struct {
	limit int
	nodes []sieveNode // 0 = the ring's fixed point: next is the head, prev the tail
	hand  uint32
	at    map[uint32]uint32
}

type sieveNode struct {
	next, prev, id uint32
	seen           bool
}

func newSieve(limit int) policy {
	return &sieve{limit: limit, nodes: make([]sieveNode, 1, limit+1), at: map[uint32]uint32{}}
}

func (p *sieve) ask(id uint32) bool {
	i, ok := p.at[id]
	if ok {
		p.nodes[i].seen = true
	}
	return ok
}

func (p *sieve) add(id uint32) {
	i := uint32(len(p.nodes))
	if len(p.nodes) <= p.limit {
		p.nodes = append(p.nodes, sieveNode{})
	} else {
		i = p.evict()
	}
	head := p.nodes[0].next
	p.nodes[i] = sieveNode{next: head, id: id}
	p.nodes[head].prev, p.nodes[0].next = i, i
	p.at[id] = i
}

func (p *sieve) evict() uint32 {
	h := p.hand
	for {
		if h == 0 {
			h = p.nodes[0].prev
		}
		n := &p.nodes[h]
		if !n.seen {
			p.hand = n.prev
			p.nodes[n.next].prev, p.nodes[n.prev].next = n.prev, n.next
			delete(p.at, n.id)
			return h
		}
		n.seen = false
		h = n.prev
	}
}

func (p *sieve) state() int { return 9 * p.limit } // two links and a bit: next, prev, seen

// s3 is S3-FIFO (Yang et al., SOSP 2023): a small queue that everything enters, a main queue for what was asked for while it
// was there or came back soon after, and the names of what left the small one without.
type s3 struct {
	limit, small int
	names        int      // remembered of what left the small queue
	more         uint8    // requests above which a block leaves the small queue for the main one
	s, m         []uint32 // queues; oldest first
	ghost        []uint32
	gone         map[uint32]int // how often a name is in ghost
	freq         map[uint32]uint8
}

func newS3(limit int, more uint8, names int) policy {
	return &s3{limit: limit, small: max(1, limit/10), names: names, more: more, gone: map[uint32]int{}, freq: map[uint32]uint8{}}
}

func (p *s3) ask(id uint32) bool {
	f, ok := p.freq[id]
	if ok {
		p.freq[id] = min(f+1, 3)
	}
	return ok
}

func (p *s3) add(id uint32) {
	for len(p.s)+len(p.m) >= p.limit {
		if len(p.s) >= p.small || len(p.m) == 0 {
			p.evictSmall()
		} else {
			p.evictMain()
		}
	}
	p.freq[id] = 0
	if p.gone[id] > 0 {
		p.m = append(p.m, id)
	} else {
		p.s = append(p.s, id)
	}
}

func (p *s3) evictSmall() {
	id := p.s[0]
	p.s = p.s[1:]
	if p.freq[id] > p.more {
		p.freq[id] = 0
		p.m = append(p.m, id)
		return
	}
	delete(p.freq, id)
	p.ghost = append(p.ghost, id)
	p.gone[id]++
	for len(p.ghost) > p.names {
		old := p.ghost[0]
		p.ghost = p.ghost[1:]
		if p.gone[old]--; p.gone[old] == 0 {
			delete(p.gone, old)
		}
	}
}

func (p *s3) evictMain() {
	for {
		id := p.m[0]
		p.m = p.m[1:]
		if p.freq[id] == 0 {
			delete(p.freq, id)
			return
		}
		p.freq[id]--
		p.m = append(p.m, id)
	}
}

// state: a place in a queue and its count, and of each name that left a mark of four bytes, twice: in order and to be found.
func (p *s3) state() int { return 5*p.limit + 3*4*p.names }

// hyperbolic evicts the one with the fewest requests for its age of five drawn (Blankstein et al., USENIX ATC 2017).
type hyperbolic struct {
	limit int
	clock uint32
	ids   []uint32
	born  []uint32
	asked []uint8
	at    map[uint32]int
	rnd   *rand.Rand
}

func newHyperbolic(limit int) policy {
	return &hyperbolic{limit: limit, at: map[uint32]int{}, rnd: rand.New(rand.NewPCG(5, 5))}
}

func (p *hyperbolic) ask(id uint32) bool {
	p.clock++
	i, ok := p.at[id]
	if ok {
		if p.asked[i]++; p.asked[i] == 255 { // half of both: the rate stays
			p.asked[i] = 127
			p.born[i] = p.clock - (p.clock-p.born[i])/2
		}
	}
	return ok
}

func (p *hyperbolic) add(id uint32) {
	if len(p.ids) < p.limit {
		p.at[id] = len(p.ids)
		p.ids, p.born, p.asked = append(p.ids, id), append(p.born, p.clock), append(p.asked, 1)
		return
	}
	best, least := 0, 2.0
	for range sampled {
		i := p.rnd.IntN(len(p.ids))
		if rate := float64(p.asked[i]) / float64(p.clock-p.born[i]+1); rate < least {
			best, least = i, rate
		}
	}
	delete(p.at, p.ids[best])
	p.ids[best], p.born[best], p.asked[best] = id, p.clock, 1
	p.at[id] = best
}

func (p *hyperbolic) state() int { return 5 * p.limit }
