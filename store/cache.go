package store

import (
	"math/bits"
	"slices"

	"nightjar/keys"
)

// cache is the order in which class Cache gives way: S3-FIFO (Yang et al., "FIFO queues are all you need for cache eviction", SOSP
// 2023; docs/decisions/0012 has what it was compared with). A block enters the small queue. When it is the oldest there, it
// goes on to the main queue if it was asked for meanwhile, else it gives way, and its fingerprint is remembered; one that
// comes back while that is so enters the main queue at once. There the oldest goes round as often as it was asked for, at
// most maxAsked times, and then gives way.
//
//	enter ──> small ──asked for──> main ──┐ round again, once for each request
//	             └──not──> ghost     ^  └─┘ ──> gone
//	enter, in ghost ─────────────────┘
type cache struct {
	queues [2]fifo // small, main
	ghost  ghost
}

const (
	small = 0
	main  = 1
	// smallPart is which part of the cached blocks the small queue has.
	smallPart = 10
	// maxAsked is how many requests for a block count.
	maxAsked = 3
	// maxMoves is how many blocks are moved on at most to find one that gives way; then the next does, whatever was asked for. Who had
	// asked for all that is cached would else have the books walk through it.
	maxMoves = 4096
)

// slot.rank in the cache: the place in a queue's ring in the low bits, then which queue, then how often it was asked for.
const (
	placeBits  = 29
	queueShift = placeBits
	askedShift = placeBits + 1
)

func (s *slot) place() uint32 { return s.rank & (1<<placeBits - 1) }
func (s *slot) queue() int    { return int(s.rank >> queueShift & 1) }
func (s *slot) often() uint32 { return s.rank >> askedShift }

func (s *slot) setPlace(place uint32) { s.rank = s.rank&^(1<<placeBits-1) | place }

// asked notes a request. What it does to a slot that is not in the cache means nothing.
func (s *slot) asked() {
	if s.often() < maxAsked {
		s.rank += 1 << askedShift
	}
}

// enter puts a slot into its first queue.
func (c *cache) enter(p *pool, pos, fingerprint uint32) {
	which := small
	if c.ghost.take(fingerprint) {
		which = main
	}
	c.push(p, pos, which)
}

// push puts a slot at the end of a queue, as one not asked for.
func (c *cache) push(p *pool, pos uint32, which int) {
	p.at(pos).rank = uint32(which) << queueShift
	c.queues[which].push(p, pos)
}

// leave takes a slot out of its queue.
func (c *cache) leave(p *pool, pos uint32) {
	s := p.at(pos)
	c.queues[s.queue()].drop(s.place())
}

// move says that a slot is about to have another position in the pool.
func (c *cache) move(p *pool, from, to uint32) {
	s := p.at(from)
	*c.queues[s.queue()].at(s.place()) = to + 1
}

// remember notes the fingerprint of a slot that is about to give way, if it was never asked for.
func (c *cache) remember(p *pool, s *slot, fingerprint uint32) {
	if s.queue() == small {
		c.ghost.add(fingerprint, p.n)
	}
}

// next returns the slot that gives way next, none of spared. It may move others to the queue's end or the other queue, but
// takes none out.
func (c *cache) next(p *pool, spared []keys.ID) *slot {
	q := &c.queues
	if q[small].n*smallPart >= int(p.n) || q[main].n == 0 {
		if s := c.oldest(p, small, spared); s != nil {
			return s
		}
	}
	if s := c.oldest(p, main, spared); s != nil {
		return s
	}
	return c.oldest(p, small, spared)
}

// oldest returns the first of a queue that was not asked for. Each that was goes to the end of the main queue.
func (c *cache) oldest(p *pool, which int, spared []keys.ID) *slot {
	q := &c.queues[which]
	moves := 0
	for i := q.head; i != q.tail; {
		pos := *q.at(i)
		i++
		if pos == 0 || slices.Contains(spared, p.at(pos-1).id()) {
			continue
		}
		s := p.at(pos - 1)
		often := s.often()
		if often == 0 || moves == maxMoves {
			return s
		}
		moves++
		q.drop(s.place())
		c.push(p, pos-1, main)
		if which == main {
			s.rank |= (often - 1) << askedShift
		}
		i = q.head // the push may have laid the ring anew
	}
	return nil
}

// fifo is a queue of slots: their positions plus one, oldest first, 0 where one has left.
//
//	ring[i mod len] for head <= i < tail;  ring[head] != 0 unless it is empty;  n = how many are not 0
type fifo struct {
	ring       []uint32 // a power of two
	head, tail uint32
	n          int
}

func (f *fifo) at(i uint32) *uint32 { return &f.ring[i&uint32(len(f.ring)-1)] }

func (f *fifo) push(p *pool, pos uint32) {
	if int(f.tail-f.head) == len(f.ring) {
		f.lay(p)
	}
	*f.at(f.tail) = pos + 1
	p.at(pos).setPlace(f.tail & uint32(len(f.ring)-1))
	f.tail++
	f.n++
}

// lay closes the gaps, in a ring that is at most half full then.
func (f *fifo) lay(p *pool) {
	old := *f
	*f = fifo{ring: make([]uint32, max(64, 1<<bits.Len(uint(2*old.n))>>1))}
	if len(f.ring) < 2*old.n {
		f.ring = make([]uint32, 2*len(f.ring))
	}
	for i := old.head; i != old.tail; i++ {
		if pos := *old.at(i); pos != 0 {
			f.push(p, pos-1)
		}
	}
}

// drop takes out what has a place.
func (f *fifo) drop(place uint32) {
	*f.at(place) = 0
	f.n--
	for f.head != f.tail && *f.at(f.head) == 0 {
		f.head++
	}
}

// ghost remembers the fingerprints of what left lately, about as many as there are cached blocks: in buckets, each of
// which forgets its oldest.
type ghost struct {
	buckets [][ghostDepth]uint32 // a power of two of them; newest first
}

const ghostDepth = 4

func (g *ghost) bucket(fingerprint uint32) *[ghostDepth]uint32 {
	return &g.buckets[fingerprint&uint32(len(g.buckets)-1)]
}

// add notes a fingerprint, in as many buckets as n blocks want.
func (g *ghost) add(fingerprint, n uint32) {
	for uint32(len(g.buckets))*ghostDepth*2 <= n || len(g.buckets) == 0 {
		g.grow()
	}
	b := g.bucket(fingerprint)
	copy(b[1:], b[:ghostDepth-1])
	b[0] = fingerprint
}

func (g *ghost) grow() {
	old := g.buckets
	g.buckets = make([][ghostDepth]uint32, max(1, 2*len(old)))
	for _, b := range old {
		for i := range b {
			if f := b[ghostDepth-1-i]; f != 0 {
				to := g.bucket(f)
				copy(to[1:], to[:ghostDepth-1])
				to[0] = f
			}
		}
	}
}

// take forgets a fingerprint and reports whether it was remembered.
func (g *ghost) take(fingerprint uint32) bool {
	if len(g.buckets) == 0 {
		return false
	}
	b := g.bucket(fingerprint)
	i := slices.Index(b[:], fingerprint)
	if i < 0 {
		return false
	}
	copy(b[i:], b[i+1:])
	b[ghostDepth-1] = 0
	return true
}
