package relays

import (
	"crypto/sha256"
	"encoding/binary"
	"slices"
	"time"

	"nightjar/routing/wire"
)

// The timers and budgets of SPEC §3.
const (
	firstRound = 250 * time.Millisecond
	lastRound  = time.Hour
	// digestsEvery is how often a peer is told all digests at most.
	digestsEvery = 200 * time.Millisecond
	// maxLists is how many buckets are compared after one Digests; the next round goes on.
	maxLists = 64
	// A peer's Roots, Digests and Lists: askBurst at once and one more per askEvery.
	askBurst = 512
	askEvery = 50 * time.Millisecond
	// Relays that a peer may be the first to name: freshBurst at once and one more per freshEvery.
	freshBurst = 4096
	freshEvery = 500 * time.Millisecond
)

// reconcile sends a Root to every peer whose turn it is.
func (m *Machine) reconcile(now time.Time) {
	for _, p := range m.order {
		if now.Before(p.next) {
			continue
		}
		if p.rounds%8 == 0 {
			m.forget(now)
		}
		m.emit(Send{To: p.id, Msg: wire.Root{Hash: m.root()}})
		pause := min(firstRound<<min(p.rounds, 20), lastRound)
		p.rounds++
		p.next = now.Add(pause/2 + time.Duration(m.rng.Int64N(int64(pause))))
	}
}

// root is the hash over all digests.
func (m *Machine) root() [16]byte {
	h := sha256.New()
	var d [8]byte
	for i := range m.buckets {
		binary.BigEndian.PutUint64(d[:], m.buckets[i].sum())
		h.Write(d[:])
	}
	return [16]byte(h.Sum(nil))
}

func (m *Machine) receive(now time.Time, p *peer, msg wire.Message) {
	if msg, ok := msg.(wire.Relays); ok {
		for _, c := range msg.Nodes {
			d, err := c.Verify()
			if err != nil {
				m.emit(Misbehaved{p.id})
				return
			}
			m.take(now, p, []wire.Descriptor{d})
		}
		return
	}
	if !p.asks.take(now) {
		return
	}
	switch msg := msg.(type) {
	case wire.Root:
		m.receiveRoot(now, p, msg)
	case wire.Digests:
		m.receiveDigests(p, msg)
	case wire.List:
		m.receiveList(p, msg)
	}
}

func (m *Machine) receiveRoot(now time.Time, p *peer, msg wire.Root) {
	if msg.Hash == m.root() {
		for i := range m.buckets {
			m.shows(p, &m.buckets[i])
		}
		m.compared(p)
		return
	}
	if now.Sub(p.digests) < digestsEvery {
		return
	}
	p.digests = now
	d := wire.Digests{Buckets: new([wire.Buckets]uint64)}
	for i := range m.buckets {
		d.Buckets[i] = m.buckets[i].sum()
	}
	m.emit(Send{To: p.id, Msg: d})
}

// compared notes that a peer's view is known.
func (m *Machine) compared(p *peer) {
	if !p.synced {
		p.synced = true
		m.updates.dirty = true
	}
}

// shows notes that a peer holds a bucket as this node does.
func (m *Machine) shows(p *peer, b *bucket) {
	for _, e := range b.entries {
		m.witness(e, p)
	}
}

func (m *Machine) receiveDigests(p *peer, msg wire.Digests) {
	lists := 0
	from := m.rng.IntN(wire.Buckets) // else a peer that differs everywhere would keep the last buckets from being compared
	for i := range wire.Buckets {
		n := (from + i) % wire.Buckets
		b := &m.buckets[n]
		switch {
		case b.sum() == msg.Buckets[n]:
			m.shows(p, b)
		case lists < maxLists:
			lists++
			m.emit(Send{To: p.id, Msg: wire.List{Bucket: uint8(n), Reply: true, Items: b.items()}})
		}
	}
	m.compared(p)
}

func (b *bucket) items() []wire.Listed {
	items := make([]wire.Listed, len(b.entries))
	for i, e := range b.entries {
		items[i] = e.desc.Listed()
	}
	return items
}

// receiveList sends a peer what it lacks in a bucket, and asks it for what it has more.
func (m *Machine) receiveList(p *peer, msg wire.List) {
	b := &m.buckets[msg.Bucket]
	var lacks []wire.Claim
	more := false
	theirs := msg.Items
	for _, e := range b.entries {
		l := e.desc.Listed()
		for len(theirs) > 0 && theirs[0].ID < l.ID {
			theirs, more = theirs[1:], true
		}
		switch {
		case len(theirs) == 0 || theirs[0].ID > l.ID || theirs[0].Issued < l.Issued:
			lacks = append(lacks, e.desc.Claim())
		case theirs[0] == l:
			m.witness(e, p)
		case theirs[0].Issued == l.Issued: // two of one hour: both sides must see both to agree
			lacks, more = append(lacks, e.desc.Claim()), true
		default:
			more = true
		}
		if len(theirs) > 0 && theirs[0].ID == l.ID {
			theirs = theirs[1:]
		}
	}
	for part := range slices.Chunk(lacks, wire.MaxNodes) {
		m.emit(Send{To: p.id, Msg: wire.Relays{Nodes: part}})
	}
	if msg.Reply && (more || len(theirs) > 0) {
		m.emit(Send{To: p.id, Msg: wire.List{Bucket: msg.Bucket, Items: b.items()}})
	}
	m.compared(p)
}
