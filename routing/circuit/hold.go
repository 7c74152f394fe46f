package circuit

import "time"

// What links may make this node hold, and how much may be asked for through them.

// pace is how many Bulk requests may be open through a guard: a window that grows while answers come soon.
type pace struct {
	window float64
	cut    time.Duration // when it shrank last
}

// took takes in how long a Bulk request that was asked at sent has taken. full says that the window was used up.
func (p *pace) took(now, sent time.Duration, full bool) {
	switch {
	case now-sent > slowAnswer && sent >= p.cut: // what was asked before the last cut says nothing new
		p.window, p.cut = max(p.window*0.7, minBulk), now
	case now-sent < slowAnswer/2 && full:
		p.window = min(p.window+1, maxGuardBulk)
	}
}

// full reports whether a link may not have one more of something: it has as many as it may, or all have and it has its
// fair share.
func full(here, most, all, mostAll int) bool { return here >= most || all >= mostAll && here >= fair }

// payer is the link that cells which wait in e count for: the one that they came from, or, of those that this node made at
// the end of somebody's circuit, the one that they go out on, since whoever asked for them is beyond it; nil = this node.
func (e *end) payer() *link {
	if e.flow.src != nil {
		return e.flow.src
	}
	if _, others := e.carrier.(*relayed); others {
		return e.link
	}
	return nil
}

// hold counts cells that wait in e.
func (m *Machine) hold(e *end, n int) { m.holdFrom(e.payer(), n) }

// holdFrom counts cells that wait on a link's account; nil = this node.
func (m *Machine) holdFrom(src *link, n int) {
	m.net.held += n
	if src != nil {
		src.load.held += n
	}
}

// turn makes cells that wait in e count as those of another link.
func (m *Machine) turn(e *end, src *link) {
	m.hold(e, -e.out.n)
	was := e.ready
	if was {
		e.link.remove(e)
	}
	e.link.leave(e.flow)
	e.flow = e.link.enter(src)
	m.hold(e, e.out.n)
	if was {
		e.link.push(e)
	}
}

// queue lets a relay cell wait in e for its turn; false means that the circuit has too many.
func (m *Machine) queue(e *end, b *body) bool {
	if e.out.n >= maxQueue {
		return false
	}
	e.out.push(b)
	m.hold(e, 1)
	m.wake(e)
	m.limit(e.payer())
	return true
}

// limit ends a circuit if too much has come from a link, or from all. It may be the circuit that was just served.
func (m *Machine) limit(src *link) {
	if src != nil && src.load.held > maxHeld {
		m.relieve(src)
	} else if m.net.held > maxAllHeld {
		m.relieve(m.heaviest())
	}
}

// wake puts e among those that have something to send.
func (m *Machine) wake(e *end) {
	if !e.ready {
		e.link.push(e)
		m.touch(e.link)
	}
}

// heaviest is the link that most waiting cells count for; the first of equals, so that map order does not matter.
func (m *Machine) heaviest() *link {
	var worst *link
	for _, l := range m.net.links {
		if worst == nil || l.load.held > worst.load.held || l.load.held == worst.load.held && l.id < worst.id {
			worst = l
		}
	}
	return worst
}

// relieve ends the circuit that holds most of what counts for a link; the first of equals.
func (m *Machine) relieve(src *link) {
	var worst *relayed
	most := 0
	for _, e := range src.inOrder() {
		if r, ok := e.carrier.(*relayed); ok {
			n := r.held(r.other(e))
			if e.payer() == src {
				n += e.out.n
			}
			if n > most {
				worst, most = r, n
			}
		}
	}
	if worst != nil {
		worst.destroy(m, nil)
	}
}

// held is how many cells wait to go out at an end.
func (r *relayed) held(e *end) int {
	if e == &r.prev && r.shaper != nil {
		return e.out.n + r.shaper.waiting.n
	}
	return e.out.n
}

// bucket is a budget that refills with time.
type bucket struct {
	left float64
	at   time.Duration
}

// take spends one; false means that there is none.
func (b *bucket) take(now time.Duration) bool {
	b.left = min(setupBurst, b.left+(now-b.at).Seconds()*setupRate)
	b.at = now
	if b.left < 1 {
		return false
	}
	b.left--
	return true
}
