package routing

import (
	"slices"
	"time"

	"nightjar/keys"
	"nightjar/routing/wire"
)

// leases are the records that somebody waits for.
//
// A lease is passed on to the closest live peer that is closer to the target, and at a local minimum to the two peers that get copies
// there: to where a record would be kept. Each node on the way remembers who has asked it, and no more. Whoever comes to hold the
// record pushes it back along the way.
//
//	Lease, LocalWait ──> looking ──> waiting, passed on ──the record is held here, or pushed──> pushed on, forgotten
//	                        │            │  ^                                                     ^
//	                        │            │  └── passed on anew: time, or a change among the peers │
//	                        │            └── nobody waits any more ──> forgotten                 │
//	                        └────────── the own store holds it ──────────────────────────────────┘
type leases struct {
	all   []*lease // in the order in which they were made, but for gaps that the last has filled
	byKey map[leaseKey]*lease
	looks map[Ref]*lease
	local map[Token]*lease
	peers int           // awaits of all peers
	moved int           // that were passed on because of a link that came or went, since the last sweep
	sweep time.Duration // when to look what is over, if there is any lease
}

func newLeases() leases {
	return leases{byKey: make(map[leaseKey]*lease), looks: make(map[Ref]*lease), local: make(map[Token]*lease)}
}

type leaseKey struct {
	id       keys.ID
	rotation uint8
}

// lease is a record that somebody waits for at one of its positions.
type lease struct {
	key    leaseKey
	target keys.Location
	awaits []await
	ref    Ref           // of the look into the own store; 0 = done
	asked  []*link       // to whom it was passed on
	routed bool          // it was passed on
	own    bool          // to those who get copies of what is kept here
	late   bool          // asked is out of date, and the next sweep sees to it
	renew  time.Duration // when they may be told again
	ends   time.Duration // when they forget
	slot   int           // in leases.all
}

// await is one who waits; if from is nil, the local user, or somebody whose circuit ends here.
type await struct {
	from  *link
	own   bool // for what this node holds itself
	token Token
	until time.Duration
}

// tenancy is what a peer and this node have left with each other.
type tenancy struct {
	held   []*lease // in which the peer waits, longest first
	left   float64  // leases that it may leave now
	at     time.Duration
	pushes int // that the peer may make: one for each lease left with it
}

// receiveLease takes in that a peer waits for a record. What is too much is passed over in silence: the peer asks now and then in any case.
func (m *Machine) receiveLease(l *link, msg wire.Lease) {
	target := msg.ID.Location(msg.Rotation)
	if !msg.Own && m.closer(l, target) {
		m.misbehaved(l)
		return
	}
	if l.tenancy.take(m.now) {
		m.await(leaseKey{msg.ID, msg.Rotation}, await{from: l, own: msg.Own, until: m.now + leaseTime})
	}
}

// take reports whether the peer may leave another lease.
func (t *tenancy) take(now time.Duration) bool {
	t.left = min(maxLeases, t.left+(now-t.at).Seconds()*leaseRate)
	t.at = now
	if t.left < 1 {
		return false
	}
	t.left--
	return true
}

// localWait takes in that the local user, or a circuit that ends here, waits for a record.
func (m *Machine) localWait(ev LocalWait) {
	w := waiter{token: ev.Token}
	switch {
	case ev.ID.Kind != keys.KindRecord || m.local[ev.Token] != nil || m.leases.local[ev.Token] != nil:
		m.refuse(w, wire.Failed)
	case len(m.leases.local) >= maxLocalLeases:
		m.refuse(w, wire.Overload)
	default:
		// Not all who began to wait at one moment come back at one moment.
		until := m.now + leaseTime - time.Duration(m.rng.Int64N(int64(leaseTime)/4))
		m.await(leaseKey{ev.ID, ev.Rotation}, await{token: ev.Token, until: until})
	}
}

