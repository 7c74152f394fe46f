package circuit

// slotCells is how many cells a shaped circuit carries back for each one forward: one block.
const slotCells = 16

// voidStart is what VOID says: shape from now on.
const voidStart = 1

// shaper holds back what comes from the launch node, at the middle relay of a circuit in constant-rate mode, until the
// originator's next cell asks for a slot's worth of cells: real ones first, DROP for the rest.
type shaper struct {
	waiting cells
}

// void takes in VOID; false breaks a rule.
func (r *relayed) void(m *Machine, h header, b *body) bool {
	if h.flags != 0 || h.n != 1 || r.next.link == nil {
		return false
	}
	if h.payload(b)[0] != voidStart {
		return false
	}
	if r.shaper == nil {
		r.shaper = &shaper{}
	}
	return true
}

// hold lets a cell wait for a slot.
func (s *shaper) hold(m *Machine, r *relayed, b *body) {
	if s.waiting.n >= maxQueue {
		r.destroy(m, nil)
		return
	}
	s.waiting.push(b)
	m.holdFrom(r.next.link, 1)
	m.limit(r.next.link)
}

// drop forgets all that waits.
func (s *shaper) drop(m *Machine, r *relayed) {
	m.holdFrom(r.next.link, -s.waiting.n)
	s.waiting = cells{}
}

// slot sends what one cell forward entitles to. To an originator that reads too slowly for its own rate no DROP is sent.
func (r *relayed) slot(m *Machine) {
	s := r.shaper
	for range slotCells {
		switch {
		case r.dead:
			return
		case s.waiting.n > 0:
			m.holdFrom(r.next.link, -1)
			if !m.queue(&r.prev, s.waiting.pop()) {
				r.destroy(m, nil)
			}
		case r.prev.out.n < maxQueue/2:
			r.answer(m, header{cmd: cmdDrop}, nil)
		}
	}
}
