package circuit

import (
	"cmp"
	"encoding/binary"
	"slices"

	"nightjar/keys"
	"nightjar/routing/wire"
)

// launches is the requests that this node makes for others. Nothing of them is kept once they are answered.
type launches struct {
	refs   map[Ref]*launch
	active map[launchKey]*launch // Gets that others may join
	next   Ref
	open   int // not answered, waits aside
	waits  int
	puts   int
	answer int // blocks that wait to be sent
}

func (x *launches) init() {
	x.refs, x.active, x.next = make(map[Ref]*launch), make(map[launchKey]*launch), 1
}

// launchKey is what makes two Gets the same.
type launchKey struct {
	id       keys.ID
	rotation uint8
	wait     bool
}

// launch is one request in key routing, with those who wait for it.
type launch struct {
	ref     Ref
	key     launchKey
	put     bool
	waiters []*asked
}

// exit is what a circuit has here as its launch node.
type exit struct {
	open    map[uint32]*asked // by request index, until the answer has been sent
	waits   int               // of open
	answers []answer          // in the order in which they are sent
	part    int               // of answers[0], the next to be sent
	put     *assembly         // a PUT whose cells are coming in
}

// asked is one request of a circuit.
//
//	delayed ──jitter──> launched ──Launched──> answered ──last cell sent──> forgotten
//	   └──END──────────────└──END, LaunchCancel────┘
type asked struct {
	r      *relayed
	entry  entry
	block  keys.Block // of a PUT
	put    bool
	done   bool    // its answer is queued
	launch *launch // once it is launched
	alarm  alarm
}

// answer is what goes back: a block, or one byte.
type answer struct {
	index uint32
	cmd   command
	code  uint8
	block keys.Block
}

// serve takes in a command for a launch node; false breaks a rule.
func (m *Machine) serve(r *relayed, h header, b *body) bool {
	p := h.payload(b)
	switch {
	case h.cmd == cmdProbe:
		if h.flags == probeAsk {
			r.answer(m, header{cmd: cmdProbe, flags: probeAnswer}, nil)
		}
		return h.n == 0 && h.flags <= probeAsk
	case r.exit == nil:
		r.exit = &exit{open: make(map[uint32]*asked)}
	}
	switch h.cmd {
	case cmdGet:
		return m.serveGet(r, h, p)
	case cmdPut:
		return m.servePut(r, h, p)
	}
	return m.serveEnd(r, h, p)
}

// serveGet takes in up to maxEntries entries.
func (m *Machine) serveGet(r *relayed, h header, p []byte) bool {
	if h.flags != 0 || len(p) == 0 || len(p)%entrySize != 0 || len(p) > maxEntries*entrySize {
		return false
	}
	for ; len(p) > 0; p = p[entrySize:] {
		e, ok := readEntry(p[:entrySize])
		if !ok || !m.admit(r, &asked{r: r, entry: e}) {
			return false
		}
	}
	return true
}

// admit opens a request: it is launched after a while of its own. false breaks a rule.
func (m *Machine) admit(r *relayed, a *asked) bool {
	x := r.exit
	if x.full(a.entry) {
		return false
	}
	x.open[a.entry.index] = a
	a.alarm.owner = a
	if a.entry.wait {
		x.waits++
	}
	if refused := m.takeRoom(a); refused {
		m.settle(a, answer{cmd: cmdMiss, code: byte(wire.Overload)})
		return true
	}
	mean := bulkJitter
	if a.entry.class == wire.Interactive {
		mean = quickJitter
	}
	m.alarms.set(&a.alarm, m.now+m.exponential(mean))
	return true
}

// full reports whether a request breaks a rule: the circuit has as many as it may, or one with its index.
func (x *exit) full(e entry) bool {
	if e.wait {
		return x.waits >= maxWaits || x.open[e.index] != nil
	}
	return len(x.open)-x.waits >= maxOpen || x.open[e.index] != nil
}

// takeRoom counts a request that is not answered, and reports whether it is one too many.
func (m *Machine) takeRoom(a *asked) (refused bool) {
	load := &a.r.prev.link.load
	if a.entry.wait {
		refused = full(load.waits, maxLinkWaits, m.launch.waits, maxAllWaits)
		load.waits++
		m.launch.waits++
		return refused
	}
	refused = full(load.launches, maxLaunches, m.launch.open, maxAllLaunches)
	load.launches++
	m.launch.open++
	return refused
}

// giveRoom is the end of what takeRoom began.
func (m *Machine) giveRoom(a *asked) {
	load := &a.r.prev.link.load
	if a.entry.wait {
		load.waits--
		m.launch.waits--
		return
	}
	load.launches--
	m.launch.open--
}

