package relays

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/binary"
	"net/netip"
	"slices"
	"strings"
	"time"

	"nightjar/routing/wire"
)

// The limits of SPEC §4.
const (
	maxEntries = 200_000
	maxBucket  = wire.MaxListed
	// maxShown is how many of the peers that showed a descriptor are remembered.
	maxShown = 8
	// keepFor is how old a descriptor may be; relays sign a new one at least once a day.
	keepFor = 72 * time.Hour
	// useFor is how old it may be to be used: the onion key that it names is taken for two days.
	useFor = 48 * time.Hour
	// ahead is how far in the future a descriptor may be dated: clocks differ, and two of one hour are told apart by it.
	ahead = 3 * time.Hour
	// settleTime is how long a relay's descriptor stays before another one of the same hour may take its place.
	settleTime = time.Minute
)

// entry is what is known of one relay.
type entry struct {
	desc    wire.Descriptor
	seen    time.Time // first
	settled time.Time // when desc came
	shown   []witness // who showed desc
	good    wire.Descriptor
	hasGood bool // good was shown by enough
}

// witness is a peer that showed a descriptor, and its network.
type witness struct {
	id  wire.NodeID
	net netip.Prefix
}

// bucket holds the entries whose IDs begin with one byte, in the order of their IDs.
type bucket struct {
	entries []*entry
	digest  uint64
	stale   bool
}

// better reports whether a takes the place of b: it is newer, or of the same hour and first in the order of its bytes, which
// makes all nodes agree on one when a relay signs several.
func better(a, b wire.Descriptor) bool {
	if a.Issued != b.Issued {
		return a.Issued > b.Issued
	}
	return bytes.Compare(a.Append(nil), b.Append(nil)) < 0
}

func issued(d wire.Descriptor) time.Time { return time.Unix(int64(d.Issued), 0) }

// fresh reports whether a descriptor is neither too old nor from the future.
func fresh(d wire.Descriptor, now time.Time, age time.Duration) bool {
	return now.Sub(issued(d)) <= age && issued(d).Sub(now) <= ahead
}

// take takes descriptors in, as shown by p, or as this node's own if p is nil, and hands on what is new.
func (m *Machine) take(now time.Time, p *peer, nodes []wire.Descriptor) {
	var news []wire.Descriptor
	for _, d := range nodes {
		if (d.ID == m.self) != (p == nil) || !fresh(d, now, keepFor) {
			continue
		}
		e := m.entries[d.ID]
		switch {
		case e == nil:
			if !m.room(d) || p != nil && !p.fresh.take(now) {
				continue
			}
			e = m.add(now, d)
			news = append(news, d)
		case e.desc.Equal(d):
		case better(d, e.desc) && (d.Issued > e.desc.Issued || p == nil || now.Sub(e.settled) >= settleTime):
			e.desc, e.settled, e.shown = d, now, nil
			m.bucketOf(d.ID).stale = true
			news = append(news, d)
		default:
			continue
		}
		if p != nil {
			m.witness(e, p)
		}
	}
	if len(news) > 0 {
		m.updates.dirty = true
		m.emit(Changed{})
		m.handOn(p, news)
	}
}

// handOn sends what is new to every peer but the one that sent it.
func (m *Machine) handOn(from *peer, news []wire.Descriptor) {
	claims := make([]wire.Claim, len(news))
	for i, d := range news {
		claims[i] = d.Claim()
	}
	for _, p := range m.order {
		if from != nil && p.id == from.id {
			continue
		}
		for part := range slices.Chunk(claims, wire.MaxNodes) {
			m.emit(Send{To: p.id, Msg: wire.Relays{Nodes: part}})
		}
	}
}

func (m *Machine) bucketOf(id wire.NodeID) *bucket { return &m.buckets[id[0]] }

// room reports whether a relay that is not known can be taken in. Who is known stays: newcomers wash nobody out.
func (m *Machine) room(d wire.Descriptor) bool {
	b := m.bucketOf(d.ID)
	_, taken := b.find(d.Listed().ID)
	return !taken && len(m.entries) < maxEntries && len(b.entries) < maxBucket
}

func (m *Machine) add(now time.Time, d wire.Descriptor) *entry {
	e := &entry{desc: d, seen: now, settled: now}
	b := m.bucketOf(d.ID)
	i, _ := b.find(d.Listed().ID)
	b.entries = slices.Insert(b.entries, i, e)
	b.stale = true
	m.entries[d.ID] = e
	return e
}

// find is where a relay is in the bucket, or would be.
func (b *bucket) find(id uint64) (int, bool) {
	return slices.BinarySearchFunc(b.entries, id, func(e *entry, id uint64) int { return cmp.Compare(e.desc.Listed().ID, id) })
}

// witness notes that a peer has shown an entry's descriptor.
func (m *Machine) witness(e *entry, p *peer) {
	if len(e.shown) >= maxShown || slices.ContainsFunc(e.shown, func(w witness) bool { return w.id == p.id }) {
		return
	}
	e.shown = append(e.shown, witness{p.id, network(p.desc)})
	m.judge(e)
	m.updates.dirty = true
}

// independent counts those who showed the descriptor; peers of one network count once, outside private networks.
func (e *entry) independent() (n int) {
	for i, w := range e.shown {
		if !w.net.IsValid() || !slices.ContainsFunc(e.shown[:i], func(o witness) bool { return o.net == w.net }) {
			n++
		}
	}
	return n
}

// network is the /16 (v4) or /32 (v6) of a node's first public address; none if it has none.
func network(d wire.Descriptor) netip.Prefix {
	for _, a := range addresses(d) {
		bits := 16
		if a.Is6() {
			bits = 32
		}
		if p, err := a.Prefix(bits); err == nil {
			return p
		}
	}
	return netip.Prefix{}
}

// addresses lists the public addresses of a node.
func addresses(d wire.Descriptor) (out []netip.Addr) {
	for _, a := range d.Addrs {
		_, hostPort, _ := strings.Cut(string(a), "/")
		ap, err := netip.ParseAddrPort(hostPort)
		if err == nil && !ap.Addr().IsLoopback() && !ap.Addr().IsPrivate() && !ap.Addr().IsLinkLocalUnicast() {
			out = append(out, ap.Addr())
		}
	}
	return out
}

// forget drops those of whom nothing new was heard for too long.
func (m *Machine) forget(now time.Time) {
	for i := range m.buckets {
		b := &m.buckets[i]
		before := len(b.entries)
		b.entries = slices.DeleteFunc(b.entries, func(e *entry) bool {
			if fresh(e.desc, now, keepFor) {
				return false
			}
			delete(m.entries, e.desc.ID)
			return true
		})
		if len(b.entries) != before {
			b.stale = true
			m.updates.dirty = true
		}
	}
}

// sum is the digest of a bucket: the first 8 bytes of SHA-256 over its items (SPEC §3).
func (b *bucket) sum() uint64 {
	if !b.stale {
		return b.digest
	}
	h := sha256.New()
	var item [16]byte
	for _, e := range b.entries {
		l := e.desc.Listed()
		binary.BigEndian.PutUint64(item[:], l.ID)
		binary.BigEndian.PutUint32(item[8:], l.Issued)
		binary.BigEndian.PutUint32(item[12:], l.Sum)
		h.Write(item[:])
	}
	b.digest, b.stale = binary.BigEndian.Uint64(h.Sum(nil)), false
	if len(b.entries) == 0 {
		b.digest = 0
	}
	return b.digest
}
