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

// EntryState is one relay: its descriptor as wire.Descriptor.Append writes it, when it was first seen, and whether enough
// peers have shown it.
type EntryState struct {
	Desc []byte
	Seen time.Time
	Good bool
}

// State returns what is to be saved.
func (m *Machine) State() State {
	s := State{Since: m.since, Entries: make([]EntryState, 0, len(m.entries))}
	for i := range m.buckets {
		for _, e := range m.buckets[i].entries {
			if e.desc.ID == m.self {
				continue
			}
			d := e.desc
			if e.hasGood {
				d = e.good
			}
			s.Entries = append(s.Entries, EntryState{d.Append(nil), e.seen, e.hasGood})
		}
	}
	return s
}

// Restore takes up a saved state, before the first Step. What does not verify or is too old is left out; no time is after now.
func (m *Machine) Restore(now time.Time, s State) {
	m.since = earlier(s.Since, now)
	for _, es := range s.Entries {
		d, rest, err := wire.ParseDescriptor(es.Desc)
		if err != nil || len(rest) > 0 || d.ID == m.self || m.entries[d.ID] != nil || !fresh(d, now, keepFor) || !m.room(d) {
			continue
		}
		e := m.add(now, d)
		e.seen = earlier(es.Seen, now)
		if es.Good {
			e.good, e.hasGood = d, true
		}
	}
	m.updates.dirty = len(m.entries) > 0
}

func earlier(a, b time.Time) time.Time {
	if a.After(b) {
		return b
	}
	return a
}
