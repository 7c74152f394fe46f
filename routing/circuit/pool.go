package circuit

import "time"

// startOrigin draws what the originator needs once, and finds out at once whether there is anything to build circuits of: Status says
// so before the first view comes.
func (m *Machine) startOrigin() {
	m.draw(m.origin.secret[:])
	m.refill()
}

// count is the number of circuits that are being built, and that are clean.
func (g *origin) count() (building, ready int) {
	for _, o := range g.own {
		switch {
		case o.state < clean:
			building++
		case o.state == clean:
			ready++
		}
	}
	return building, ready
}

// refill hands clean circuits to groups that wait for one, and begins to build what is missing: at once if somebody
// waits or this node has not had its first pool yet, else one by one, after pauses that do not tell when a circuit was taken.
func (m *Machine) refill() {
	g := &m.origin
	m.handOut()
	for {
		building, ready := g.count()
		urgent := len(g.waiting) > building
		switch {
		case building >= maxBuilds: // each that ends comes back here
			return
		case !urgent && building+ready >= m.cfg.Clean+len(g.waiting):
			g.begun = true
			return
		}
		when := g.retry
		if !urgent && g.begun {
			when = max(when, g.refillAt)
		}
		if m.now < when {
			m.alarms.soonest(&g.alarm, when)
			return
		}
		if !m.tryBuild() {
			return
		}
		m.postponeRefill()
	}
}

// postponeRefill draws when the pool may be filled next.
func (m *Machine) postponeRefill() { m.origin.refillAt = m.now + m.between(refillMin, refillMax) }

// tryBuild begins a circuit, or sees to it that it is tried again.
func (m *Machine) tryBuild() bool {
	if m.build() {
		return true
	}
	m.origin.retry = m.now + lookAgain
	m.alarms.soonest(&m.origin.alarm, m.origin.retry)
	return false
}

// ring looks whether circuits are missing.
func (g *origin) ring(m *Machine, _ *alarm) { m.refill() }

// handOut gives clean circuits to those who wait.
func (m *Machine) handOut() {
	g := &m.origin
	for len(g.waiting) > 0 {
		var o *own
		for _, c := range g.own {
			if c.state == clean {
				o = c
				break
			}
		}
		if o == nil {
			return
		}
		p := g.waiting[0]
		g.waiting = g.waiting[1:]
		p.waiting = false
		m.give(o, p)
	}
}

// give lets a group use a circuit.
func (m *Machine) give(o *own, p *place) {
	o.state, o.place, p.own = used, p, o
	o.use.open = make(map[uint32]*question)
	o.use.heard = m.now
	o.use.until = m.now + time.Duration((0.8+0.4*m.rng.Float64())*float64(dirtyTime))
	m.alarms.set(&o.alarm, o.use.until)
	if m.now >= m.origin.refillAt {
		m.postponeRefill()
	}
	o.shape(m)
	m.wake(&o.end)
}
