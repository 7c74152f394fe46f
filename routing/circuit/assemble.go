package circuit

import (
	"nightjar/keys"
	"nightjar/routing/wire"
)

// assembly puts a block together from its cells, which come in their order with nothing of the same block between.
type assembly struct {
	entry entry
	data  []byte // what has come; room for all of it
	part  int    // the next
	full  bool   // there is no room for the block: its cells are counted and dropped
}

// room is how many bytes a block of the kind may have.
func room(kind keys.Kind) int {
	if kind == keys.KindData {
		return keys.DataSize
	}
	return keys.MaxRecordSize
}

// add takes in the next cell's payload, of which the first cell of a PUT begins with headLen bytes that are no part of
// the block; false breaks a rule: each cell but the last is full unless the block ends in it.
func (s *assembly) add(part uint8, p []byte, headLen int) bool {
	kind, total := s.entry.id.Kind, parts(s.entry.id.Kind)
	if int(part) != s.part || s.part >= total {
		return false
	}
	s.part++
	start := int(part)*payloadSize - headLen // where in the block this cell begins
	if part == 0 {
		start = 0
		p = p[headLen:]
	}
	if s.full {
		return true
	}
	if len(s.data) != start && len(p) > 0 || len(s.data)+len(p) > room(kind) {
		return false
	}
	s.data = append(s.data, p...)
	return s.part < total || kind != keys.KindData || len(s.data) == keys.DataSize
}

// whole reports whether all cells have come.
func (s *assembly) whole() bool { return s.part == parts(s.entry.id.Kind) }

// servePut takes in one cell of a PUT; false breaks a rule.
func (m *Machine) servePut(r *relayed, h header, p []byte) bool {
	x := r.exit
	if h.flags == 0 {
		if x.put != nil || len(p) < entrySize {
			return false
		}
		e, ok := readEntry(p[:entrySize])
		if !ok || e.wait || e.index != h.req || x.full(e) {
			return false
		}
		m.beginPut(r, e)
	}
	s := x.put
	if s == nil || s.entry.index != h.req || !s.add(h.flags, p, entrySize) {
		return false
	}
	if !s.whole() {
		return true
	}
	return m.endPut(r, s)
}

// beginPut makes room for a block.
func (m *Machine) beginPut(r *relayed, e entry) {
	load := &r.prev.link.load
	s := &assembly{entry: e}
	r.exit.put = s
	s.full = full(load.puts, maxPuts, m.launch.puts, maxAllPuts)
	load.puts++
	m.launch.puts++
	if s.full {
		return
	}
	s.data = make([]byte, 0, room(e.id.Kind))
}

// endPut opens the request for a block that has come whole; false breaks a rule.
func (m *Machine) endPut(r *relayed, s *assembly) bool {
	r.exit.put = nil
	a := &asked{r: r, entry: s.entry, put: true}
	if s.full {
		if !m.admit(r, a) { // takes its place among puts over
			s.drop(m, r)
			return false
		}
		if !a.done {
			m.settle(a, answer{cmd: cmdMiss, code: byte(wire.Overload)})
		}
		return true
	}
	block, err := keys.Verify(s.entry.id, s.data)
	a.block = block
	if err != nil || !m.admit(r, a) {
		s.drop(m, r)
		return false
	}
	return true
}

// drop gives the room of a block back.
func (s *assembly) drop(m *Machine, r *relayed) {
	r.prev.link.load.puts--
	m.launch.puts--
}
