package circuit

import (
	"io"
	"math/rand/v2"
	"time"

	"nightjar/crypto/onion"
	"nightjar/routing/circuit/guard"
	"nightjar/routing/wire"
)

// Config holds the parameters of a Machine.
type Config struct {
	Self  wire.NodeID
	Rand  io.Reader       // needed: cryptographic randomness; a failure of it is a panic
	Guard *guard.Selector // needed: belongs to the machine from now on

	// Shape has downloads of at least 64 blocks run at a constant rate, shaped by the middle relay: SPEC.md §10.
	Shape bool
	// NoPadding leaves idle links without padding cells.
	NoPadding bool
	// Clean is how many circuits are kept ready; 0 = 4, negative = none, for nodes that only relay.
	Clean int
}

// Machine is the circuit state machine of one node: originator and relay.
type Machine struct {
	self   wire.NodeID
	guard  *guard.Selector
	cfg    Config
	rng    *rand.Rand
	alarms alarms
	net    network
	ring   keyring
	relay  relay
	origin origin
	launch launches
	clock
	step
}

// clock is virtual time.
type clock struct {
	epoch time.Time     // the first time that Step was told
	now   time.Duration // since epoch; never falls
}

// step is what one Step leaves to do.
type step struct {
	touched []*link // may have cells to send
	effects []Effect
	spare   []*body // used bodies for new cells
}

// New returns a machine without links. It makes its first onion key at the first Step unless Restore has brought one.
func New(cfg Config) *Machine {
	if cfg.Rand == nil || cfg.Guard == nil {
		panic("circuit: Config.Rand and Config.Guard are needed")
	}
	if cfg.Clean == 0 {
		cfg.Clean = cleanPool
	}
	cfg.Clean = max(cfg.Clean, 0)
	m := &Machine{self: cfg.Self, guard: cfg.Guard, cfg: cfg}
	var seed [32]byte
	m.draw(seed[:])
	m.rng = rand.New(rand.NewChaCha8(seed))
	m.net.init()
	m.ring.alarm.owner = &m.ring
	m.ring.known = make(map[[32]byte]knownKey)
	m.relay.replay.init()
	m.relay.creates.init()
	m.origin.init()
	m.launch.init()
	return m
}

// draw fills b with randomness. Nothing can go on safely without it.
func (m *Machine) draw(b []byte) {
	if _, err := io.ReadFull(m.cfg.Rand, b); err != nil {
		panic("circuit: no randomness: " + err.Error())
	}
}

// Step takes in one event and returns what must be done, in order. The slice is valid until the next Step.
func (m *Machine) Step(now time.Time, ev Event) []Effect {
	m.begin(now)
	for a := m.alarms.due(m.now); a != nil; a = m.alarms.due(m.now) {
		a.owner.ring(m, a)
	}
	switch ev := ev.(type) {
	case Received:
		if l := m.net.links[ev.Link]; l != nil {
			m.heard(l)
			m.receive(l, ev.Msg)
		}
	case Cells:
		if l := m.net.links[ev.Link]; l != nil {
			m.heard(l)
			for _, c := range ev.Cells {
				m.receiveCell(l, c)
			}
		}
	case Written:
		if l := m.net.links[ev.Link]; l != nil {
			l.inflight = max(0, l.inflight-max(0, ev.Cells))
			m.touch(l)
		}
		for _, b := range ev.Spent {
			m.free(b)
		}
	case LinkUp:
		m.linkUp(ev)
	case LinkDown:
		m.linkDown(ev.Link)
	case DialFailed:
		m.dialFailed(ev.Peer)
	case Launched:
		m.launched(ev)
	default:
		m.stepLocal(ev)
	}
	m.finish()
	return m.effects
}

