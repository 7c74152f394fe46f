package store

import (
	"slices"

	"nightjar/keys"
)

const (
	// sampled is how many blocks of class Sink are drawn to find one to evict (anonymity.md §6.2: random of five; never
	// the least recently used, which would starve rare ones).
	sampled = 5
	// ownDraws is how many are drawn at most to find so many of one link.
	ownDraws = 256
)

// The budgets: parts of the quota. What is left of it is the budget of sink data.
const (
	cacheBudget   = 0.25
	recordsBudget = 0.05
)

// budget is what a pool may always have, in bytes. The budgets add up to the quota.
func (l *Ledger) budget(pool uint8) int64 {
	cached, records := int64(float64(l.quota)*cacheBudget), int64(float64(l.quota)*recordsBudget)
	switch pool {
	case inCache:
		return cached
	case inRecords:
		return records
	}
	return l.quota - cached - records
}

// Room names the blocks that must go before e may be entered, or returns ErrFull if e is less worth keeping than what
// it would displace. What is held does not change.
func (l *Ledger) Room(e Entry) ([]Entry, error) { return l.RoomFor(e, 0) }

// RoomFor is Room for a block that a neighbour brings: Store.PutFrom.
func (l *Ledger) RoomFor(e Entry, link uint64) ([]Entry, error) {
	r := search{Ledger: l, pool: poolOf(e), spared: []keys.ID{e.ID}}
	for p := range r.held {
		r.held[p] = l.pools[p].bytes
	}
	need := l.bytes + e.Charge() - l.quota
	if old, ok := l.Find(e.ID); ok {
		need -= old.Charge()
		r.held[poolOf(old)] -= old.Charge()
	}
	if need <= 0 {
		return nil, nil
	}
	if e.Charge() > l.quota {
		return nil, ErrFull
	}
	if link != 0 {
		r.own = l.links.bound(l, r.pool, link)
	}
	var victims []Entry
	for need > 0 {
		v, ok := r.victim(e.At)
		if !ok {
			return nil, ErrFull
		}
		victims = append(victims, v)
		r.spared = append(r.spared, v.ID)
		r.held[poolOf(v)] -= v.Charge()
		need -= v.Charge()
	}
	return victims, nil
}

// search is for what goes for one newcomer.
type search struct {
	*Ledger
	pool   uint8            // that the newcomer is to enter
	held   [poolCount]int64 // what would be held, without the newcomer
	spared []keys.ID
	own    uint8 // the link whose own blocks give way first; 0 = none
}

// over reports that a pool has borrowed from others.
func (r *search) over(pool uint8) bool { return r.held[pool] > r.budget(pool) }

// victim is the next that goes for a newcomer at a position: of its link, if that has more than its share; else what another pool
// has borrowed, if its own is below its budget; else what the cache has borrowed; else of its own pool.
func (r *search) victim(at keys.Location) (Entry, bool) {
	if r.own != 0 && r.links.all[r.own].held[r.pool] > 0 {
		v, ok := r.draw(r.pool, r.own, r.spared)
		return v, ok && r.yields(v, at)
	}
	if r.held[r.pool] < r.budget(r.pool) {
		if v, ok := r.borrowed(r.pool); ok {
			return v, true
		}
	}
	if r.pool != inCache && r.over(inCache) {
		return r.take(inCache, r.spared)
	}
	v, ok := r.take(r.pool, r.spared)
	return v, ok && r.yields(v, at)
}

// borrowed is what a pool other than that gives back.
func (r *search) borrowed(other uint8) (Entry, bool) {
	for _, p := range []uint8{inCache, inSink, inRecords} {
		if p != other && r.over(p) {
			return r.take(p, r.spared)
		}
	}
	return Entry{}, false
}

// yields reports whether v is worth less than a newcomer of its own pool at a position.
func (r *search) yields(v Entry, at keys.Location) bool {
	return v.Class == Cache || r.self.Distance(v.At) > r.self.Distance(at)
}

// Shrink forgets blocks, as Room would choose them, until the quota holds, and returns them: for a store whose quota
// became smaller.
func (l *Ledger) Shrink() []Entry {
	var gone []Entry
	for l.bytes > l.quota {
		r := search{Ledger: l}
		for p := range r.held {
			r.held[p] = l.pools[p].bytes
		}
		v, ok := r.borrowed(0)
		if !ok {
			break
		}
		l.Remove(v.ID)
		gone = append(gone, v)
	}
	return gone
}

// take chooses the block of a pool that is least worth keeping, none of spared.
func (l *Ledger) take(pool uint8, spared []keys.ID) (Entry, bool) {
	if pool != inCache {
		return l.draw(pool, 0, spared)
	}
	if s := l.cache.next(&l.pools[inCache], spared); s != nil {
		return s.entry(Cache), true
	}
	return Entry{}, false
}

// draw chooses the block least worth keeping of five random ones of a pool, of one link unless that is 0. It finds none of a link that has
// next to nothing in a large pool, which it would have to walk through.
func (l *Ledger) draw(pool, link uint8, spared []keys.ID) (Entry, bool) {
	p := &l.pools[pool]
	if p.n == 0 {
		return Entry{}, false
	}
	fits := func(s *slot) bool { return (link == 0 || s.link == link) && !slices.Contains(spared, s.id()) }
	draws, found := sampled, 0
	if link != 0 {
		draws = ownDraws
	}
	var best *slot
	for ; draws > 0 && found < sampled; draws-- {
		if s := p.at(l.rnd.Uint32N(p.n)); fits(s) {
			found++
			if best == nil || l.worse(pool, s, best) {
				best = s
			}
		}
	}
	if best == nil && (link == 0 || p.n <= ownDraws) {
		best = p.first(l.rnd.Uint32N(p.n), fits)
	}
	if best == nil {
		return Entry{}, false
	}
	return best.entry(classOf(pool)), true
}

// worse reports whether a is less worth keeping than b of the same pool.
func (l *Ledger) worse(pool uint8, a, b *slot) bool {
	if pool == inCache {
		return a.often() < b.often() || a.often() == b.often() && a.queue() < b.queue()
	}
	return l.self.Distance(a.at) > l.self.Distance(b.at)
}

// first walks from a random slot to one that fits: in a pool so small, or with so few of a link, that drawing found none.
func (p *pool) first(from uint32, fits func(*slot) bool) *slot {
	for i := range p.n {
		if s := p.at((from + i) % p.n); fits(s) {
			return s
		}
	}
	return nil
}
