package circuit

import (
	"slices"
	"time"

	"nightjar/crypto/onion"
	"nightjar/routing/circuit/guard"
	"nightjar/routing/wire"
)

// failed is how many builds have failed in a row, those at one instant as one, and when the last one did.
type failed struct {
	builds int
	at     time.Duration
}

// origin is what this node does for its own user.
type origin struct {
	view     struct{ relays, drawn int } // usable relays, and guards drawn, when the view came last
	own      []*own                      // all circuits, oldest first
	groups   map[[32]byte]*group
	locals   map[Token]*local
	waiting  []*place // that want a circuit, oldest first
	hungry   []*own   // that wait for room at their guard
	why      error    // no path could be chosen
	retry    time.Duration
	failed   failed
	usual    usual
	secret   [32]byte // of the assignment of requests to circuits
	keys     map[[32]byte]knownKey
	alarm    alarm
	refillAt time.Duration
	begun    bool // the first pool has been under way
}

func (g *origin) init() {
	g.groups = make(map[[32]byte]*group)
	g.locals = make(map[Token]*local)
	g.keys = make(map[[32]byte]knownKey)
	g.alarm.owner = g
}

// hop is the keys of one built hop.
type hop struct{ fwd, bwd *onion.Layer }

// state is how far a circuit of this node's own has come.
//
//	linking ──> keying ──> pausing ──> creating ──> asking ──> extending ──┐
//	                                      ^                    │
//	                                      └── hop 2 of 3 ──────┤
//	                                  ┌────────────────────────┘
//	                                  v
//	   hiding, hidden (u times) ──> clean ──> used ──> closing ──> dead
//
// Every state may go to dead.
type state uint8

const (
	linking   state = iota // for the guard's link
	keying                 // for the guard's onion key
	pausing                // as long as a relay would have to
	creating               // for CREATED
	asking                 // for DESCR
	extending              // for EXTENDED
	hiding                 // for the answer to a dummy DESC
	hidden                 // for the answer to a dummy EXTEND
	clean                  // for a group
	used
	closing // until its open requests are answered
	dead
)

// own is a circuit of this node.
type own struct {
	end     end
	path    guard.Path
	hops    []hop
	state   state
	hs      *onion.Handshake
	key     *onion.PublicKey // the guard's, until CREATE is sent
	dummies int              // still to come
	began   time.Duration    // the build
	sent    time.Duration    // the last exchange of the build
	place   *place           // of the group that uses it
	use     use
	alarm   alarm
}

// use is what happens on a circuit once a group has it.
type use struct {
	open    map[uint32]*question // by request index
	next    uint32
	blocks  int // asked for so far
	waits   int // of open, those that wait for a record
	until   time.Duration
	put     *question // whose cells are being sent
	heard   time.Duration
	success bool
	hungry  bool   // stands in origin.hungry
	shaped  bool   // VOID has been sent
	slots   *slots // in constant-rate mode
}

// send seals a relay cell for a hop and queues it.
func (o *own) send(m *Machine, hop int, h header, payload []byte) {
	b := m.newBody()
	h.write(b, payload)
	if !o.seal(b, hop) || !m.queue(&o.end, b) {
		o.destroy(m, nil)
	}
}

// seal encrypts b for a hop; cells are sealed in the order in which they are sent.
func (o *own) seal(b *body, hop int) bool {
	for i := hop; i >= 0; i-- {
		if o.hops[i].fwd.Encrypt(b) != nil {
			return false
		}
	}
	return true
}

// last is the hop that the circuit ends at.
func (o *own) last() int { return len(o.hops) - 1 }

func (o *own) received(m *Machine, _ *end, cmd wire.Cmd, b *body) {
	switch {
	case cmd == wire.Created && o.state == creating:
		o.built(m, b[:onion.CreatedSize])
		m.free(b)
	case cmd == wire.Relay && len(o.hops) > 0:
		o.open(m, b)
	default:
		m.misbehaved(o.end.link)
		o.destroy(m, nil)
	}
}

// open takes the layers off a cell until it is readable. One that never is has been tampered with, or is out of its order.
func (o *own) open(m *Machine, b *body) {
	for i, h := range o.hops {
		if h.bwd.Decrypt(b) != nil {
			break
		}
		if !onion.Ours(b) {
			continue
		}
		o.use.heard = m.now
		hd, ok := readHeader(b)
		if o.use.slots != nil {
			o.use.slots.saw(hd.cmd)
		}
		if !ok || !o.command(m, i, hd, b) {
			break
		}
		m.free(b)
		return
	}
	o.destroy(m, nil)
}