// ring launches a request, or joins it to one for the same block that is under way.
func (a *asked) ring(m *Machine, _ *alarm) {
	x := &m.launch
	key := launchKey{a.entry.id, a.entry.rotation, a.entry.wait}
	if l := x.active[key]; l != nil && !a.put {
		a.launch = l
		l.waiters = append(l.waiters, a)
		return
	}
	l := &launch{ref: x.next, key: key, put: a.put, waiters: []*asked{a}}
	x.next++
	x.refs[l.ref] = l
	a.launch = l
	if a.put {
		m.effects = append(m.effects, LaunchPut{l.ref, a.block, a.entry.rotation, a.entry.class})
		return
	}
	x.active[key] = l
	m.effects = append(m.effects, LaunchGet{l.ref, a.entry.id, a.entry.rotation, a.entry.class, a.entry.wait})
}

// launched takes in the answer of key routing.
func (m *Machine) launched(ev Launched) {
	l := m.launch.refs[ev.Ref]
	if l == nil {
		return
	}
	m.forgetLaunch(l)
	ans := answer{cmd: cmdMiss, code: byte(ev.Reason)}
	switch {
	case l.put && ev.Copies >= 1 && ev.Copies <= wire.MaxCopies:
		ans = answer{cmd: cmdPutAck, code: ev.Copies}
	case !l.put && ev.Block.ID() == l.key.id && !ev.Block.IsZero():
		ans = answer{cmd: cmdData, block: ev.Block}
	case ev.Reason < wire.NotFound || ev.Reason > wire.Failed:
		ans.code = byte(wire.Failed)
	}
	for _, a := range l.waiters {
		a.launch = nil
		m.settle(a, ans)
	}
}

func (m *Machine) forgetLaunch(l *launch) {
	delete(m.launch.refs, l.ref)
	if m.launch.active[l.key] == l {
		delete(m.launch.active, l.key)
	}
}

// settle queues the answer to a request.
func (m *Machine) settle(a *asked, ans answer) {
	m.withdraw(a)
	ans.index = a.entry.index
	a.done = true
	if ans.cmd == cmdData {
		if load := &a.r.prev.link.load; full(load.answers, maxAnswers, m.launch.answer, maxAllAnswers) {
			ans = answer{index: ans.index, cmd: cmdMiss, code: byte(wire.Overload)}
		} else {
			load.answers++
			m.launch.answer++
		}
	}
	a.r.exit.answers = append(a.r.exit.answers, ans)
	m.wake(&a.r.prev)
}

// withdraw ends the launch of a request and gives its room back. A launch that nobody waits for is cancelled.
func (m *Machine) withdraw(a *asked) {
	if a.done {
		return
	}
	m.alarms.stop(&a.alarm)
	m.giveRoom(a)
	if a.put {
		a.r.prev.link.load.puts--
		m.launch.puts--
		a.block = keys.Block{}
	}
	l := a.launch
	if l == nil {
		return
	}
	a.launch = nil
	l.waiters = slices.DeleteFunc(l.waiters, func(o *asked) bool { return o == a })
	if len(l.waiters) == 0 && m.launch.refs[l.ref] == l {
		m.forgetLaunch(l)
		m.effects = append(m.effects, LaunchCancel{Ref: l.ref})
	}
}

// serveEnd takes in that the originator waits for some requests no more; each is still answered, in some way.
func (m *Machine) serveEnd(r *relayed, h header, p []byte) bool {
	if h.flags != 0 || len(p) == 0 || len(p)%4 != 0 {
		return false
	}
	for ; len(p) > 0; p = p[4:] {
		if a := r.exit.open[binary.BigEndian.Uint32(p)]; a != nil && !a.done {
			m.settle(a, answer{cmd: cmdMiss, code: byte(wire.Failed)})
		}
	}
	return true
}

// next makes the next cell of the answers; there is one.
func (x *exit) next(m *Machine, r *relayed) *body {
	ans := x.answers[0]
	b := m.newBody()
	last := true
	if ans.cmd == cmdData {
		data, from := ans.block.Data(), x.part*payloadSize
		to := min(from+payloadSize, len(data))
		header{cmd: cmdData, flags: uint8(x.part), req: ans.index}.write(b, data[min(from, to):to])
		x.part++
		last = x.part == parts(ans.block.ID().Kind)
	} else {
		header{cmd: ans.cmd, req: ans.index}.write(b, []byte{ans.code})
	}
	if last {
		x.part = 0
		x.answers = slices.Delete(x.answers, 0, 1)
		if a := x.open[ans.index]; a.entry.wait {
			x.waits--
		}
		delete(x.open, ans.index)
		m.unanswer(r, ans)
	}
	return b
}

// unanswer gives the room of an answer back.
func (m *Machine) unanswer(r *relayed, ans answer) {
	if ans.cmd == cmdData {
		r.prev.link.load.answers--
		m.launch.answer--
	}
}

// close ends all that a circuit has here.
func (x *exit) close(m *Machine, r *relayed) {
	if x.put != nil {
		x.put.drop(m, r)
	}
	all := make([]*asked, 0, len(x.open))
	for _, a := range x.open {
		all = append(all, a)
	}
	slices.SortFunc(all, func(a, b *asked) int { return cmp.Compare(a.entry.index, b.entry.index) })
	for _, a := range all {
		m.withdraw(a)
	}
	for _, ans := range x.answers {
		m.unanswer(r, ans)
	}
	x.open, x.answers = nil, nil
}
