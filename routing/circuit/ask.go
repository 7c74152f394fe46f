package circuit

import (
	"slices"

	"nightjar/routing/wire"
)

// room is how many more requests like e may be open on a circuit; hungry says that it is the guard's limit that holds. Those that wait for a
// record hold up no others.
func (o *own) room(e entry) (n int, hungry bool) {
	if e.wait {
		return maxWaits - o.use.waits, false
	}
	load := &o.end.link.load
	guard := maxGuardOpen - load.open
	if e.class == wire.Bulk {
		guard = min(guard, int(o.end.link.pace.window)-load.bulk)
	}
	n = min(maxOpen-len(o.use.open)+o.use.waits, maxBlocks-o.use.blocks)
	return min(n, guard), guard < n
}

// mayAsk reports whether a request may go out on the circuit now.
func (o *own) mayAsk(m *Machine) bool {
	if o.state != used || len(o.place.pending) == 0 {
		return false
	}
	p := o.place
	l := p.pending[0]
	n, hungry := o.room(l.entry)
	if n <= 0 {
		if hungry && !o.use.hungry {
			o.use.hungry = true
			m.origin.hungry = append(m.origin.hungry, o)
		}
		return false
	}
	if l.put() || l.entry.wait || l.entry.class == wire.Interactive || o.use.slots != nil || min(n, len(p.pending)) >= batch || m.now >= p.flush {
		return true
	}
	m.alarms.set(&p.alarm, p.flush)
	return false
}

// feed gives circuits that wait for room at the guard of o another chance, the one that has waited longest first.
func (m *Machine) feed(o *own) {
	g := &m.origin
	for i := 0; i < len(g.hungry); i++ {
		if h := g.hungry[i]; h.state == dead || h.end.link == o.end.link {
			g.hungry = slices.Delete(g.hungry, i, i+1)
			h.use.hungry = false
			if h.state == used {
				m.wake(&h.end)
				return
			}
			i--
		}
	}
}

// question opens a request on the circuit.
func (o *own) question(m *Machine, l *local) *question {
	q := &question{own: o, index: o.use.next, local: l, class: l.entry.class, wait: l.entry.wait, sent: m.now}
	q.alarm.owner = q
	o.use.next++
	o.use.open[q.index] = q
	l.phase, l.asked = open, q
	o.count(q)
	patience := getTime
	if q.wait {
		patience = waitTime
	}
	if l.put() {
		patience = putTime
		q.putting = l
	} else {
		q.got.entry.id = l.entry.id
	}
	m.alarms.set(&q.alarm, m.now+patience)
	return q
}

// count takes in that a request is open.
func (o *own) count(q *question) {
	if q.wait {
		o.use.waits++
		return
	}
	o.use.blocks++
	load := &o.end.link.load
	load.open++
	if q.class == wire.Bulk {
		load.bulk++
	}
}

// ask makes the cell that begins the next requests of the circuit's place: as many Gets as are pending and fit, or the
// first cell of one Put.
func (o *own) ask(m *Machine) *body {
	p := o.place
	if l := p.pending[0]; l.put() {
		p.pending = slices.Delete(p.pending, 0, 1)
		o.use.put = o.question(m, l)
		b := o.putCell(m)
		o.checkUsed(m)
		return b
	}
	var payload [maxEntries * entrySize]byte
	out := payload[:0]
	n := 0
	for _, l := range p.pending[:min(len(p.pending), maxEntries)] {
		if free, _ := o.room(l.entry); l.put() || free <= 0 {
			break
		}
		e := l.entry
		e.index = o.question(m, l).index
		out = e.append(out)
		n++
	}
	p.pending = slices.Delete(p.pending, 0, n)
	p.flush = m.now + batchLate
	b := m.newBody()
	header{cmd: cmdGet}.write(b, out)
	o.checkUsed(m)
	return b
}

// checkUsed retires a circuit that has carried as many blocks as it may.
func (o *own) checkUsed(m *Machine) {
	if o.use.blocks >= maxBlocks {
		o.retire(m)
	}
}

// putCell makes the next cell of the PUT that is being sent.
func (o *own) putCell(m *Machine) *body {
	q := o.use.put
	h := header{cmd: cmdPut, flags: uint8(q.part), req: q.index}
	b := m.newBody()
	l := q.putting
	data := l.block.Data()
	if q.part == 0 {
		e := l.entry
		e.index = q.index
		var first [payloadSize]byte
		head := e.append(first[:0])
		h.write(b, append(head, data[:min(len(data), payloadSize-entrySize)]...))
	} else {
		from := min(q.part*payloadSize-entrySize, len(data))
		h.write(b, data[from:min(from+payloadSize, len(data))])
	}
	if q.part++; q.part == parts(l.entry.id.Kind) {
		o.use.put, q.putting = nil, nil
	}
	return b
}