// stepLocal takes in what comes from this node's own user and view.
func (m *Machine) stepLocal(ev Event) {
	switch ev := ev.(type) {
	case Get:
		m.localGet(ev)
	case Put:
		m.localPut(ev)
	case Cancel:
		m.cancelLocal(ev.Token)
	case Finished:
		m.finishGroup(ev.Group.Key)
	case Known:
		m.guard.Update(m.time(), ev.View)
		if n := m.guard.State().Drawn; n != m.origin.view.drawn { // who guards this node must survive a crash from now on
			m.origin.view.drawn = n
			m.effects = append(m.effects, Changed{})
		}
		m.origin.view.relays = len(ev.View.Relays)
		m.origin.retry = 0
		m.refill()
	case Tick:
	}
}

// begin sets the clock and forgets the effects of the last Step.
func (m *Machine) begin(now time.Time) {
	clear(m.effects)
	m.effects = m.effects[:0]
	if m.epoch.IsZero() {
		m.epoch = now
		m.start()
	}
	m.now = max(m.now, now.Sub(m.epoch))
}

// start is the first thing that a machine does.
func (m *Machine) start() {
	m.rotateKeys()
	m.startOrigin()
}

// time is the clock as the shell gave it.
func (m *Machine) time() time.Time { return m.epoch.Add(m.now) }

// finish hands cells to the links that have room for them.
func (m *Machine) finish() {
	for i := 0; i < len(m.touched); i++ {
		l := m.touched[i]
		l.touched = false
		m.pump(l)
	}
	clear(m.touched)
	m.touched = m.touched[:0]
}

// NextDeadline is when the machine wants a Tick; ok is false if it waits for nothing.
func (m *Machine) NextDeadline() (t time.Time, ok bool) {
	if len(m.alarms) == 0 {
		return time.Time{}, false
	}
	return m.epoch.Add(m.alarms[0].wake), true
}

// receive takes in a message from the other end of a link. Messages that are not the machine's are the shell's affair.
func (m *Machine) receive(l *link, msg wire.Message) {
	switch msg := msg.(type) {
	case wire.Cell:
		m.receiveCell(l, msg)
	case wire.AskKey:
		m.askedKey(l, msg)
	case wire.Key:
		m.gotKey(l, msg.Req, msg.Key)
	case wire.Fail:
		m.gotKey(l, msg.Req, nil)
	}
}

func (m *Machine) receiveCell(l *link, c wire.Cell) {
	if c.Body == nil {
		return
	}
	if c.Cmd == wire.Pad {
		m.free(c.Body)
		return
	}
	e := l.ends[c.Circ]
	switch {
	case e == nil && c.Cmd == wire.Create:
		m.opened(l, c)
	case e == nil: // what was on its way when the circuit ended
		m.free(c.Body)
	case c.Cmd == wire.Destroy:
		m.free(c.Body)
		e.carrier.closed(m, e)
	default:
		e.carrier.received(m, e, c.Cmd, c.Body)
	}
}

// newBody returns a body with any content.
func (m *Machine) newBody() *body {
	if n := len(m.spare); n > 0 {
		b := m.spare[n-1]
		m.spare[n-1] = nil
		m.spare = m.spare[:n-1]
		return b
	}
	return new(body)
}

// free keeps a body for a cell that this node will make.
func (m *Machine) free(b *body) {
	if len(m.spare) < maxSpare {
		m.spare = append(m.spare, b)
	}
}

// Surplus is a used body that the machine does not need, for the shell to read a cell into; nil when there is none.
func (m *Machine) Surplus() *[onion.BodySize]byte {
	n := len(m.spare)
	if n <= keptSpare {
		return nil
	}
	b := m.spare[n-1]
	m.spare[n-1] = nil
	m.spare = m.spare[:n-1]
	return b
}

// exponential draws from the exponential distribution with the given mean.
func (m *Machine) exponential(mean time.Duration) time.Duration {
	return time.Duration(m.rng.ExpFloat64() * float64(mean))
}

// between draws uniformly from [low, high).
func (m *Machine) between(low, high time.Duration) time.Duration {
	return low + time.Duration(m.rng.Int64N(int64(high-low)))
}