// command carries out a cell from a hop; false breaks a rule.
func (o *own) command(m *Machine, from int, h header, b *body) bool {
	if h.cmd == cmdDrop { // made by the middle in constant-rate mode; from anybody else it would be a mark for the guard to see
		return from == shaperHop && o.use.shaped
	}
	if from != o.last() {
		return false
	}
	switch p := h.payload(b); {
	case h.cmd == cmdDescr && o.state == asking:
		o.described(m, p)
	case h.cmd == cmdExtended && o.state == extending && h.n == onion.CreatedSize:
		o.built(m, p)
	case h.cmd == cmdProbe && h.flags == probeAnswer && (o.state == hiding || o.state == hidden):
		o.probed(m)
	case o.state == used || o.state == closing:
		return o.answered(m, h, p)
	default:
		return false
	}
	return true
}

func (o *own) closed(m *Machine, e *end) { o.destroy(m, e) }

// destroy ends a circuit; what was open on it goes another way. from is its end if the guard knows already.
func (o *own) destroy(m *Machine, from *end) {
	if o.state == dead {
		return
	}
	was := o.state
	o.state = dead
	m.alarms.stop(&o.alarm)
	if o.use.slots != nil {
		m.alarms.stop(&o.use.slots.alarm)
	}
	m.forgetDial(o.path.Hops[0].ID, o)
	m.detach(&o.end, from == nil)
	m.origin.own = slices.DeleteFunc(m.origin.own, func(x *own) bool { return x == o })
	if o.hs != nil {
		o.hs.Finish(nil) // which wipes it
	}
	for _, h := range o.hops {
		h.fwd.Wipe()
		h.bwd.Wipe()
	}
	if was < clean {
		m.buildFailed(o)
		return
	}
	if was == used && !o.use.success && o.use.blocks > 0 && !o.end.link.down {
		m.guard.Result(m.time(), o.path, len(o.hops), false) // built, and of no use: that counts as much as not built
		m.effects = append(m.effects, Changed{})
	}
	o.leavePlace(m)
	m.loseQuestions(o)
	m.refill()
}

// ring takes in that the circuit's time for its state is over.
func (o *own) ring(m *Machine, _ *alarm) {
	switch {
	case o.state == pausing:
		o.create(m)
	case o.state <= clean:
		o.destroy(m, nil)
	case o.state == used:
		o.retire(m)
	case o.state == closing:
		o.moveWaits(m)
		o.finishClosing(m)
	}
}

// retire takes a circuit away from its group; it ends when what is open on it has been answered, and not before a moment of
// its own: circuits that end together tell those who see some of them that they belong together.
func (o *own) retire(m *Machine) {
	if o.state != used {
		return
	}
	o.state = closing
	o.use.until = m.now + m.between(0, lingerMost)
	m.alarms.set(&o.alarm, o.use.until)
	if s := o.use.slots; s != nil {
		s.until = m.now + m.exponential(runOn)
	}
	o.leavePlace(m)
	o.finishClosing(m)
}

func (o *own) finishClosing(m *Machine) {
	if o.state == closing && len(o.use.open) == 0 && o.use.slots == nil && m.now >= o.use.until {
		o.destroy(m, nil)
	}
}

func (o *own) pending(m *Machine, e *end) bool {
	if s := o.use.slots; s != nil {
		return s.credit > 0
	}
	return e.out.n > 0 || o.use.put != nil || o.mayAsk(m)
}

func (o *own) emit(m *Machine, e *end) *body {
	if o.use.slots != nil {
		if o.use.slots.credit == 0 {
			return nil
		}
		return o.emitSlot(m)
	}
	if e.out.n > 0 {
		m.hold(e, -1)
		return e.out.pop()
	}
	var b *body
	switch {
	case o.use.put != nil:
		b = o.putCell(m)
	case o.mayAsk(m):
		b = o.ask(m)
	default:
		return nil
	}
	if !o.seal(b, o.last()) {
		o.destroy(m, nil)
		return nil
	}
	return b
}
