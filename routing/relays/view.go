package relays

import (
	"net/netip"
	"slices"
	"time"

	"nightjar/routing/wire"
)

const (
	// enough is how many independent peers must show a descriptor.
	enough = 3
	// leastRelays is how many relays a circuit takes: from when on there is a network to be young.
	leastRelays = 3
	// maxNear is how many relays of one /24 (v4) or /48 (v6) are used: those known longest.
	maxNear = 2

	// The view is announced at most once in announceEvery, or in announceLarge when it is large.
	announceEvery = 50 * time.Millisecond
	announceLarge = 10 * time.Second
	largeView     = 2000
)

// needed is how many independent peers must show a descriptor for it to be used: three, or all if there are fewer.
func (m *Machine) needed() int { return max(1, min(enough, len(m.peers))) }

// judge makes an entry's descriptor the one that is used, if enough show it.
func (m *Machine) judge(e *entry) {
	if e.independent() >= m.needed() {
		e.good, e.hasGood = e.desc, true
	}
}

// announce tells the shell that the view has changed, not too often.
func (m *Machine) announce(now time.Time) {
	if !m.updates.dirty || now.Before(m.updates.next) {
		return
	}
	m.updates.dirty = false
	pause := announceEvery
	if len(m.entries) > largeView {
		pause = announceLarge
	}
	m.updates.next = now.Add(pause)
	m.emit(Updated{})
}

// View is what paths are chosen from now.
func (m *Machine) View(now time.Time) View {
	v := View{Relays: make([]Relay, 0, len(m.entries))}
	for i := range m.buckets {
		for _, e := range m.buckets[i].entries {
			if e.desc.ID == m.self {
				continue
			}
			m.judge(e)
			if e.hasGood && e.good.Onion != [32]byte{} && fresh(e.good, now, useFor) {
				v.Relays = append(v.Relays, Relay{Desc: e.good, Seen: e.seen, Shown: e.independent(), Peer: m.peers[e.desc.ID] != nil})
			}
		}
	}
	v.Relays = thin(v.Relays)
	if m.since.IsZero() && len(v.Relays) >= leastRelays {
		m.since = now
	}
	v.Since = m.since
	return v
}

// thin leaves at most maxNear relays of each network, those known longest.
func thin(all []Relay) []Relay {
	byAge := make([]int, len(all))
	for i := range byAge {
		byAge[i] = i
	}
	slices.SortStableFunc(byAge, func(a, b int) int { return all[a].Seen.Compare(all[b].Seen) })
	held := make(map[netip.Prefix]int)
	keep := make([]bool, len(all))
	for _, i := range byAge {
		keep[i] = true
		for _, p := range blocks(all[i].Desc) {
			held[p]++
			keep[i] = keep[i] && held[p] <= maxNear
		}
	}
	out := all[:0]
	for i, r := range all {
		if keep[i] {
			out = append(out, r)
		}
	}
	return out
}

// blocks lists the /24 (v4) and /48 (v6) of a relay's public addresses.
func blocks(d wire.Descriptor) (out []netip.Prefix) {
	for _, a := range addresses(d) {
		bits := 24
		if a.Is6() {
			bits = 48
		}
		if p, err := a.Prefix(bits); err == nil && !slices.Contains(out, p) {
			out = append(out, p)
		}
	}
	return out
}

// Lookup finds the descriptor of a relay that is in use, or else the newest known.
func (m *Machine) Lookup(id wire.NodeID) (wire.Descriptor, bool) {
	e := m.entries[id]
	switch {
	case e == nil:
		return wire.Descriptor{}, false
	case e.hasGood:
		return e.good, true
	}
	return e.desc, true
}
