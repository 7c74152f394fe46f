package circuit

import (
	"crypto/sha256"
	"encoding/binary"
	"slices"
	"time"

	"nightjar/routing/wire"
)

// group is what may share circuits.
type group struct {
	key      [32]byte
	places   []*place
	blocks   int // that it is expected to have
	requests int // of this group that are not done
	finished bool
	last     time.Duration // when a request came last
	alarm    alarm
}

// place is one of a group's m circuits: requests are assigned to places, and a place has one circuit after the other.
type place struct {
	group   *group
	own     *own // nil while there is none
	pending []*local
	waiting bool          // stands in origin.waiting
	flush   time.Duration // when what is pending is asked for even if it does not fill a batch
	alarm   alarm
}

// Circuits is the most circuits that a group of so many blocks uses at a time. One is taken when the first request comes that falls to it, so
// that a group never has more of them than it has made requests.
func Circuits(blocks int) int {
	return min(max((min(blocks, 1<<20)+blocksPerCircuit-1)/blocksPerCircuit, minCircuits), maxGroupCircuits)
}

// group returns the group, which is made if there is none.
func (m *Machine) group(g Group) *group {
	x := m.origin.groups[g.Key]
	if x == nil {
		if len(m.origin.groups) >= maxGroups {
			m.forgetGroup()
		}
		x = &group{key: g.Key}
		x.alarm.owner = x
		m.origin.groups[g.Key] = x
		m.alarms.set(&x.alarm, m.now+groupIdle)
	}
	x.finished, x.last, x.blocks = false, m.now, max(x.blocks, g.Blocks)
	for len(x.places) < Circuits(g.Blocks) {
		p := &place{group: x}
		p.alarm.owner = p
		x.places = append(x.places, p)
	}
	return x
}

// forgetGroup makes room for another group: the idle one that was used longest ago goes.
func (m *Machine) forgetGroup() {
	var oldest *group
	for _, g := range m.origin.groups {
		if g.requests == 0 && (oldest == nil || g.last < oldest.last || g.last == oldest.last && string(g.key[:]) < string(oldest.key[:])) {
			oldest = g
		}
	}
	if oldest != nil {
		m.dropGroup(oldest)
	}
}

// finishGroup lets a group's circuits go as soon as its requests are done.
func (m *Machine) finishGroup(key [32]byte) {
	if g := m.origin.groups[key]; g != nil {
		g.finished = true
		m.checkGroup(g)
	}
}

// checkGroup drops a finished group without requests.
func (m *Machine) checkGroup(g *group) {
	if g.finished && g.requests == 0 {
		m.dropGroup(g)
	}
}

func (m *Machine) dropGroup(g *group) {
	if m.origin.groups[g.key] != g {
		return
	}
	delete(m.origin.groups, g.key)
	m.alarms.stop(&g.alarm)
	for _, p := range g.places {
		m.alarms.stop(&p.alarm)
		if p.waiting {
			p.waiting = false
			m.origin.waiting = slices.DeleteFunc(m.origin.waiting, func(o *place) bool { return o == p })
		}
		if p.own != nil {
			p.own.retire(m)
		}
	}
}

// ring drops a group that has not been used for long.
func (g *group) ring(m *Machine, _ *alarm) {
	if g.requests == 0 && m.now-g.last >= groupIdle {
		m.dropGroup(g)
		return
	}
	m.alarms.set(&g.alarm, max(g.last, m.now)+groupIdle)
}

// assign is the place of a request: a keyed hash of what is asked for, moved on by one with each further try, so that
// another try is on another circuit.
func (m *Machine) assign(g *group, l *local) *place {
	h := sha256.New()
	h.Write([]byte("nightjar circuit place v1"))
	h.Write(m.origin.secret[:])
	h.Write(g.key[:])
	h.Write(l.entry.id.Append(nil))
	h.Write([]byte{l.entry.rotation})
	n := binary.BigEndian.Uint64(h.Sum(nil))
	return g.places[(n+uint64(l.tried))%uint64(len(g.places))]
}

// add lets a request wait for its turn at a place.
func (m *Machine) add(p *place, l *local) {
	if l.entry.wait && p.waits() >= maxWaits {
		m.done(l, Done{Reason: wire.Overload}) // in the queue it would hold up others
		return
	}
	l.place, l.phase = p, pending
	if len(p.pending) == 0 {
		soon := batchSoon
		if p.own != nil && len(p.own.use.open) >= batch {
			soon = batchLate
		}
		p.flush = m.now + soon
	}
	p.pending = append(p.pending, l)
	m.servePlace(p)
}

// waits is how many requests there wait for a record.
func (p *place) waits() (n int) {
	for _, l := range p.pending {
		if l.entry.wait {
			n++
		}
	}
	if p.own != nil {
		n += p.own.use.waits
	}
	return n
}

// servePlace sees to it that what is pending at a place goes out.
func (m *Machine) servePlace(p *place) {
	switch {
	case p.own != nil:
		m.wake(&p.own.end)
	case !p.waiting && len(p.pending) > 0:
		p.waiting = true
		m.origin.waiting = append(m.origin.waiting, p)
		m.refill()
	}
}

// ring flushes what is pending.
func (p *place) ring(m *Machine, _ *alarm) {
	if p.own != nil {
		m.wake(&p.own.end)
	}
}

// leavePlace takes a circuit away from its place, which gets another if requests are pending.
func (o *own) leavePlace(m *Machine) {
	p := o.place
	if p == nil {
		return
	}
	o.place, p.own = nil, nil
	if m.origin.groups[p.group.key] == p.group {
		m.servePlace(p)
	}
}
