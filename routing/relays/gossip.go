package relays

import (
	"crypto/sha256"
	"encoding/binary"
	"slices"
	"time"

	"nightjar/routing/wire"
)

// The timers and bounds of SPEC §3.
const (
	firstRound = 250 * time.Millisecond
	lastRound  = time.Hour
	// soonRound is when the next round follows while there is much to catch up with.
	soonRound = time.Second
	// muchLists is from how many differing buckets on there is.
	muchLists = 8
	// rootEvery is how often a peer's Root is looked at.
	rootEvery = 100 * time.Millisecond
	// maxLists is how many buckets are compared in one round, and maxAnswer how many relays are sent for each; the next one goes on.
	maxLists  = 64
	maxAnswer = 64
)

// round is one comparison of views after the other with a peer.
type round struct {
	next    time.Time // when to send a Root
	n       int       // Roots sent
	asked   bool      // the peer may answer with Digests
	behind  bool      // the last Digests differed much
	learned bool      // the peer has brought something since the last Root
}

// reconcile sends a Root to every peer whose turn it is.
func (m *Machine) reconcile(now time.Time) {
	for _, p := range m.order {
		r := &p.round
		if now.Before(r.next) {
			continue
		}
		m.emit(Send{To: p.id, Msg: wire.Root{Hash: m.root()}})
		pause := min(firstRound<<min(r.n, 20), lastRound)
		if r.behind && r.learned {
			pause = soonRound
		} else {
			r.n++
		}
		r.asked, r.learned = true, false
		r.next = now.Add(m.around(pause))
	}
}

// around draws from ± 50 %.
func (m *Machine) around(d time.Duration) time.Duration {
	return d/2 + time.Duration(m.rng.Int64N(int64(d)))
}

// stir makes the others be asked soon: much that is new here may be new to them.
func (m *Machine) stir(now time.Time, but wire.NodeID) {
	for _, p := range m.order {
		if p.id == but || p.round.next.Sub(now) <= 2*soonRound {
			continue
		}
		p.round.next = now.Add(m.around(soonRound))
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
	switch msg := msg.(type) {
	case wire.Relays:
		if m.take(now, showing{p.id, p.from, p.account, p.round.behind}, msg.Nodes) {
			p.round.learned = true
		}
	case wire.Root:
		m.receiveRoot(now, p, msg)
	case wire.Digests:
		m.receiveDigests(now, p, msg)
	case wire.List:
		m.receiveList(now, p, msg)
	}
}

func (m *Machine) receiveRoot(now time.Time, p *peer, msg wire.Root) {
	if since := now.Sub(p.answered); since >= 0 && since < rootEvery {
		return
	}
	p.answered = now
	if msg.Hash == m.root() {
		if msg.Hash != p.agreed {
			p.agreed = msg.Hash
			for i := range m.buckets {
				m.shows(p, &m.buckets[i])
			}
		}
		p.round.behind = false
		m.compared(p)
		return
	}
	if !m.mayGive(now, p, 8*wire.Buckets) {
		return
	}
	d := wire.Digests{Buckets: new([wire.Buckets]uint64)}
	for i := range m.buckets {
		d.Buckets[i] = m.buckets[i].sum()
	}
	m.emit(Send{To: p.id, Msg: d})
	p.lists = min(p.lists+maxLists, 2*maxLists)
}

// compared notes that a peer's view is known.
func (m *Machine) compared(p *peer) {
	if !p.compared {
		p.compared = true
		m.count()
	}
}

// shows notes that a peer holds a bucket as this node does.
func (m *Machine) shows(p *peer, b *bucket) {
	for _, e := range b.entries {
		m.witness(e, p.from)
	}
}

func (m *Machine) receiveDigests(now time.Time, p *peer, msg wire.Digests) {
	if !p.round.asked {
		return
	}
	p.round.asked = false
	differ, lists := 0, 0
	from := m.rng.IntN(wire.Buckets) // else a peer that differs everywhere would keep the last buckets from being compared
	for i := range wire.Buckets {
		n := (from + i) % wire.Buckets
		b := &m.buckets[n]
		if b.sum() == msg.Buckets[n] {
			m.shows(p, b)
			continue
		}
		differ++
		if lists < maxLists && m.mayGive(now, p, 16*len(b.entries)) {
			lists++
			m.emit(Send{To: p.id, Msg: wire.List{Bucket: uint8(n), Reply: true, Items: b.items()}})
		}
	}
	p.lists = min(p.lists+lists, 2*maxLists)
	p.round.behind = differ > muchLists
	m.compared(p)
}

// receiveList sends a peer what it lacks in a bucket, and asks it for what it has more.
func (m *Machine) receiveList(now time.Time, p *peer, msg wire.List) {
	if p.lists == 0 {
		return
	}
	p.lists--
	b := &m.buckets[msg.Bucket]
	lacks, more := m.merge(p, b, msg.Items)
	if len(lacks) > maxAnswer { // from a random one on, else the same would be refused again and again
		from := m.rng.IntN(len(lacks))
		lacks = slices.Concat(lacks[from:], lacks[:from])[:maxAnswer]
	}
	for part := range slices.Chunk(lacks, wire.MaxNodes) {
		nodes := make([]wire.Claim, len(part))
		for i, e := range part {
			nodes[i] = e.desc.Claim()
		}
		if !m.mayGive(now, p, giveRelay*len(part)) {
			return
		}
		m.emit(Send{To: p.id, Msg: wire.Relays{Nodes: nodes}})
	}
	if msg.Reply && more && m.mayGive(now, p, 16*len(b.entries)) {
		m.emit(Send{To: p.id, Msg: wire.List{Bucket: msg.Bucket, Items: b.items()}})
	}
	m.compared(p)
}

// merge walks both sides of a bucket: what the peer lacks or has older, and whether it has anything that this node lacks or has
// older. It notes what both hold.
func (m *Machine) merge(p *peer, b *bucket, theirs []wire.Listed) (lacks []*entry, more bool) {
	for _, e := range b.entries {
		l := e.desc.Listed()
		for len(theirs) > 0 && theirs[0].ID < l.ID {
			theirs, more = theirs[1:], true
		}
		if len(theirs) == 0 || theirs[0].ID > l.ID {
			lacks = append(lacks, e)
			continue
		}
		switch t := theirs[0]; {
		case t == l:
			m.witness(e, p.from)
		case t.Issued < l.Issued:
			lacks = append(lacks, e)
		case t.Issued == l.Issued: // two of one hour: both sides must see both to agree
			lacks, more = append(lacks, e), true
		default:
			more = true
		}
		theirs = theirs[1:]
	}
	return lacks, more || len(theirs) > 0
}
