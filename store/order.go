package store

import (
	"bytes"
	"cmp"
	"slices"

	"nightjar/keys"
)

// order lists the slots of class Sink, of both pools, by place on the ring and then by ID: short runs, sorted within and among
// themselves, so that an insertion moves little and nothing is sorted again. It costs about 6 bytes a slot. It is made when
// it is asked for first: entering a million blocks one after the other, as a store does that opens, would take seconds.
//
//	every run has 1 to maxRun slots;  the last of a run < the first of the next
type order struct {
	made bool
	runs []run
}

// run is a stretch of an order.
type run struct {
	first keys.Location // of pos[0]: most searches need not look at its slot
	pos   []ref
}

// maxRun makes a run 1 KiB.
const maxRun = 256

// mark is where a slot stands in an order.
type mark struct {
	at keys.Location
	id keys.ID
}

func (s *slot) mark() mark { return mark{s.at, s.id()} }

// compare is the order: by place, then by kind, then by name.
func (m *mark) compare(s *slot) int {
	return cmp.Or(cmp.Compare(m.at, s.at), cmp.Compare(m.id.Kind, s.kind), bytes.Compare(m.id.Name[:], s.name[:]))
}

// make sorts what is in the pools.
func (o *order) make(l *Ledger) {
	type place struct {
		at  keys.Location
		pos ref
	}
	all := make([]place, 0, l.pools[inSink].n+l.pools[inRecords].n)
	for _, pool := range []uint8{inSink, inRecords} {
		for i := range l.pools[pool].n {
			all = append(all, place{l.pools[pool].at(i).at, makeRef(pool, i)})
		}
	}
	slices.SortFunc(all, func(a, b place) int {
		if c := cmp.Compare(a.at, b.at); c != 0 {
			return c
		}
		m := l.slot(a.pos).mark()
		return m.compare(l.slot(b.pos))
	})
	o.made = true
	for part := range slices.Chunk(all, maxRun*3/4) { // with room for insertions
		u := run{part[0].at, make([]ref, 0, maxRun)}
		for _, e := range part {
			u.pos = append(u.pos, e.pos)
		}
		o.runs = append(o.runs, u)
	}
}

// search finds where m stands or would stand: pos[i] of run r. In an empty order r is -1.
func (o *order) search(l *Ledger, m *mark) (r, i int, found bool) {
	r, found = slices.BinarySearchFunc(o.runs, m, func(u run, m *mark) int {
		if c := cmp.Compare(u.first, m.at); c != 0 {
			return c
		}
		return -m.compare(l.slot(u.pos[0]))
	})
	if found {
		return r, 0, true
	}
	if r == 0 {
		return min(r, len(o.runs)-1), 0, false
	}
	r--
	i, found = slices.BinarySearchFunc(o.runs[r].pos, m, func(pos ref, m *mark) int { return -m.compare(l.slot(pos)) })
	return r, i, found
}

// insert enters a slot that is in its pool and not in the order.
func (o *order) insert(l *Ledger, pos ref) {
	if !o.made {
		return
	}
	m := l.slot(pos).mark()
	r, i, _ := o.search(l, &m)
	if r < 0 {
		o.runs = []run{{m.at, append(make([]ref, 0, maxRun), pos)}}
		return
	}
	u := &o.runs[r]
	if len(u.pos) < maxRun {
		u.pos = slices.Insert(u.pos, i, pos)
		u.first = l.slot(u.pos[0]).at
		return
	}
	half := append(make([]ref, 0, maxRun), u.pos[maxRun/2:]...)
	u.pos = u.pos[:maxRun/2]
	o.runs = slices.Insert(o.runs, r+1, run{l.slot(half[0]).at, half})
	o.insert(l, pos)
}

// remove takes out a slot that is still in its pool.
func (o *order) remove(l *Ledger, pos ref) {
	if !o.made {
		return
	}
	m := l.slot(pos).mark()
	r, i, _ := o.search(l, &m)
	u := &o.runs[r]
	u.pos = slices.Delete(u.pos, i, i+1)
	if len(u.pos) == 0 {
		o.runs = slices.Delete(o.runs, r, r+1)
		return
	}
	u.first = l.slot(u.pos[0]).at
	if r+1 < len(o.runs) && len(u.pos)+len(o.runs[r+1].pos) <= maxRun/2 {
		u.pos = append(u.pos, o.runs[r+1].pos...)
		o.runs = slices.Delete(o.runs, r+1, r+2)
	}
}

// move says that a slot is about to have another position in the pool.
func (o *order) move(l *Ledger, from, to ref) {
	if !o.made {
		return
	}
	m := l.slot(from).mark()
	r, i, _ := o.search(l, &m)
	o.runs[r].pos[i] = to
}

// walk calls visit for what stands after m, in order, until it returns false.
func (o *order) walk(l *Ledger, m mark, visit func(*slot) bool) {
	r, i, found := o.search(l, &m)
	if r < 0 {
		return
	}
	if found {
		i++
	}
	for ; r < len(o.runs); r, i = r+1, 0 {
		for ; i < len(o.runs[r].pos); i++ {
			if !visit(l.slot(o.runs[r].pos[i])) {
				return
			}
		}
	}
}

// MaxArc is how many entries one call of Arc returns at most.
const MaxArc = 4096

// Arc lists blocks of class Sink: Store.Arc.
func (l *Ledger) Arc(from, last keys.Location, after keys.ID, limit int) []Entry {
	limit = min(limit, MaxArc)
	if limit <= 0 {
		return nil
	}
	var out []Entry
	collect := func(until keys.Location) func(*slot) bool {
		return func(s *slot) bool {
			if s.at > until {
				return false
			}
			out = append(out, s.entry(Sink))
			return len(out) < limit
		}
	}
	if !l.order.made {
		l.order.make(l)
	}
	if from <= last {
		l.order.walk(l, mark{from, after}, collect(last))
		return out
	}
	l.order.walk(l, mark{from, after}, collect(^keys.Location(0)))
	if len(out) < limit {
		l.order.walk(l, mark{}, collect(last))
	}
	return out
}
