package circuit

import (
	"encoding/binary"
	"slices"
	"time"

	"nightjar/keys"
	"nightjar/routing/wire"
)

// phase says what a local request waits for.
type phase uint8

const (
	pending phase = iota // its turn at a place
	open                 // an answer
	resting              // the end of a pause between two tries
)

// local is a request of this node's user.
type local struct {
	token Token
	entry entry // without an index
	block keys.Block
	group *group
	place *place
	phase phase
	tried int
	why   wire.Reason // of the last try
	asked *question   // while open
	alarm alarm       // while resting
}

func (l *local) put() bool { return !l.block.IsZero() }

// question is a request on a circuit. Every one is answered exactly once, or the circuit is at fault.
type question struct {
	own     *own
	index   uint32
	local   *local // nil once nobody waits for it any more
	class   wire.Class
	wait    bool
	got     assembly
	sent    time.Duration
	part    int    // of a PUT, the next to be sent
	putting *local // the PUT whose cells are being sent
	alarm   alarm
}

func (m *Machine) localGet(ev Get) {
	if ev.ID.Kind != keys.KindData && ev.ID.Kind != keys.KindRecord || ev.Wait && ev.ID.Kind != keys.KindRecord {
		m.effects = append(m.effects, Done{Token: ev.Token, Reason: wire.Failed})
		return
	}
	if ev.Wait {
		ev.Class = wire.Interactive
	}
	m.request(&local{token: ev.Token, entry: entry{id: ev.ID, rotation: ev.Rotation, class: ev.Class, wait: ev.Wait}}, ev.Group)
}

func (m *Machine) localPut(ev Put) {
	if ev.Block.IsZero() {
		m.effects = append(m.effects, Done{Token: ev.Token, Reason: wire.Failed})
		return
	}
	m.request(&local{token: ev.Token, block: ev.Block, entry: entry{id: ev.Block.ID(), rotation: ev.Rotation, class: ev.Class}}, ev.Group)
}

// request begins a local request.
func (m *Machine) request(l *local, g Group) {
	if l.entry.rotation >= keys.Rotations || l.entry.class > wire.Bulk || m.origin.locals[l.token] != nil {
		m.effects = append(m.effects, Done{Token: l.token, Reason: wire.Failed})
		return
	}
	if len(m.origin.locals) >= maxLocal {
		m.effects = append(m.effects, Done{Token: l.token, Reason: wire.Overload})
		return
	}
	l.alarm.owner = l
	l.group = m.group(g)
	l.group.requests++
	m.origin.locals[l.token] = l
	m.add(m.assign(l.group, l), l)
}

// done ends a local request.
func (m *Machine) done(l *local, d Done) {
	d.Token = l.token
	m.effects = append(m.effects, d)
	m.forget(l)
}

func (m *Machine) forget(l *local) {
	delete(m.origin.locals, l.token)
	m.alarms.stop(&l.alarm)
	l.group.requests--
	m.checkGroup(l.group)
}

// cancelLocal takes a local request back.
func (m *Machine) cancelLocal(t Token) {
	l := m.origin.locals[t]
	if l == nil {
		return
	}
	switch l.phase {
	case pending:
		l.place.pending = slices.DeleteFunc(l.place.pending, func(o *local) bool { return o == l })
	case open:
		m.abandon(l.asked)
	}
	m.forget(l)
}

// abandon says on the circuit that nobody waits for a request any more. It counts as open until it is answered.
func (m *Machine) abandon(q *question) {
	o := q.own
	q.local, q.got = nil, assembly{entry: q.got.entry, part: q.got.part, full: true}
	if o.use.put != q { // a PUT whose cells are on their way goes through
		if q.wait {
			m.alarms.set(&q.alarm, m.now+getTime)
		}
		o.send(m, o.last(), header{cmd: cmdEnd}, binary.BigEndian.AppendUint32(nil, q.index))
	}
}

// retry tries a request on another circuit after a while, or gives it up.
func (m *Machine) retry(l *local, why wire.Reason) {
	l.asked, l.why = nil, why
	if l.tried++; l.tried >= tries {
		m.done(l, Done{Reason: why})
		return
	}
	m.rest(l)
}

// rest lets a request wait for another try.
func (m *Machine) rest(l *local) {
	l.phase = resting
	m.alarms.set(&l.alarm, m.now+m.between(retryMin, retryMax))
}

// ring ends the rest between two tries.
func (l *local) ring(m *Machine, _ *alarm) { m.add(m.assign(l.group, l), l) }

