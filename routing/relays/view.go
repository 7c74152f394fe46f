package relays

import (
	"cmp"
	"slices"
	"time"

	"nightjar/routing/wire"
)

const (
	// enough is how many independent peers must show a descriptor for it to come into use, and least how many for it to stay.
	enough = 3
	least  = 2
	// leastRelays is how many relays a circuit takes: from when on there is a network to be young.
	leastRelays = 3
	// maxNear is how many relays of one /24 (v4) or /48 (v6) are used: those known longest.
	maxNear = 2
	// mostLapsed: one in so many relays may be out of use because this node does not reach it any more.
	mostLapsed = 3

	// The view is announced at most once in viewPause and viewRelay for each of its relays, the state likewise.
	viewPause  = 50 * time.Millisecond
	viewRelay  = 100 * time.Microsecond
	statePause = time.Second
	stateRelay = 100 * time.Millisecond
)

// judge makes an entry's descriptor the one that is used, if enough show it. It reports whether that may change the view.
func (m *Machine) judge(e *entry) bool {
	n := len(e.shown)
	switch {
	case e.used == e.desc && n > e.backed:
		before := e.backed
		e.backed = n
		return before < m.need.keep && n >= m.need.keep
	case e.used != e.desc && n >= m.need.use:
		m.use(e, n)
		return true
	}
	return false
}

// use brings an entry's descriptor into use, which so many have shown.
func (m *Machine) use(e *entry, backed int) {
	e.used, e.backed, e.near, e.doors = e.desc, backed, blocks(*e.desc), m.probes.dials(*e.desc)
	m.probes.news, m.probes.stale = true, true
	if e.proof.addr != "" && !e.here() { // what was shown of another place says nothing of this one
		e.proof.fails, e.proof.next = 0, time.Time{}
	}
}

// announce tells the shell that the view or the state has changed, not too often.
func (m *Machine) announce(now time.Time) {
	if m.view.rings(now, viewPause+viewRelay*time.Duration(len(m.entries))) {
		m.emit(Updated{})
	}
	if m.state.rings(now, statePause+stateRelay*time.Duration(len(m.entries))) {
		m.emit(Changed{})
	}
}

func (n *notice) rings(now time.Time, pause time.Duration) bool {
	if !n.due || now.Before(n.next) {
		return false
	}
	n.due, n.next = false, now.Add(pause)
	return true
}

// View is what paths are chosen from now.
func (m *Machine) View(now time.Time) View {
	v := View{Relays: make([]Relay, 0, len(m.probes.out)+16)}
	var near [][]block
	var late []lateness
	for i := range m.buckets {
		for _, e := range m.buckets[i].entries {
			m.judge(e)
			switch {
			case !m.usable(e, now):
				continue
			case e.proof.addr == "":
				v.Unreached++
				continue
			case e.here() && !e.proven(now):
				late = append(late, lateness{len(v.Relays), e})
			}
			r := Relay{Desc: *e.used, Seen: e.seen, Shown: e.backed, Peer: m.peers[e.desc.ID] != nil, Lapsed: !e.here()}
			v.Relays, near = append(v.Relays, r), append(near, e.near)
		}
	}
	lapse(v.Relays, late)
	v.Relays = thin(v.Relays, near)
	reached := 0
	for _, r := range v.Relays {
		if r.Lapsed {
			v.Unreached++
		} else {
			reached++
		}
	}
	if m.since.IsZero() && reached >= leastRelays {
		m.since = now
		m.state.due = true
	}
	v.Since = m.since
	return v
}

// lateness is a relay, and its place in the view, that was reached once but not lately.
type lateness struct {
	place int
	*entry
}

// lapse takes those out of use that this node does not reach any more, but never more than a third of all, those first that have
// failed most often and were reached the longest ago: whoever can cut this node's line must not choose its relays by that.
func lapse(all []Relay, late []lateness) {
	here := 0
	for _, r := range all {
		if !r.Lapsed {
			here++
		}
	}
	slices.SortStableFunc(late, func(a, b lateness) int {
		return cmp.Or(cmp.Compare(b.proof.fails, a.proof.fails), a.proof.at.Compare(b.proof.at))
	})
	for _, l := range late[:min(len(late), here/mostLapsed)] {
		all[l.place].Lapsed = true
	}
}

func (m *Machine) usable(e *entry, now time.Time) bool {
	return e.used != nil && e.backed >= m.need.keep && e.desc.ID != m.self && e.used.Onion != [32]byte{} && fresh(e.used.Issued, now, useFor)
}

// thin leaves at most maxNear relays of each block that have not lapsed, those known longest. near are the blocks of each. Whoever
// invents relays so takes nobody's place.
func thin(all []Relay, near [][]block) []Relay {
	first := make(map[block][maxNear]int32, len(all)) // the places in all, plus one, of those of a block that stay, oldest first
	for i := range all {
		if all[i].Lapsed {
			continue
		}
		for _, p := range near[i] {
			f := first[p]
			for k := range f {
				if f[k] == 0 || all[i].Seen.Before(all[f[k]-1].Seen) {
					copy(f[k+1:], f[k:])
					f[k] = int32(i + 1)
					first[p] = f
					break
				}
			}
		}
	}
	out := all[:0]
	for i, r := range all {
		stays := true
		for _, p := range near[i] {
			f := first[p]
			stays = stays && (r.Lapsed || slices.Contains(f[:], int32(i+1)))
		}
		if stays {
			out = append(out, r)
		}
	}
	return out
}

// block is a /24 (v4) or /48 (v6): its first bytes, and 1 in front of those of v4.
type block uint64

// blocks lists those of a relay's public addresses.
func blocks(d wire.Descriptor) (out []block) {
	for _, a := range addresses(d) {
		if !public(a) {
			continue
		}
		b := block(1)
		raw := a.AsSlice()
		if a.Is4() {
			raw = raw[:3]
		} else {
			b, raw = 0, raw[:6]
		}
		for _, c := range raw {
			b = b<<8 | block(c)
		}
		if !slices.Contains(out, b) {
			out = append(out, b)
		}
	}
	return out
}
