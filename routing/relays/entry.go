package relays

import (
	"cmp"
	"crypto/sha256"
	"encoding/binary"
	"slices"
	"time"

	"nightjar/routing/wire"
)

// The limits of SPEC §4.
const (
	// maxBucket is how many relays a bucket holds, and so maxBucket × wire.Buckets how many the view does.
	maxBucket = 1024
	// maxNamed is how many relays of a bucket one origin has been the first to name.
	maxNamed = maxBucket / 4
	// tenure is after how long nobody can take a relay's place any more.
	tenure = 72 * time.Hour
	// maxShown is how many of those who showed a descriptor are remembered.
	maxShown = 8
	// keepFor is how old a descriptor may be; relays sign a new one at least once a day.
	keepFor = 72 * time.Hour
	// useFor is how old it may be to be used: the onion key that it names is taken for two days.
	useFor = 48 * time.Hour
	// ahead is how far in the future a descriptor may be dated: clocks differ, and of two of one hour the second is dated an hour later.
	ahead = 2 * time.Hour
	// A relay's descriptor may be replaced maxMoves times, and then once in settleTime until it has rested for restTime.
	maxMoves   = 8
	settleTime = time.Minute
	restTime   = time.Hour
)

// entry is what is known of one relay.
type entry struct {
	desc    *wire.Descriptor
	seen    time.Time // first
	settled time.Time // when desc came
	moves   uint8     // how often desc was replaced since it last rested
	from    origin    // who was first to name the relay
	shown   []origin  // who has shown desc, all different

	used   *wire.Descriptor // the last that enough had shown, desc itself or one before it; nil = none
	backed int              // how many had shown used
	near   []block          // where used says that the relay is
	doors  []wire.Addr      // where this node would dial it
	proof  proof
}

// bucket holds the entries whose IDs begin with one byte, in the order of their IDs.
type bucket struct {
	entries []*entry
	digest  uint64
	stale   bool
}

func (m *Machine) bucketOf(id wire.NodeID) *bucket { return &m.buckets[id[0]] }

// fresh reports whether a descriptor issued then is neither older than age nor from the future.
func fresh(issued uint64, now time.Time, age time.Duration) bool {
	if issued > 1<<42 { // what time.Duration cannot hold; wire.ParseDescriptor refuses it as well
		return false
	}
	old := now.Sub(time.Unix(int64(issued), 0))
	return old <= age && -old <= ahead
}

// short is how a List names a relay.
func short(id wire.NodeID) uint64 { return binary.BigEndian.Uint64(id[:]) }

// find is where a relay is in the bucket, or would be.
func (b *bucket) find(id uint64) (int, bool) {
	return slices.BinarySearchFunc(b.entries, id, func(e *entry, id uint64) int { return cmp.Compare(short(e.desc.ID), id) })
}

// add puts a relay in that is not there yet.
func (m *Machine) add(now time.Time, d *wire.Descriptor, from origin) *entry {
	e := &entry{desc: d, seen: m.recall(now, d.ID), settled: now, from: from}
	b := m.bucketOf(d.ID)
	i, _ := b.find(short(d.ID))
	b.entries = slices.Insert(b.entries, i, e)
	b.stale = true
	m.entries[d.ID] = e
	return e
}

// remove takes a relay out.
func (m *Machine) remove(e *entry) {
	b := m.bucketOf(e.desc.ID)
	if i, ok := b.find(short(e.desc.ID)); ok {
		b.entries = slices.Delete(b.entries, i, i+1)
	}
	b.stale = true
	delete(m.entries, e.desc.ID)
}

// room reports whether a relay that is not known can be taken in, and who must go for it; nil = nobody.
func (m *Machine) room(now time.Time, id wire.NodeID, from origin) (victim *entry, ok bool) {
	b := m.bucketOf(id)
	if _, taken := b.find(short(id)); taken {
		return nil, false
	}
	named := 0
	for _, e := range b.entries {
		if e.from == from {
			named++
		}
	}
	switch {
	case named >= maxNamed:
		return nil, false
	case len(b.entries) < maxBucket:
		return nil, true
	}
	victim = m.victim(now, b, named)
	return victim, victim != nil
}

// victim is the youngest relay of the origin that has named most of the bucket, if that is more than named and one besides. Whoever
// has been known for long stays, as do peers and this node itself: so a flood washes out nobody but itself.
func (m *Machine) victim(now time.Time, b *bucket, named int) (worst *entry) {
	counts := make(map[origin]int)
	for _, e := range b.entries {
		counts[e.from]++
	}
	for _, e := range b.entries {
		if now.Sub(e.seen) >= tenure || counts[e.from] <= named+1 || e.desc.ID == m.self || m.peers[e.desc.ID] != nil {
			continue
		}
		if worst == nil || cmp.Or(cmp.Compare(counts[e.from], counts[worst.from]), cmp.Compare(e.from, worst.from), e.seen.Compare(worst.seen)) > 0 {
			worst = e
		}
	}
	return worst
}

// sweep drops those of whom nothing new was heard for too long: at every full hour, since descriptors are dated by the hour, so that
// nodes whose clocks agree drop the same ones.
func (m *Machine) sweep(now time.Time) {
	hour := now.Unix() / int64(time.Hour/time.Second)
	if hour == m.swept {
		return
	}
	m.swept = hour
	for i := range m.buckets {
		b := &m.buckets[i]
		before := len(b.entries)
		b.entries = slices.DeleteFunc(b.entries, func(e *entry) bool {
			if e.desc.ID == m.self || fresh(e.desc.Issued, now, keepFor) {
				return false
			}
			delete(m.entries, e.desc.ID)
			m.remember(now, e)
			return true
		})
		if len(b.entries) != before {
			b.stale = true
			m.state.due = true
		}
	}
	m.view.due = m.view.due || len(m.entries) > 0 // proofs and descriptors have grown older
	m.forgetGone(now)
	m.probes.forgetTargets(now)
	for o, a := range m.accounts {
		if a.links == 0 && now.Sub(a.used) >= giveEvery { // by now they are full again
			delete(m.accounts, o)
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

func (b *bucket) items() []wire.Listed {
	items := make([]wire.Listed, len(b.entries))
	for i, e := range b.entries {
		items[i] = e.desc.Listed()
	}
	return items
}
