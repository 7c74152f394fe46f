package relays

import (
	"time"

	"nightjar/routing/wire"
)

// State is what must outlive the machine: since when relays are known.
type State struct {
	Since   time.Time
	Entries []EntryState
}

// EntryState is one relay: its descriptor as wire.Descriptor.Append writes it, when it was first seen, how many independent peers
// have shown the descriptor, and for whom it counts (SPEC §4).
type EntryState struct {
	Desc  []byte
	Seen  time.Time
	Shown int
	From  uint64
}

// State returns what is to be saved.
func (m *Machine) State() State {
	s := State{Since: m.since, Entries: make([]EntryState, 0, len(m.entries))}
	for i := range m.buckets {
		for _, e := range m.buckets[i].entries {
			if e.desc.ID == m.self {
				continue
			}
			d, shown := e.desc, 0
			if e.used != nil {
				d, shown = e.used, e.backed
			}
			s.Entries = append(s.Entries, EntryState{d.Append(nil), e.seen, shown, uint64(e.from)})
		}
	}
	return s
}

// Restore takes up a saved state, before the first Step. What does not verify or is too old is left out; no time is after now.
func (m *Machine) Restore(now time.Time, s State) {
	m.since = earlier(s.Since, now)
	for _, es := range s.Entries {
		d, rest, err := wire.ParseDescriptor(es.Desc)
		if err != nil || len(rest) > 0 || d.ID == m.self || m.entries[d.ID] != nil || !fresh(d.Issued, now, keepFor) {
			continue
		}
		if victim, ok := m.room(now, d.ID, origin(es.From)); !ok || victim != nil {
			continue
		}
		e := m.add(now, &d, origin(es.From))
		e.seen = earlier(es.Seen, now)
		if es.Shown > 0 {
			e.used, e.backed, e.near = e.desc, min(es.Shown, maxShown), blocks(d)
		}
	}
	m.view.due = len(m.entries) > 0
}

func earlier(a, b time.Time) time.Time {
	if a.After(b) {
		return b
	}
	return a
}