// await adds somebody who waits.
func (m *Machine) await(key leaseKey, w await) {
	ls := m.leases.byKey[key]
	if w.from != nil {
		if ls != nil && ls.extend(w) {
			m.pass(ls)
			return
		}
		m.makeRoom(w.from)
		ls = m.leases.byKey[key] // it may have had to go
	}
	if ls == nil {
		ls = m.newLease(key)
	}
	ls.awaits = append(ls.awaits, w)
	if w.from == nil {
		m.leases.local[w.token] = ls
	} else {
		w.from.tenancy.held = append(w.from.tenancy.held, ls)
		m.leases.peers++
	}
	if ls.ref == 0 {
		m.pass(ls)
	}
}

// extend lets a peer that waits already wait longer.
func (ls *lease) extend(w await) bool {
	for i := range ls.awaits {
		if old := &ls.awaits[i]; old.from == w.from {
			old.until, old.own = w.until, old.own && w.own
			return true
		}
	}
	return false
}

// latest is when the last of those for whom it is passed on waits no more.
func (ls *lease) latest() (t time.Duration) {
	for _, w := range ls.awaits {
		if !w.own {
			t = max(t, w.until)
		}
	}
	return t
}

// newLease begins with a look into the own store.
func (m *Machine) newLease(key leaseKey) *lease {
	x := &m.leases
	if len(x.all) == 0 {
		m.sweepLater()
	}
	ls := &lease{key: key, target: key.id.Location(key.rotation), ref: m.next, slot: len(x.all)}
	m.next++
	x.all = append(x.all, ls)
	x.byKey[key], x.looks[ls.ref] = ls, ls
	m.effects = append(m.effects, Lookup{Ref: ls.ref, ID: key.id})
	return ls
}

// makeRoom lets the oldest lease of a peer go that has as many as it may, or of the peer that has most if all together have too many.
func (m *Machine) makeRoom(l *link) {
	if len(l.tenancy.held) >= maxLeases {
		m.evict(l)
	}
	if m.leases.peers < maxAllLeases {
		return
	}
	most := l
	for _, other := range m.ring {
		if len(other.tenancy.held) > len(most.tenancy.held) {
			most = other
		}
	}
	m.evict(most)
}

func (m *Machine) evict(l *link) {
	ls := l.tenancy.held[0]
	m.quit(ls, func(w await) bool { return w.from == l })
}

// lookedForLease takes in what the own store holds; false: the look was not for a lease.
func (m *Machine) lookedForLease(ref Ref, b keys.Block) bool {
	ls := m.leases.looks[ref]
	if ls == nil {
		return false
	}
	delete(m.leases.looks, ref)
	ls.ref = 0
	if !b.IsZero() && b.ID() == ls.key.id {
		m.fulfil(ls, b, nil)
	} else {
		m.pass(ls)
	}
	return true
}

// pass passes a lease on to those who would hold the record, or know of it sooner: to those who have not been told, and in time to all of them
// again if somebody waits longer than they know.
func (m *Machine) pass(ls *lease) {
	if ls.ref != 0 || !slices.ContainsFunc(ls.awaits, func(w await) bool { return !w.own }) {
		return
	}
	anew := ls.routed && m.now >= ls.renew && ls.latest() > ls.ends
	if ls.routed && !anew {
		return
	}
	own, next := m.keepers(ls.target)
	for _, l := range next {
		if anew || !slices.Contains(ls.asked, l) {
			l.tenancy.pushes++
			m.effects = append(m.effects, Send{To: l.id, Msg: wire.Lease{Own: own, Rotation: ls.key.rotation, ID: ls.key.id}})
		}
	}
	if anew || !ls.routed {
		ls.renew = m.now + leaseTime*7/10 + time.Duration(m.rng.Int64N(int64(leaseTime)/5))
		ls.ends = m.now + leaseTime
	}
	ls.asked, ls.own, ls.routed = next, own, true
}

