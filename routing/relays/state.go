package relays

import (
	"bytes"
	"slices"
	"time"

	"nightjar/routing/wire"
)

// State is what must outlive the machine: since when relays are known, and when they were reached.
type State struct {
	Since   time.Time
	Entries []EntryState
	Gone    []GoneState `json:",omitempty"`
}

// EntryState is one relay: its descriptor as wire.Descriptor.Append writes it, when it was first seen, how many independent peers
// have shown the descriptor, for whom it counts (SPEC §4), and when and where this node has reached it, or how often it has not.
type EntryState struct {
	Desc    []byte
	Seen    time.Time
	Shown   int
	From    uint64
	Reached time.Time `json:",omitzero"`
	At      wire.Addr `json:",omitempty"`
	Fails   int       `json:",omitempty"`
	Next    time.Time `json:",omitzero"` // when it may be dialled again
}

// GoneState is a relay that has left: when it was first seen, and when it left.
type GoneState struct {
	ID         wire.NodeID
	Seen, Left time.Time
}

// State returns what is to be saved.
func (m *Machine) State() State {
	s := State{Since: m.since, Entries: make([]EntryState, 0, len(m.entries)), Gone: make([]GoneState, 0, len(m.gone))}
	for i := range m.buckets {
		for _, e := range m.buckets[i].entries {
			if e.desc.ID == m.self {
				continue
			}
			d, shown := e.desc, 0
			if e.used != nil {
				d, shown = e.used, e.backed
			}
			s.Entries = append(s.Entries, EntryState{
				Desc: d.Append(nil), Seen: e.seen, Shown: shown, From: uint64(e.from),
				Reached: e.proof.at, At: e.proof.addr, Fails: int(e.proof.fails), Next: e.proof.next,
			})
		}
	}
	for id, g := range m.gone {
		s.Gone = append(s.Gone, GoneState{id, g.seen, g.left})
	}
	slices.SortFunc(s.Gone, func(a, b GoneState) int { return bytes.Compare(a.ID[:], b.ID[:]) })
	return s
}

// Restore takes up a saved state, before the first Step. What does not verify or is too old is left out; no time is after now.
func (m *Machine) Restore(now time.Time, s State) {
	m.since = earlier(s.Since, now)
	for _, g := range s.Gone[:min(len(s.Gone), maxGone)] {
		if left := earlier(g.Left, now); now.Sub(left) <= goneFor && g.ID != m.self {
			m.gone[g.ID] = gone{earlier(g.Seen, left), left}
		}
	}
	for _, es := range s.Entries {
		d, rest, err := wire.ParseDescriptor(es.Desc)
		if err != nil || len(rest) > 0 || d.ID == m.self || m.entries[d.ID] != nil {
			continue
		}
		if !fresh(d.Issued, now, keepFor) {
			m.remember(now, &entry{desc: &d, seen: earlier(es.Seen, now), proof: proof{addr: es.At}})
			continue
		}
		if victim, ok := m.room(now, d.ID, origin(es.From)); !ok || victim != nil {
			continue
		}
		e := m.add(now, &d, origin(es.From))
		e.seen = earlier(es.Seen, now)
		e.proof = es.proof(now)
		if es.Shown > 0 {
			m.use(e, min(es.Shown, maxShown))
		}
	}
	m.view.due = len(m.entries) > 0
}

// proof is what a saved state says of reaching the relay, as far as it still counts.
func (es *EntryState) proof(now time.Time) proof {
	p := proof{fails: uint8(min(max(es.Fails, 0), 16)), next: earlier(es.Next, now.Add(lastPause))}
	if at := earlier(es.Reached, now); es.At != "" && now.Sub(at) <= keepProof {
		p.at, p.addr = at, es.At
	}
	return p
}

func earlier(a, b time.Time) time.Time {
	if a.After(b) {
		return b
	}
	return a
}
