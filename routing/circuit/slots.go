package circuit

import "time"

// The ladder of rates of a circuit in constant-rate mode, in slots a second: each twice the one before.
const (
	slowestRate = 0.25
	firstRung   = 4  // 4 a second
	topRung     = 10 // 256 a second
	// upSlots is after how many slots without DROP the rate rises, downSlots after how many with mostly DROP it falls.
	upSlots   = 8
	downSlots = 16
	// shaperHop is the hop that shapes: the middle.
	shaperHop = 1
	// shapeLeast is how many blocks a group has whose circuits are shaped.
	shapeLeast = 64
	// runOn is the mean of how long a shaped circuit goes on after its last block.
	runOn = 60 * time.Second
)

// slots is the originator's half of constant-rate mode: one cell a slot, whatever there is to say.
type slots struct {
	own    *own
	rung   int
	credit int           // cells that may go out now
	due    time.Duration // of the next slot
	count  int           // slots since the rate was looked at
	real   int           // cells since then that were not DROP
	drops  int
	until  time.Duration // once the circuit is closing: when it ends
	alarm  alarm
}

// interval is the time between two slots.
func (s *slots) interval() time.Duration {
	return time.Duration(float64(time.Second) / slowestRate / float64(int(1)<<s.rung))
}

// shape begins constant-rate mode on a circuit that a group has just been given, if it is meant for it.
func (o *own) shape(m *Machine) {
	p := o.place
	if !m.cfg.Shape || p.group.blocks < shapeLeast || len(p.pending) == 0 || p.pending[0].put() {
		return
	}
	s := &slots{own: o, rung: firstRung, due: m.now}
	s.alarm.owner = s
	o.use.slots = s
	m.alarms.set(&s.alarm, m.now)
}

// ring begins a slot.
func (s *slots) ring(m *Machine, _ *alarm) {
	o := s.own
	if o.state == closing && len(o.use.open) == 0 && m.now >= s.until {
		o.destroy(m, nil)
		return
	}
	s.credit = min(s.credit+1, 2) // a link without room must not be given a burst later
	s.climb()
	s.due = max(s.due, m.now-s.interval()) + s.interval()
	m.alarms.set(&s.alarm, s.due)
	m.wake(&o.end)
}

// climb looks whether the rate fits what comes.
func (s *slots) climb() {
	s.count++
	switch {
	case s.count >= upSlots && s.drops == 0 && s.real > 0:
		s.rung = min(s.rung+1, topRung)
	case s.count < downSlots:
		return
	case s.drops > 3*s.real:
		s.rung = max(s.rung-1, 0)
	}
	s.count, s.real, s.drops = 0, 0, 0
}

// saw counts a cell that has come.
func (s *slots) saw(cmd command) {
	if cmd == cmdDrop {
		s.drops++
	} else {
		s.real++
	}
}

// emitSlot makes the cell of a slot, sealed: what waits, the next part of a PUT, requests, or VOID for the middle relay.
// The first is VOID in any case: it starts the shaper.
func (o *own) emitSlot(m *Machine) *body {
	s := o.use.slots
	s.credit--
	hop, b := o.last(), (*body)(nil)
	switch {
	case !o.use.shaped, o.end.out.n == 0 && o.use.put == nil && !o.mayAsk(m):
		o.use.shaped = true
		hop, b = shaperHop, m.newBody()
		header{cmd: cmdVoid}.write(b, []byte{voidStart})
	case o.end.out.n > 0:
		m.hold(&o.end, -1)
		return o.end.out.pop()
	case o.use.put != nil:
		b = o.putCell(m)
	default:
		b = o.ask(m)
	}
	if !o.seal(b, hop) {
		o.destroy(m, nil)
		return nil
	}
	return b
}
