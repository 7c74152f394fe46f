package relays

import (
	"cmp"
	"net/netip"
	"slices"
	"time"

	"nightjar/routing/wire"
)

// The numbers of SPEC §9.
const (
	// proofFor is how long it counts that this node has reached a relay; it is done anew renewLeast to renewLeast + renewMore later.
	proofFor   = 48 * time.Hour
	renewLeast = 16 * time.Hour
	renewMore  = 8 * time.Hour
	// keepProof is how old a proof may be when it is restored.
	keepProof = 7 * 24 * time.Hour
	// lostAfter is how many dials in a row must fail for a relay to be out of use.
	lostAfter = 2
	// The pause after a failure: firstPause, eight times as long after each further one, up to lastPause.
	firstPause = 30 * time.Second
	lastPause  = 24 * time.Hour
	// doubtPause is the pause after a failure that says nothing of the relay.
	doubtPause = time.Minute

	// maxProbes is how many are dialled at once, probeTime after how long without an answer one is given up.
	maxProbes = 8
	probeTime = time.Minute
	// probeBurst are dialled at once and one more per probeEvery, or per youngEvery while fewer than probeBurst are proven.
	probeBurst = 32
	probeEvery = 6 * time.Second
	youngEvery = time.Second
	// scanPause and scanRelay, for each relay known, are how much time lies at least between two searches for whom to reach, and
	// scanEvery if nobody is new. Each finds at most maxPicks relays of an origin and lane.
	scanPause = 20 * time.Millisecond
	scanRelay = time.Microsecond
	scanEvery = 15 * time.Second
	maxPicks  = 64
)

// proof is what this node's own dials have shown of a relay.
type proof struct {
	at    time.Time // when it was last reached
	addr  wire.Addr // where; "" = never
	fails uint8     // dials that have failed since
	met   bool      // it has proved its identity on a link, whoever dialled
	next  time.Time // when it may be dialled again
}

// lane says how urgent it is to reach a relay. Each gets a part of the dials, so that none can hold up another.
type lane uint8

const (
	renewing lane = iota // it was reached before
	met                  // it was linked, but this node has not reached it
	named                // others have named it
	failing              // the last dials have failed
	lanes
)

// prober is whom this node dials to see whether somebody is there.
type prober struct {
	dials   func(wire.Descriptor) []wire.Addr
	budget  tokens
	out     map[wire.NodeID]time.Time // under way since
	targets map[netip.Addr]*tokens
	served  [lanes]origin  // whose relay was dialled last
	turn    lane           // whose turn it is
	young   bool           // few relays are proven
	found   [lanes][]share // whom the last search has found
	scanned time.Time      // when that was
	later   time.Time      // when the next of the others may be dialled; zero = none
	news    bool           // there are others
	stale   bool           // there may be something to do
	next    time.Time      // when there will be; zero = not before something happens
}

func newProber(dials func(wire.Descriptor) []wire.Addr) prober {
	if dials == nil {
		dials = func(d wire.Descriptor) []wire.Addr { return d.Addrs }
	}
	return prober{
		dials: dials, budget: tokens{left: probeBurst}, young: true,
		out: make(map[wire.NodeID]time.Time), targets: make(map[netip.Addr]*tokens),
	}
}

// here reports whether the proof is of an address that the relay has now.
func (e *entry) here() bool {
	return e.used != nil && e.proof.addr != "" && slices.Contains(e.used.Addrs, e.proof.addr)
}

// proven reports whether this node has reached the relay lately.
func (e *entry) proven(now time.Time) bool {
	return e.here() && e.proof.fails < lostAfter && now.Sub(e.proof.at) <= proofFor
}

func (e *entry) lane() lane {
	switch p := &e.proof; {
	case p.fails >= lostAfter || p.fails > 0 && p.addr == "":
		return failing
	case p.addr != "":
		return renewing
	case p.met:
		return met
	}
	return named
}

// reached notes that this node's own dial to an address has found the relay there.
func (m *Machine) reached(now time.Time, id wire.NodeID, at wire.Addr) {
	m.answered(id)
	e := m.entries[id]
	if e == nil || id == m.self || at == "" {
		return
	}
	before := e.proven(now)
	p := &e.proof
	if e.used != nil && !slices.Contains(e.used.Addrs, at) {
		return // it is not where it says any more
	}
	p.at, p.addr, p.fails, p.met = now, at, 0, true
	p.next = now.Add(renewLeast + time.Duration(m.rng.Int64N(int64(renewMore))))
	m.probes.due(p.next)
	m.state.due = true
	m.view.due = m.view.due || !before
}

// unreached notes that a dial has failed. doubt says that this is as likely to be this node's own fault.
func (m *Machine) unreached(now time.Time, id wire.NodeID, doubt bool) {
	asked := m.answered(id)
	e := m.entries[id]
	switch {
	case e == nil || !asked && (doubt || e.proof.fails > 0 && now.Before(e.proof.next)): // one outage, many dials
		return
	case doubt:
		e.proof.next = now.Add(m.around(doubtPause))
		m.probes.due(e.proof.next)
		return
	}
	p := &e.proof
	p.fails = min(p.fails+1, 16)
	p.next = now.Add(m.around(min(firstPause<<(3*(min(p.fails, 6)-1)), lastPause)))
	m.state.due = true
	m.view.due = m.view.due || p.fails == lostAfter
	m.probes.due(p.next)
}

