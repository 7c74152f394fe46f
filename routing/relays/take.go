package relays

import (
	"slices"
	"time"

	"nightjar/routing/wire"
)

// muchNews is how much must be new at once for it not to be handed on at once while views are being compared anyway.
const muchNews = 8

// showing is who shows descriptors, and on whose account that goes.
type showing struct {
	id      wire.NodeID
	from    origin
	account *account
	bulk    bool // the peer and this node are catching up: what is new here is hardly new to others
}

// own takes in what this node says of itself.
func (m *Machine) own(now time.Time, d wire.Descriptor) {
	if d.ID != m.self {
		return
	}
	e := m.entries[m.self]
	switch {
	case e == nil:
		e = m.add(now, &d, 0)
	case e.desc.Equal(d):
		return
	default:
		e.desc, e.settled = &d, now
		m.bucketOf(d.ID).stale = true
	}
	m.handOn(m.self, []*entry{e})
}

// take takes descriptors in, and hands on what is new. It looks at everything that costs little before it checks a signature.
func (m *Machine) take(now time.Time, by showing, nodes []wire.Claim) (learned bool) {
	var news []*entry
	for _, c := range nodes {
		e := m.entries[c.ID()]
		if e != nil && c.Compare(*e.desc) == 0 {
			m.witness(e, by.from)
			continue
		}
		victim, wanted := m.wants(now, e, by, c)
		if !wanted || !by.account.checks.take(now, 1, checkBurst, checkEvery) {
			continue
		}
		d, err := c.Verify()
		if err != nil {
			m.emit(Misbehaved{by.id})
			break
		}
		switch {
		case e != nil:
			e.move(now, &d)
			m.bucketOf(d.ID).stale = true
		default:
			by.account.fresh.take(now, 1, freshBurst, freshEvery)
			if victim != nil {
				m.remove(victim)
			}
			e = m.add(now, &d, by.from)
		}
		m.witness(e, by.from)
		news = append(news, e)
	}
	if len(news) == 0 {
		return false
	}
	m.state.due = true
	if by.bulk && len(news) >= muchNews {
		m.stir(now, by.id)
	} else {
		m.handOn(by.id, news)
	}
	return true
}

// wants reports whether a claim about the relay of e, or about one that is not known, is worth its signature; victim is who must go
// for it.
func (m *Machine) wants(now time.Time, e *entry, by showing, c wire.Claim) (victim *entry, ok bool) {
	if c.ID() == m.self || !fresh(c.Issued(), now, keepFor) {
		return nil, false
	}
	if e == nil {
		if !by.account.fresh.has(now, 1, freshBurst, freshEvery) {
			return nil, false
		}
		return m.room(now, c.ID(), by.from)
	}
	rested := now.Sub(e.settled)
	switch {
	case c.Issued() > e.desc.Issued:
		ok = e.moves < maxMoves || rested >= settleTime
	case c.Issued() == e.desc.Issued: // of two of one hour all nodes must settle on one
		ok = rested >= settleTime && c.Compare(*e.desc) < 0
	}
	return nil, ok
}

// move gives a relay that is known a new descriptor.
func (e *entry) move(now time.Time, d *wire.Descriptor) {
	if now.Sub(e.settled) >= restTime {
		e.moves = 0
	}
	e.moves = min(e.moves+1, maxMoves)
	e.desc, e.settled, e.shown = d, now, nil
}

// witness notes who has shown an entry's descriptor.
func (m *Machine) witness(e *entry, from origin) {
	if e.desc.ID == m.self || len(e.shown) >= maxShown || slices.Contains(e.shown, from) {
		return
	}
	e.shown = append(e.shown, from)
	if m.judge(e) {
		m.view.due = true
	}
}

// handOn sends what is new to every peer but the one that sent it.
func (m *Machine) handOn(from wire.NodeID, news []*entry) {
	claims := make([]wire.Claim, len(news))
	for i, e := range news {
		claims[i] = e.desc.Claim()
	}
	for _, p := range m.order {
		if p.id == from {
			continue
		}
		for part := range slices.Chunk(claims, wire.MaxNodes) {
			m.emit(Send{To: p.id, Msg: wire.Relays{Nodes: part}})
		}
	}
}
