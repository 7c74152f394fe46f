package store

import (
	"encoding/binary"

	"nightjar/keys"
)

// slot is an entry as it is kept: 56 bytes, no pointers, so that a million of them cost the garbage collector nothing.
type slot struct {
	name [32]byte
	at   keys.Location
	hint uint64 // Ledger.Hint
	rank uint32 // in the cache: where it stands, and how often it was asked for
	size uint16 // MaxSize fits
	kind keys.Kind
	link uint8 // who brought it: index in links.all
}

func slotOf(e Entry) slot {
	return slot{name: e.ID.Name, kind: e.ID.Kind, at: e.At, size: uint16(e.Size)}
}

func (s *slot) id() keys.ID { return keys.ID{Kind: s.kind, Name: s.name} }

func (s *slot) entry(c Class) Entry {
	return Entry{ID: s.id(), Class: c, At: s.at, Size: int(s.size)}
}

// chunkSlots makes a chunk 28 KiB, which the allocator gives without waste.
const chunkSlots = 512

// The pools: what has a budget of its own.
const (
	inSink    = 1 // data of class Sink
	inCache   = 2 // class Cache
	inRecords = 3 // records of class Sink
	poolCount = 4 // the unused 0 included, so that a ref is never 0
)

// poolOf is where an entry belongs.
func poolOf(e Entry) uint8 {
	switch {
	case e.Class == Cache:
		return inCache
	case e.ID.Kind == keys.KindRecord:
		return inRecords
	}
	return inSink
}

// pool holds its slots densely, so that any of them is drawn with equal chance. It grows by chunks: no moment needs a copy of everything.
type pool struct {
	chunks []*[chunkSlots]slot
	n      uint32
	bytes  int64 // charged
}

func (p *pool) at(i uint32) *slot { return &p.chunks[i/chunkSlots][i%chunkSlots] }

func (p *pool) push(s slot) uint32 {
	if int(p.n/chunkSlots) == len(p.chunks) {
		p.chunks = append(p.chunks, new([chunkSlots]slot))
	}
	p.n++
	*p.at(p.n - 1) = s
	return p.n - 1
}

// pop drops the last slot. One empty chunk is kept, so that a store that is full does not allocate with every exchange.
func (p *pool) pop() {
	p.n--
	if keep := int((p.n+chunkSlots-1)/chunkSlots) + 1; len(p.chunks) > keep {
		p.chunks[len(p.chunks)-1] = nil
		p.chunks = p.chunks[:len(p.chunks)-1]
	}
}

// ref says where a slot is: pool in the top 3 bits, position in it below. 0 is no ref.
type ref uint32

const posBits = 29

func makeRef(pool uint8, pos uint32) ref { return ref(uint32(pool)<<posBits | pos) }

func (r ref) pool() uint8 { return uint8(r >> posBits) }

func (r ref) class() Class { return classOf(r.pool()) }

func classOf(pool uint8) Class {
	if pool == inCache {
		return Cache
	}
	return Sink
}

func (r ref) pos() uint32 { return uint32(r) & (1<<posBits - 1) }

// table finds refs by ID: open addressing with linear probing, at most 3/4 full.
type table struct {
	refs  []ref // a power of two of them
	n     int
	mult  uint64 // odd and secret: names that somebody chose do not crowd one place (multiply-shift hashing)
	shift uint
}

// home is where the search for an ID starts.
func (t *table) home(id *keys.ID) int {
	return int(t.hash(id) >> t.shift)
}

func (t *table) hash(id *keys.ID) uint64 {
	return (binary.LittleEndian.Uint64(id.Name[8:]) ^ uint64(id.Kind)) * t.mult
}

// fingerprint tells IDs apart, nearly always. It is never 0.
func (t *table) fingerprint(id *keys.ID) uint32 { return max(1, uint32(t.hash(id)>>32)) }

func (t *table) next(i int) int { return (i + 1) & (len(t.refs) - 1) }

func (t *table) find(l *Ledger, id keys.ID) (ref, bool) {
	if t.n == 0 {
		return 0, false
	}
	for i := t.home(&id); t.refs[i] != 0; i = t.next(i) {
		if s := l.slot(t.refs[i]); s.name == id.Name && s.kind == id.Kind {
			return t.refs[i], true
		}
	}
	return 0, false
}

// insert enters a ref whose slot is in place and whose ID is not in the table.
func (t *table) insert(l *Ledger, r ref, id keys.ID) {
	if (t.n+1)*4 > len(t.refs)*3 {
		t.grow(l)
	}
	t.place(r, &id)
	t.n++
}

func (t *table) place(r ref, id *keys.ID) {
	i := t.home(id)
	for t.refs[i] != 0 {
		i = t.next(i)
	}
	t.refs[i] = r
}

func (t *table) grow(l *Ledger) { t.resize(l, len(t.refs)+1) }

// resize makes room for so many refs at least.
func (t *table) resize(l *Ledger, least int) {
	old := t.refs
	size, bits := 64, uint(6)
	for size < least {
		size, bits = size*2, bits+1
	}
	t.refs, t.shift = make([]ref, size), 64-bits
	for _, r := range old {
		if r != 0 {
			id := l.slot(r).id()
			t.place(r, &id)
		}
	}
}

// bucket is the place of an ID that is in the table.
func (t *table) bucket(l *Ledger, id keys.ID) int {
	i := t.home(&id)
	for l.slot(t.refs[i]).id() != id {
		i = t.next(i)
	}
	return i
}

// replace changes where the slot of an ID in the table is.
func (t *table) replace(l *Ledger, from, to ref, id keys.ID) {
	i := t.home(&id)
	for t.refs[i] != from {
		i = t.next(i)
	}
	t.refs[i] = to
}

// remove takes an ID out and closes the gap: what a search would no longer reach moves back into it (Knuth 6.4 R).
func (t *table) remove(l *Ledger, id keys.ID) {
	gap := t.bucket(l, id)
	for i := t.next(gap); t.refs[i] != 0; i = t.next(i) {
		moved := l.slot(t.refs[i]).id()
		if mask := len(t.refs) - 1; (i-t.home(&moved))&mask >= (i-gap)&mask {
			t.refs[gap], gap = t.refs[i], i
		}
	}
	t.refs[gap] = 0
	t.n--
}