// keepers is to whom a lease is passed on: the closest peer that is closer to the target; or, where there is none, those who get copies of what
// is kept here, for what they hold themselves.
func (m *Machine) keepers(target keys.Location) (own bool, next []*link) {
	var best [sinkCopies]*link
	var ranks [sinkCopies]rank
	n := 0
	for _, l := range m.ring {
		if !m.usable(l, quickGet) {
			continue
		}
		k := rankOf(l.id, l.at, target)
		i := n
		for i > 0 && k.less(&ranks[i-1]) {
			i--
		}
		if i == sinkCopies {
			continue
		}
		n = min(n+1, sinkCopies)
		copy(best[i+1:n], best[i:])
		copy(ranks[i+1:n], ranks[i:])
		best[i], ranks[i] = l, k
	}
	self := rankOf(m.self, m.at, target)
	if n > 0 && ranks[0].less(&self) {
		return false, slices.Clone(best[:1])
	}
	return true, slices.Clone(best[:n])
}

// leasesUp passes on to a new peer what it is closer to than those who know of it.
func (m *Machine) leasesUp(l *link) {
	m.repassAll(func(ls *lease) bool {
		mine := rankOf(l.id, l.at, ls.target)
		return ls.own && len(ls.asked) < sinkCopies || slices.ContainsFunc(ls.asked, func(o *link) bool {
			other := rankOf(o.id, o.at, ls.target)
			return mine.less(&other)
		})
	})
}

// leasesDown forgets what a peer waited for, and finds others for what it was to push.
func (m *Machine) leasesDown(l *link) {
	for len(l.tenancy.held) > 0 {
		m.evict(l)
	}
	m.repassAll(func(ls *lease) bool { return slices.Contains(ls.asked, l) })
}

// receivePush takes in a record that was waited for. It was verified when it was parsed; who pushes it does not matter, but that it was asked
// does: an honest peer pushes once for each lease.
func (m *Machine) receivePush(l *link, p wire.Push) {
	if l.tenancy.pushes--; l.tenancy.pushes < 0 {
		if l.tenancy.pushes < -maxUnasked { // what a previous link between the two has left behind is less
			m.misbehaved(l)
		}
		return
	}
	m.appeared(p.Block, l)
}

// appeared tells all who wait for a record that this node holds it, or, if from is set, that a peer has pushed it.
func (m *Machine) appeared(b keys.Block, from *link) {
	id := b.ID()
	if len(m.leases.all) == 0 || id.Kind != keys.KindRecord {
		return
	}
	for rotation := range uint8(keys.Rotations) {
		if ls := m.leases.byKey[leaseKey{id, rotation}]; ls != nil {
			m.fulfil(ls, b, from)
		}
	}
}

// fulfil gives all who wait what they wait for.
func (m *Machine) fulfil(ls *lease, b keys.Block, from *link) {
	for _, w := range ls.awaits {
		switch {
		case w.from == nil:
			m.effects = append(m.effects, Done{Token: w.token, Block: b})
		case w.from != from:
			m.effects = append(m.effects, Send{To: w.from.id, Msg: wire.Push{Block: b}})
		}
	}
	m.quit(ls, func(await) bool { return true })
}

// quit drops those who wait that gone picks; a lease for which nobody waits ends.
func (m *Machine) quit(ls *lease, gone func(await) bool) {
	x := &m.leases
	ls.awaits = slices.DeleteFunc(ls.awaits, func(w await) bool {
		switch {
		case !gone(w):
			return false
		case w.from == nil:
			delete(x.local, w.token)
		default:
			t := &w.from.tenancy
			i := slices.Index(t.held, ls)
			t.held = slices.Delete(t.held, i, i+1)
			x.peers--
		}
		return true
	})
	if len(ls.awaits) > 0 {
		return
	}
	delete(x.byKey, ls.key)
	if ls.ref != 0 {
		delete(x.looks, ls.ref)
	}
	last := x.all[len(x.all)-1]
	x.all[ls.slot], last.slot = last, ls.slot
	x.all[len(x.all)-1] = nil
	x.all = x.all[:len(x.all)-1]
}

// quitLocal takes a local wait back.
func (m *Machine) quitLocal(token Token) {
	if ls := m.leases.local[token]; ls != nil {
		m.quit(ls, func(w await) bool { return w.from == nil && w.token == token })
	}
}
