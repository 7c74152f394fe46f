package routing

import (
	"math/rand/v2"
	"time"

	"nightjar/keys"
	"nightjar/routing/wire"
)

// Config holds the parameters of a Machine; the zero value of every number means its default.
type Config struct {
	Self wire.NodeID
	Rand *rand.Rand // needed: the machine has no randomness of its own

	// CacheOneIn says that a passing block is cached in one case out of so many; 0 = 4.
	CacheOneIn uint32
}

// Machine is the key-routing state machine of one node.
type Machine struct {
	self       wire.NodeID
	at         keys.Location
	rng        *rand.Rand
	cacheOneIn uint32
	clock

	links map[wire.NodeID]*link
	haste
	ring []*link // all links in the order of their places: what is walked when order matters

	requests
	leases leases
	load
	timers timers
	step
}

// requests are all that are not answered.
type requests struct {
	active map[key]*request // those that others may join
	refs   map[Ref]*request // those that wait for the store
	local  map[Token]*request
	next   Ref
}

// load counts what strangers make the machine hold, in all.
type load struct {
	puts    int // blocks held for peers' Puts
	foreign int // requests of circuits that end here
}

// step is what one Step leaves to do.
type step struct {
	todo    []*request // to be routed on before it ends
	effects []Effect
}

// clock is virtual time.
type clock struct {
	epoch time.Time     // the first time that Step was told
	now   time.Duration // since epoch; never falls
}

// New returns a machine without peers.
func New(cfg Config) *Machine {
	if cfg.Rand == nil {
		panic("routing: Config.Rand is needed")
	}
	if cfg.CacheOneIn == 0 {
		cfg.CacheOneIn = cacheOneIn
	}
	return &Machine{
		self: cfg.Self, at: cfg.Self.Location(), rng: cfg.Rand, cacheOneIn: cfg.CacheOneIn,
		links: make(map[wire.NodeID]*link), leases: newLeases(),
		requests: requests{
			active: make(map[key]*request), refs: make(map[Ref]*request), local: make(map[Token]*request), next: 1,
		},
		haste: haste{credit: firstSpareAsks * spareOneIn},
	}
}

// Step takes in one event and returns what must be done, in order. The slice is valid until the next Step.
func (m *Machine) Step(now time.Time, ev Event) []Effect {
	m.begin(now)
	for r := m.timers.due(m.now); r != nil; r = m.timers.due(m.now) {
		m.expire(r)
	}
	if len(m.leases.all) > 0 && m.now >= m.leases.sweep {
		m.sweepLeases()
	}
	switch ev := ev.(type) {
	case Received:
		if l := m.links[ev.From]; l != nil {
			m.receive(l, ev.Msg)
		}
	case LookedUp:
		m.lookedUp(ev.Ref, ev.Block)
	case Kept:
		m.kept(ev.Ref, ev.OK)
	case LocalGet:
		m.localGet(ev)
	case LocalPut:
		m.localPut(ev)
	case LocalWait:
		m.localWait(ev)
	case LocalCancel:
		m.cancelLocal(ev.Token)
	case Appeared:
		m.appeared(ev.Block, nil)
	case Garbled:
		m.garbled(ev)
	case PeerUp:
		m.peerUp(ev.Peer)
	case PeerDown:
		m.peerDown(ev.Peer)
	case Tick:
	}
	m.drain()
	return m.effects
}

// begin sets the clock and forgets the effects of the last Step.
func (m *Machine) begin(now time.Time) {
	if m.epoch.IsZero() {
		m.epoch = now
	}
	m.now = max(m.now, now.Sub(m.epoch))
	clear(m.effects)
	m.effects = m.effects[:0]
}

// drain routes the requests on that an event has set free. Doing it here and not where they were set free bounds the
// depth of calls: routing one request may push another out of a queue.
func (m *Machine) drain() {
	for i := 0; i < len(m.todo); i++ {
		r := m.todo[i]
		m.todo[i] = nil
		if r.listed {
			r.listed = false
			m.advance(r)
		}
	}
	m.todo = m.todo[:0]
}

// NextDeadline is when the machine wants a Tick; ok is false if it waits for nothing.
func (m *Machine) NextDeadline() (t time.Time, ok bool) {
	switch wake := m.leases.sweep; {
	case len(m.timers) > 0 && (len(m.leases.all) == 0 || m.timers[0].wake < wake):
		return m.epoch.Add(m.timers[0].wake), true
	case len(m.leases.all) > 0:
		return m.epoch.Add(wake), true
	}
	return time.Time{}, false
}

// receive takes in a message of a peer. Messages that are not the machine's are the shell's affair.
func (m *Machine) receive(l *link, msg wire.Message) {
	switch msg := msg.(type) {
	case wire.Get:
		m.receiveGet(l, msg)
	case wire.Data:
		m.receiveData(l, msg)
	case wire.Put:
		m.receivePut(l, msg)
	case wire.Stored:
		m.receiveStored(l, msg)
	case wire.Fail:
		m.receiveFail(l, msg)
	case wire.Cancel:
		if r := l.asked[msg.Req]; r != nil {
			m.forget(r, l, msg.Req)
		}
	case wire.Lease:
		m.receiveLease(l, msg)
	case wire.Push:
		m.receivePush(l, msg)
	}
}