// ring takes in that a request has not been answered in time. Of a circuit that has said nothing at all since, or that
// does not even answer END, nothing more is expected; one that is slow, but brings something, is given time.
func (q *question) ring(m *Machine, _ *alarm) {
	o := q.own
	if q.local != nil && q.class == wire.Bulk && m.now-o.use.heard < lively && m.now-q.sent < longest {
		m.alarms.set(&q.alarm, m.now+lively)
		return
	}
	if q.class == wire.Bulk {
		o.end.link.pace.took(m.now, q.sent, false)
	}
	if q.local == nil || o.use.heard <= q.sent {
		o.destroy(m, nil)
		return
	}
	l := q.local
	m.alarms.set(&q.alarm, m.now+getTime)
	m.abandon(q)
	m.retry(l, wire.Failed)
}

// settled ends a question.
func (o *own) settled(m *Machine, q *question) {
	if l := o.end.link; q.class == wire.Bulk {
		l.pace.took(m.now, q.sent, l.load.bulk+batch >= int(l.pace.window))
	}
	o.forgetQuestion(m, q)
	m.feed(o)
	if o.state == closing {
		o.finishClosing(m)
		return
	}
	m.wake(&o.end)
}

func (o *own) forgetQuestion(m *Machine, q *question) {
	m.alarms.stop(&q.alarm)
	delete(o.use.open, q.index)
	if q.wait {
		o.use.waits--
		return
	}
	load := &o.end.link.load
	load.open--
	if q.class == wire.Bulk {
		load.bulk--
	}
}

// questions are those that are open, in the order in which they were asked.
func (o *own) questions() []*question {
	all := make([]*question, 0, len(o.use.open))
	for _, q := range o.use.open {
		all = append(all, q)
	}
	slices.SortFunc(all, func(a, b *question) int { return int(int32(a.index - b.index)) })
	return all
}

// moveWaits has what waits on a circuit whose use is over wait on another one.
func (o *own) moveWaits(m *Machine) {
	if o.use.waits == 0 {
		return
	}
	for _, q := range o.questions() {
		l := q.local
		if !q.wait || l == nil {
			continue
		}
		l.asked = nil
		m.rest(l)
		if m.abandon(q); o.state == dead {
			return // and what else was open goes another way as well
		}
	}
}

// loseQuestions lets all that was open on a circuit go another way.
func (m *Machine) loseQuestions(o *own) {
	for _, q := range o.questions() {
		o.forgetQuestion(m, q)
		if q.local != nil {
			m.retry(q.local, wire.Failed)
		}
	}
	o.use.put = nil
	m.feed(o)
}

// answered takes in a cell of the launch node's; false breaks a rule.
func (o *own) answered(m *Machine, h header, p []byte) bool {
	q := o.use.open[h.req]
	if q == nil {
		return false
	}
	put := q.got.entry.id == keys.ID{}
	switch {
	case h.cmd == cmdData && !put:
		return o.data(m, q, h, p)
	case h.cmd == cmdMiss && h.flags == 0 && h.n == 1 && q.got.part == 0 && o.use.put != q:
		return o.missed(m, q, wire.Reason(p[0]))
	case h.cmd == cmdPutAck && put && h.flags == 0 && h.n == 1 && p[0] >= 1 && p[0] <= wire.MaxCopies && o.use.put != q:
		o.use.success = true
		l := q.local
		o.settled(m, q)
		if l != nil {
			m.done(l, Done{Copies: p[0]})
		}
		return true
	}
	return false
}

// data takes in one cell of a block.
func (o *own) data(m *Machine, q *question, h header, p []byte) bool {
	if q.got.part == 0 && !q.got.full {
		q.got.data = make([]byte, 0, room(q.got.entry.id.Kind))
	}
	if !q.got.add(h.flags, p, 0) {
		return false
	}
	if !q.got.whole() {
		return true
	}
	l := q.local
	if l == nil {
		o.settled(m, q)
		return true
	}
	block, err := keys.Verify(q.got.entry.id, q.got.data)
	if err != nil {
		return false
	}
	o.use.success = true
	o.settled(m, q)
	m.done(l, Done{Block: block})
	return true
}

// missed takes in that there is no block, or that it was not stored.
func (o *own) missed(m *Machine, q *question, why wire.Reason) bool {
	if why < wire.NotFound || why > wire.Failed {
		return false
	}
	o.use.success = true
	l := q.local
	o.settled(m, q)
	switch {
	case l == nil:
	case why == wire.NotFound && !l.put():
		m.done(l, Done{Reason: why})
	default:
		m.retry(l, why)
	}
	return true
}