// answered ends a dial that is under way.
func (m *Machine) answered(id wire.NodeID) bool {
	_, asked := m.probes.out[id]
	delete(m.probes.out, id)
	m.probes.stale = m.probes.stale || asked
	return asked
}

// meet notes that a relay has proved its identity on a link that it has dialled itself: that does not show that it can be reached,
// but it is worth a try.
func (m *Machine) meet(now time.Time, id wire.NodeID) {
	e := m.entries[id]
	if e == nil || id == m.self {
		return
	}
	e.proof.met = true
	if soon := now.Add(firstPause); !e.proven(now) && e.proof.next.After(soon) {
		e.proof.next = soon
		m.probes.due(soon)
	}
}

// probe has the shell dial those whose turn it is.
func (m *Machine) probe(now time.Time) {
	p := &m.probes
	p.giveUp(now)
	if !p.stale && (p.next.IsZero() || now.Before(p.next)) {
		return
	}
	p.stale = false
	for {
		every := probeEvery
		if p.young {
			every = youngEvery
		}
		if len(p.out) >= maxProbes {
			p.next = now.Add(probeTime) // or when one is answered
			return
		}
		if !p.budget.has(now, 1, probeBurst, every) {
			p.next = now.Add(time.Duration((1-p.budget.left)*float64(every)) + time.Millisecond)
			return
		}
		e := p.choose()
		if e == nil || p.news {
			if p.next = p.searchAt(m.scanPause()); p.next.IsZero() || now.Before(p.next) {
				return
			}
			m.scan(now)
			continue
		}
		if m.entries[e.desc.ID] == e && !now.Before(e.proof.next) && m.usable(e, now) && m.knock(now, e) {
			p.budget.take(now, 1, probeBurst, every)
		}
	}
}

// searchAt is when to search again for whom to dial, once all who were found have been.
func (p *prober) searchAt(pause time.Duration) time.Time {
	switch {
	case p.news:
		return p.scanned.Add(pause)
	case p.later.IsZero():
		return time.Time{}
	}
	if first := p.scanned.Add(scanEvery); p.later.Before(first) {
		return first
	}
	return p.later
}

// due notes when a relay may be dialled again.
func (p *prober) due(at time.Time) {
	if p.later.IsZero() || at.Before(p.later) {
		p.later = at
	}
	p.stale = true
}

// giveUp forgets dials that the shell has not answered.
func (p *prober) giveUp(now time.Time) {
	for id, since := range p.out {
		if now.Sub(since) >= probeTime {
			delete(p.out, id)
			p.stale = true
		}
	}
}

func (m *Machine) scanPause() time.Duration {
	return scanPause + scanRelay*time.Duration(len(m.entries))
}

// share is what one origin has in a lane: at most maxPicks of its relays, drawn at random.
type share struct {
	from  origin
	seen  int
	picks []*entry
}

// scan finds relays that can be dialled now, by lane and origin, and when the next one can.
func (m *Machine) scan(now time.Time) {
	p := &m.probes
	p.scanned, p.later, p.news, p.found = now, time.Time{}, false, [lanes][]share{}
	places := make(map[origin]*[lanes]int) // in found, plus one
	reached := 0
	for i := range m.buckets {
		for _, e := range m.buckets[i].entries {
			if len(e.doors) == 0 || !m.usable(e, now) {
				continue
			}
			if e.proven(now) {
				reached++
			}
			if now.Before(e.proof.next) {
				p.due(e.proof.next)
				continue
			}
			at := places[e.from]
			if at == nil {
				at = new([lanes]int)
				places[e.from] = at
			}
			k := e.lane()
			if at[k] == 0 {
				p.found[k] = append(p.found[k], share{from: e.from})
				at[k] = len(p.found[k])
			}
			m.draw(&p.found[k][at[k]-1], e)
		}
	}
	p.young = reached < probeBurst
	for k := range p.found {
		slices.SortFunc(p.found[k], func(a, b share) int { return cmp.Compare(a.from, b.from) })
	}
}

// draw keeps maxPicks of those that a share is shown, all alike and in random order.
func (m *Machine) draw(s *share, e *entry) {
	s.seen++
	n := len(s.picks)
	if n < maxPicks {
		s.picks = append(s.picks, e)
		j := m.rng.IntN(n + 1)
		s.picks[n], s.picks[j] = s.picks[j], s.picks[n]
	} else if j := m.rng.IntN(s.seen); j < maxPicks {
		s.picks[j] = e
	}
}

// choose takes the next one out of what was found: of the lane whose turn it is, or the first that has any, and there of the origin
// after the one that was served last. Nobody who names many can so delay those whom others name.
func (p *prober) choose() *entry {
	for i := range lanes + 1 {
		k := p.turn
		if i > 0 {
			k = i - 1
		}
		if e := p.chooseFrom(k, p.found[k]); e != nil {
			p.turn = (p.turn + 1) % lanes
			return e
		}
	}
	return nil
}

func (p *prober) chooseFrom(k lane, shares []share) *entry {
	first, _ := slices.BinarySearchFunc(shares, p.served[k], func(s share, last origin) int {
		if s.from > last {
			return 1
		}
		return -1
	})
	for i := range shares {
		s := &shares[(first+i)%len(shares)]
		if len(s.picks) > 0 {
			e := s.picks[0]
			s.picks = s.picks[1:]
			p.news = p.news || len(s.picks) == 0 && s.seen > maxPicks
			p.served[k] = s.from
			return e
		}
	}
	return nil
}
