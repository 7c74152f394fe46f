package relays

import (
	"time"

	"nightjar/routing/wire"
)

const (
	// goneFor is how long it is remembered since when a relay was known that has left, maxGone of how many.
	goneFor = 30 * 24 * time.Hour
	maxGone = 8192
)

// gone is what is remembered of a relay that has left: it keeps its age when it comes back.
type gone struct {
	seen time.Time // first
	left time.Time
}

// remember keeps the age of a relay that is being dropped, if this node has ever reached it: names that nobody stands behind cost
// nothing, and must not be able to grow old here.
func (m *Machine) remember(now time.Time, e *entry) {
	if e.proof.addr == "" {
		return
	}
	if len(m.gone) >= maxGone {
		m.forgetOneGone()
	}
	m.gone[e.desc.ID] = gone{seen: e.seen, left: now}
}

// recall is when a relay that is being taken in was first seen.
func (m *Machine) recall(now time.Time, id wire.NodeID) time.Time {
	g, ok := m.gone[id]
	if !ok {
		return now
	}
	delete(m.gone, id)
	return earlier(g.seen, now)
}

// forgetGone drops those who have been away for too long.
func (m *Machine) forgetGone(now time.Time) {
	for id, g := range m.gone {
		if now.Sub(g.left) > goneFor {
			delete(m.gone, id)
		}
	}
}

// forgetOneGone drops the one who has been away for the longest.
func (m *Machine) forgetOneGone() {
	var who wire.NodeID
	var longest gone
	for id, g := range m.gone {
		if longest.left.IsZero() || g.left.Before(longest.left) || g.left.Equal(longest.left) && string(id[:]) < string(who[:]) {
			who, longest = id, g
		}
	}
	delete(m.gone, who)
}
