package store

import (
	"math/rand/v2"

	"nightjar/keys"
)

// Overhead is what a block is charged in bytes beside its own size: its seal, its framing in the files and its place
// in the index of the durable store (badgerstore/SPEC.md §7). It is the same in memory, so that a simulation fills up as a disk does.
const Overhead = 256

// Entry is what a store knows of a block without reading it. It is comparable.
type Entry struct {
	ID    keys.ID
	Class Class
	At    keys.Location // the position for which the block is kept
	Size  int           // bytes of the block, at most MaxSize
}

// MaxSize is the largest Entry.Size in bytes.
const MaxSize = keys.DataSize

// NewEntry describes a Put, or returns ErrInvalid.
func NewEntry(b keys.Block, class Class, at keys.Location) (Entry, error) {
	e := Entry{ID: b.ID(), Class: class, At: at, Size: len(b.Data())}
	if !e.Valid() {
		return Entry{}, ErrInvalid
	}
	return e, nil
}

// Valid reports whether a block can be held like that.
func (e Entry) Valid() bool {
	switch e.ID.Kind {
	case keys.KindData:
		return e.Class.Valid() && e.Size == keys.DataSize
	case keys.KindRecord:
		return e.Class.Valid() && e.Size > 0 && e.Size <= keys.MaxRecordSize
	}
	return false
}

// Charge is what the block costs of the quota, in bytes.
func (e Entry) Charge() int64 { return int64(e.Size) + Overhead }

// Ledger is the books of a store: which blocks are held, for what, what they cost together, and which of them must go
// for a newcomer. It does no I/O and is deterministic for a given source of randomness. Memory: 61 to 67 bytes a block,
// 8 to 16 more for one of class Cache, about 6 more for one of class Sink once Arc was called, and 2 to 4 more once Filter was.
type Ledger struct {
	quota int64
	bytes int64
	self  keys.Location
	rnd   *rand.Rand
	pools [poolCount]pool
	index table
	order order // of class Sink
	cache cache // the order of class Cache
	links links

	filter  *Filter // nil until somebody asks for it
	touched ref     // nothing: Touch
}

// NewLedger returns empty books for a node at self with a quota in bytes; rnd draws the candidates for eviction.
func NewLedger(quota int64, self keys.Location, rnd *rand.Rand) *Ledger {
	return &Ledger{quota: quota, self: self, rnd: rnd, index: table{mult: rnd.Uint64() | 1}, links: newLinks()}
}

// Find returns the entry of a block that is held.
func (l *Ledger) Find(id keys.ID) (Entry, bool) {
	r, ok := l.find(id)
	if !ok {
		return Entry{}, false
	}
	return l.slot(r).entry(r.class()), true
}

// Use is Find for a block that is asked for: it notes the use.
func (l *Ledger) Use(id keys.ID) (Entry, bool) {
	r, ok := l.find(id)
	if !ok {
		return Entry{}, false
	}
	s := l.slot(r)
	s.asked()
	return s.entry(r.class()), true
}

// Merge says how a block should be held after a Put of e: as e if it is not held yet, else as it is held already or
// better. Size is that of the block held.
func (l *Ledger) Merge(e Entry) (want Entry, held bool) {
	want, held = l.Find(e.ID)
	switch {
	case !held:
		return e, false
	case e.Class < want.Class:
		want.Class, want.At = e.Class, e.At
	case e.Class == want.Class && l.self.Distance(e.At) < l.self.Distance(want.At):
		want.At = e.At
	}
	return want, true
}

// Set enters a block, in place of an entry with the same ID. The caller has made room: Room.
func (l *Ledger) Set(e Entry) { l.enter(e, 0) }

// enter is Set for a block of a link. One that was held stays with who brought it: else a link could claim what others brought by
// bringing it again, and then displace it.
func (l *Ledger) enter(e Entry, of uint8) {
	s := slotOf(e)
	s.link = of
	if r, ok := l.find(e.ID); ok {
		s.link = l.slot(r).link
		if r.pool() == poolOf(e) {
			l.replace(r, s)
			return
		}
		l.remove(r)
	} else {
		l.filter.add(l, &e.ID)
	}
	l.push(s, e.Class)
}

// push enters a slot whose ID is not in the books.
func (l *Ledger) push(s slot, c Class) {
	e := s.entry(c)
	r := makeRef(poolOf(e), l.pools[poolOf(e)].push(s))
	l.index.insert(l, r, e.ID)
	l.count(r.pool(), s.link, e.Charge())
	if c == Sink {
		l.order.insert(l, r)
	} else {
		l.cache.enter(&l.pools[inCache], r.pos(), l.index.fingerprint(&e.ID))
	}
}

// replace changes a slot in its place.
func (l *Ledger) replace(r ref, s slot) {
	held := l.slot(r)
	l.count(r.pool(), s.link, int64(s.size)-int64(held.size))
	s.rank = held.rank
	moves := r.class() == Sink && held.at != s.at
	if moves {
		l.order.remove(l, r)
	}
	*held = s
	if moves {
		l.order.insert(l, r)
	}
}

// count takes in that a pool holds so much more of a link.
func (l *Ledger) count(pool, link uint8, charge int64) {
	l.bytes += charge
	l.pools[pool].bytes += charge
	l.links.all[link].held[pool] += charge
}

// Remove forgets a block and reports whether it was held.
func (l *Ledger) Remove(id keys.ID) bool {
	r, ok := l.find(id)
	if ok {
		l.remove(r)
		l.filter.drop(&id)
	}
	return ok
}

// Stats is the state of the books.
func (l *Ledger) Stats() Stats {
	var n int64
	for i := range l.pools {
		n += int64(l.pools[i].n)
	}
	return Stats{Blocks: n, Bytes: l.bytes, Quota: l.quota, Usable: l.quota}
}

// SetQuota changes the quota. Where more is held than that, Shrink or the next Room says what must go.
func (l *Ledger) SetQuota(quota int64) { l.quota = quota }

// remove takes r out of its pool; the last slot of the pool moves into the gap.
func (l *Ledger) remove(r ref) {
	p := &l.pools[r.pool()]
	s := p.at(r.pos())
	l.index.remove(l, s.id())
	l.count(r.pool(), s.link, -s.entry(r.class()).Charge())
	if r.class() == Sink {
		l.order.remove(l, r)
	} else {
		l.cache.leave(p, r.pos())
	}
	if last := makeRef(r.pool(), p.n-1); r != last {
		moved := *l.slot(last)
		if r.class() == Sink {
			l.order.move(l, last, r)
		} else {
			l.cache.move(p, last.pos(), r.pos())
		}
		l.index.replace(l, last, r, moved.id())
		*s = moved
	}
	p.pop()
}

func (l *Ledger) find(id keys.ID) (ref, bool) { return l.index.find(l, id) }

func (l *Ledger) slot(r ref) *slot { return l.pools[r.pool()].at(r.pos()) }

// Newer reports whether b replaces held, the block of the same ID that a store has: only a record with a larger version does.
func Newer(b, held keys.Block) bool {
	return b.ID().Kind == keys.KindRecord && keys.RecordVersion(b) > keys.RecordVersion(held)
}
