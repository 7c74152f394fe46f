package store

import (
	"slices"

	"nightjar/keys"
)

// The shares of links (doc.go). A link that floods displaces what it brought itself. Two bounds, for each pool by itself:
//
//	part: held <= max(1/16, 2/n) · max(budget, bytes of the pool)           what it has of the pool, n links being known
//	pace: taken <= slack + 2 · third,  slack = max(budget/512, one block)   what it has displaced of others', beside what others have
//
// where third is what the third most active of the other links has taken (of fewer others, the least active of them): two links
// that flood together do not speed each other up. When third reaches the slack, what each has taken is halved, so that nobody
// saves up: at any time a link can displace 3 slacks, 0.6 %, at once, and in the long run three times what third does.
const (
	maxPart   = 16
	slackPart = 512
	pacers    = 3
	// maxLinks is how many links are told apart, the one of index 0 included, which is nobody's.
	maxLinks = 256
)

// links are those who have brought something.
type links struct {
	all   *[maxLinks]share
	index map[uint64]uint8
}

// share is what a link has, by pool.
type share struct {
	number uint64 // 0 = the index is free
	held   [poolCount]int64
	taken  [poolCount]int64
}

func newLinks() links { return links{new([maxLinks]share), make(map[uint64]uint8)} }

// bound returns the index of a link that must displace its own blocks first, or 0.
func (k *links) bound(l *Ledger, pool uint8, link uint64) uint8 {
	i, ok := k.index[link]
	if !ok {
		return 0 // it has nothing yet
	}
	n, third := k.others(pool, i)
	if k.swollen(l, pool, i, n+1) || n > 0 && k.all[i].taken[pool] > k.slack(l, pool)+2*third {
		return i
	}
	return 0
}

// swollen reports that a link has more than its part of a pool.
func (k *links) swollen(l *Ledger, pool, i uint8, n int) bool {
	part := max(l.budget(pool), l.pools[pool].bytes)
	return k.all[i].held[pool] > max(part/maxPart, 2*part/int64(n))
}

func (k *links) slack(l *Ledger, pool uint8) int64 {
	return max(l.budget(pool)/slackPart, MaxSize+Overhead)
}

// others counts the links but one that have brought something into a pool, and finds what the third most active has taken.
func (k *links) others(pool, but uint8) (n int, third int64) {
	var top [pacers]int64
	for i := range k.all {
		s := &k.all[i]
		if s.number == 0 || i == int(but) || s.held[pool] == 0 && s.taken[pool] == 0 {
			continue
		}
		n++
		v := s.taken[pool]
		for j := range top {
			if v > top[j] {
				v, top[j] = top[j], v
			}
		}
	}
	return n, top[min(max(n, 1), pacers)-1]
}

// Yield is Remove for a block that gives way to another, which a neighbour brings, as RoomFor said.
func (l *Ledger) Yield(id keys.ID, to Entry, link uint64) {
	r, ok := l.find(id)
	if !ok {
		return
	}
	s := l.slot(r)
	if r.pool() == inCache {
		l.cache.remember(&l.pools[inCache], s, l.index.fingerprint(&id))
	}
	if link != 0 {
		l.links.charge(l, poolOf(to), l.links.of(l, link), s, r.pool())
	}
	l.Remove(id)
}

// charge notes that link i displaces s from a pool for one of another. What it brought itself, and what is of a link that has too much,
// does not count.
func (k *links) charge(l *Ledger, into, i uint8, s *slot, from uint8) {
	if s.link == i {
		return
	}
	if s.link != 0 {
		if n, _ := k.others(from, s.link); k.swollen(l, from, s.link, n+1) {
			return
		}
	}
	k.all[i].taken[into] += s.entry(classOf(from)).Charge()
	if _, third := k.others(into, 0); third > k.slack(l, into) {
		for j := range k.all {
			k.all[j].taken[into] /= 2
		}
	}
}

// SetFrom is Set for a block that a neighbour brings. One that was held before stays with who brought it first.
func (l *Ledger) SetFrom(e Entry, link uint64) {
	if link == 0 {
		l.enter(e, 0)
		return
	}
	l.enter(e, l.links.of(l, link))
}

// of is the index of a link, which it gets when it brings something first.
func (k *links) of(l *Ledger, link uint64) uint8 {
	if i, ok := k.index[link]; ok {
		return i
	}
	if len(k.index) == maxLinks-1 {
		k.forget(l)
	}
	i := uint8(1)
	for k.all[i].number != 0 {
		i++
	}
	k.all[i].number = link
	k.index[link] = i
	return i
}

// forget makes half of the links strangers, those that hold least: what they brought is nobody's then. It looks at every block, but only
// once for so many new links.
func (k *links) forget(l *Ledger) {
	order := make([]uint8, 0, maxLinks-1)
	for i := 1; i < maxLinks; i++ {
		order = append(order, uint8(i))
	}
	total := func(i uint8) (sum int64) {
		for p := range poolCount {
			sum += k.all[i].held[p] + k.all[i].taken[p]
		}
		return sum
	}
	slices.SortStableFunc(order, func(a, b uint8) int { return int(min(max(total(a)-total(b), -1), 1)) })
	var gone [maxLinks]bool
	for _, i := range order[:len(order)/2] {
		gone[i] = true
		delete(k.index, k.all[i].number)
		for p := range poolCount {
			k.all[0].held[p] += k.all[i].held[p]
		}
		k.all[i] = share{}
	}
	for p := range l.pools {
		for i := range l.pools[p].n {
			if s := l.pools[p].at(i); gone[s.link] {
				s.link = 0
			}
		}
	}
}
