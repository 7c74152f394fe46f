package circuit

import (
	"slices"
	"time"

	"nightjar/crypto/onion"
)

// Flags of PROBE.
const (
	probeSilent = 0
	probeAsk    = 1
	probeAnswer = 2
)

// usual is how long the exchanges of builds have taken lately, and how many builds there were.
type usual struct {
	took  [64]time.Duration
	n     int
	built uint64
}

func (u *usual) sample(d time.Duration) {
	u.took[u.n%len(u.took)] = d
	u.n++
}

// patience is how long to wait for one exchange: four times the 80th percentile, within hopLeast and hopMost.
func (u *usual) patience() time.Duration {
	n := min(u.n, len(u.took))
	if n < 10 {
		return hopMost
	}
	sorted := slices.Sorted(slices.Values(u.took[:n]))
	return min(max(4*sorted[n*8/10], hopLeast), hopMost)
}

// build begins a circuit.
func (m *Machine) build() bool {
	path, err := m.guard.Choose(m.time())
	if m.origin.why = err; err != nil {
		return false
	}
	o := &own{path: path, began: m.now, sent: m.now}
	o.alarm.owner = o
	o.end.carrier = o
	m.origin.own = append(m.origin.own, o)
	m.alarms.set(&o.alarm, m.now+hopMost)
	m.linkTo(path.Hops[0], o)
	return true
}

// expect notes that an exchange has begun.
func (o *own) expect(m *Machine, s state) {
	o.state, o.sent = s, m.now
	m.alarms.set(&o.alarm, min(m.now+m.origin.usual.patience(), o.began+buildMost))
}

// heard notes that an exchange has ended.
func (o *own) heard(m *Machine) { m.origin.usual.sample(m.now - o.sent) }

// linked takes in that there is a link to the guard, or none.
func (o *own) linked(m *Machine, l *link) {
	if o.state != linking {
		return
	}
	if l == nil {
		m.guard.Lost(m.time(), o.path.Hops[0].ID)
		o.destroy(m, nil)
		return
	}
	o.expect(m, keying)
	o.end.link = l
	if k, ok := m.origin.keys[o.path.Hops[0].Onion]; ok && k.until > m.now {
		o.key = k.key
		o.create(m)
	} else {
		m.askKey(l, o.path.Hops[0].Onion, o)
	}
}

// keyed takes in the guard's onion key, or that it cannot be had. A relay that asked for it would have to pass it on before
// CREATE could follow; an originator that went on at once would be known by that.
func (o *own) keyed(m *Machine, key *onion.PublicKey) {
	switch {
	case o.state != keying:
	case key == nil || o.end.link.down:
		o.destroy(m, nil)
	default:
		if len(m.origin.keys) >= maxCachedKeys {
			clear(m.origin.keys)
		}
		m.origin.keys[key.Hash()] = knownKey{key, m.now + cachedFor}
		o.key, o.state = key, pausing
		m.alarms.set(&o.alarm, m.now+m.between(askedMin, askedMax))
	}
}

// create sends the guard the handshake.
func (o *own) create(m *Machine) {
	create := o.begin(m, o.key)
	o.key = nil
	if create == nil || o.end.link.down {
		o.destroy(m, nil)
		return
	}
	m.open(&o.end, o.end.link, nil)
	o.expect(m, creating)
	m.sendCreate(&o.end, create)
}

// begin starts the handshake with the next hop; nil if there is no such key.
func (o *own) begin(m *Machine, key *onion.PublicKey) []byte {
	if key == nil {
		return nil
	}
	var none [onion.ExtSize]byte
	hs, create, err := onion.Begin(m.cfg.Rand, o.path.Hops[len(o.hops)].ID, key, &none)
	if err != nil {
		return nil
	}
	o.hs = hs
	return create
}

// built takes in the answer of a handshake.
func (o *own) built(m *Machine, created []byte) {
	fwd, bwd, _, err := o.hs.Finish(created)
	o.hs = nil
	if err != nil {
		o.destroy(m, nil)
		return
	}
	o.heard(m)
	o.hops = append(o.hops, hop{fwd, bwd})
	if len(o.hops) < len(o.path.Hops) {
		o.expect(m, asking)
		o.send(m, o.last(), header{cmd: cmdDesc}, o.path.Hops[len(o.hops)].Append(nil))
		return
	}
	for m.rng.IntN(3) > 0 { // P(u = k) = 1/3 · (2/3)^k
		o.dummies++
	}
	o.hide(m)
}

// described takes in the next hop's onion key.
func (o *own) described(m *Machine, p []byte) {
	next := o.path.Hops[len(o.hops)]
	key, err := onion.ParsePublicKey(p)
	if err != nil || key.Hash() != next.Onion {
		o.destroy(m, nil)
		return
	}
	o.heard(m)
	create := o.begin(m, key)
	if create == nil {
		o.destroy(m, nil)
		return
	}
	o.expect(m, extending)
	at := o.last()
	o.send(m, at, header{cmd: cmdExtend}, create[:payloadSize])
	if o.state == extending {
		o.send(m, at, header{cmd: cmdExtend, flags: 1}, next.Append(create[payloadSize:]))
	}
}

// hide begins a dummy exchange, or ends the build.
func (o *own) hide(m *Machine) {
	if o.dummies == 0 {
		m.buildDone(o)
		return
	}
	o.dummies--
	o.expect(m, hiding)
	o.send(m, o.last(), header{cmd: cmdProbe, flags: probeAsk}, nil)
}

// probed takes in the launch node's half of a dummy exchange: as many cells as for DESC and EXTEND.
func (o *own) probed(m *Machine) {
	o.heard(m)
	if o.state == hidden {
		o.hide(m)
		return
	}
	o.expect(m, hidden)
	o.send(m, o.last(), header{cmd: cmdProbe, flags: probeSilent}, nil)
	if o.state == hidden {
		o.send(m, o.last(), header{cmd: cmdProbe, flags: probeAsk}, nil)
	}
}

func (m *Machine) buildDone(o *own) {
	m.guard.Result(m.time(), o.path, len(o.hops), true)
	m.effects = append(m.effects, Changed{})
	m.origin.failed.builds, m.origin.retry = 0, 0
	m.origin.usual.built++
	o.state = clean
	m.alarms.set(&o.alarm, m.now+m.between(cleanMin, cleanMax))
	m.refill()
}

func (m *Machine) buildFailed(o *own) {
	g := &m.origin
	reached := len(o.hops)
	if l := o.end.link; l != nil && l.down {
		reached = 0 // it is the guard that is gone
	}
	m.guard.Result(m.time(), o.path, reached, false)
	m.effects = append(m.effects, Changed{})
	doublings := failPauses
	if reached > 0 {
		doublings = failBeyond
	}
	pause := failPause << min(g.failed.builds, doublings)
	if g.failed.builds == 0 || m.now > g.failed.at { // those that fail together have one cause
		g.failed.builds++
		g.failed.at = m.now
	}
	g.retry = m.now + pause/2 + m.between(0, pause)
	m.refill()
}
