package store

import (
	"slices"

	"nightjar/keys"
)

// sampled is how many blocks are drawn to find one to evict (anonymity.md §6.2: random of five; never the least
// recently used of all sink blocks, which would starve rare ones).
const sampled = 5

// Room names the blocks that must go before e may be entered, or returns ErrFull if e is less worth keeping than what
// it would displace. Nothing changes. Cache gives way first: of five drawn the one not asked for longest. Then Sink, for a
// sink block only: of five drawn the one farthest from the node, if it is farther than e.
func (l *Ledger) Room(e Entry) ([]Entry, error) {
	need := l.bytes + e.Charge() - l.quota
	spared := []keys.ID{e.ID}
	if old, ok := l.Find(e.ID); ok {
		need -= old.Charge()
	}
	if need <= 0 {
		return nil, nil
	}
	if e.Charge() > l.quota {
		return nil, ErrFull
	}
	var victims []Entry
	for need > 0 {
		v, ok := l.victim(spared)
		if !ok || v.Class == Sink && (e.Class != Sink || l.self.Distance(v.At) <= l.self.Distance(e.At)) {
			return nil, ErrFull
		}
		victims = append(victims, v)
		spared = append(spared, v.ID)
		need -= v.Charge()
	}
	return victims, nil
}

// Shrink forgets blocks, as Room would choose them, until the quota holds, and returns them: for a store whose quota
// became smaller.
func (l *Ledger) Shrink() []Entry {
	var gone []Entry
	for l.bytes > l.quota {
		v, ok := l.victim(nil)
		if !ok {
			break
		}
		l.Remove(v.ID)
		gone = append(gone, v)
	}
	return gone
}

// victim draws the block that is least worth keeping, none of spared.
func (l *Ledger) victim(spared []keys.ID) (Entry, bool) {
	if v, ok := l.draw(Cache, spared, func(a, b *slot) bool { return l.clock-a.used > l.clock-b.used }); ok {
		return v, true
	}
	return l.draw(Sink, spared, func(a, b *slot) bool { return l.self.Distance(a.at) > l.self.Distance(b.at) })
}

// draw returns the first, by order, of five random slots of a class.
func (l *Ledger) draw(c Class, spared []keys.ID, before func(a, b *slot) bool) (Entry, bool) {
	p := &l.pools[c]
	if p.n == 0 {
		return Entry{}, false
	}
	var best *slot
	for range sampled {
		s := p.at(l.rnd.Uint32N(p.n))
		if !slices.Contains(spared, s.id()) && (best == nil || before(s, best)) {
			best = s
		}
	}
	if best == nil {
		best = p.unspared(l.rnd.Uint32N(p.n), spared)
	}
	if best == nil {
		return Entry{}, false
	}
	return best.entry(c), true
}

// unspared walks from a random slot to one that may go: in a pool so small that five draws found only spared ones.
func (p *pool) unspared(from uint32, spared []keys.ID) *slot {
	for i := range p.n {
		if s := p.at((from + i) % p.n); !slices.Contains(spared, s.id()) {
			return s
		}
	}
	return nil
}
