package guard

import (
	"slices"
	"time"

	"nightjar/routing/wire"
)

const (
	firstPause   = 2 * time.Second
	longestPause = 10 * time.Minute
	// retryAll is when relays are tried again though their pause lasts, if there is no other way: it may have been this node that
	// was cut off.
	retryAll = 30 * time.Second
	// forgetAfter is how long after a pause it is remembered how long it was.
	forgetAfter = time.Hour
	// maxOutages is how many who could not reach a relay are remembered for each.
	maxOutages = 16
	// believed is how many must have failed to reach a relay before the others pass it over as well.
	believed = 2
)

// outage says that a relay could not be reached by another lately, or so that one says: who fails to extend a circuit may lie.
type outage struct {
	from  wire.NodeID
	fails int
	at    time.Time // the last time
	until time.Time
}

// outage finds what is known of from not reaching to.
func (s *Selector) outage(from, to wire.NodeID) *outage {
	all := s.down[to]
	i := slices.IndexFunc(all, func(o outage) bool { return o.from == from })
	if i < 0 {
		return nil
	}
	return &all[i]
}

// blocked reports whether from is known not to reach to now.
func (s *Selector) blocked(now time.Time, from, to wire.NodeID) bool {
	o := s.outage(from, to)
	return o != nil && now.Before(o.until)
}

// rested reports whether from has not failed to reach to for a while.
func (s *Selector) rested(now time.Time, from, to wire.NodeID) bool {
	o := s.outage(from, to)
	return o == nil || now.Sub(o.at) >= retryAll
}

// allPassedOver lists the relays that so many could not reach that they are likely to be down, and how many say so.
func (s *Selector) allPassedOver(now time.Time) map[*known]int {
	over := make(map[*known]int)
	for id, all := range s.down {
		n := 0
		for _, o := range all {
			if now.Before(o.until) {
				n++
			}
		}
		if k := s.known[id]; k != nil && n >= believed {
			over[k] = n
		}
	}
	return over
}

// failed notes that from could not reach to.
func (s *Selector) failed(now time.Time, from, to wire.NodeID) {
	if s.known[to] == nil {
		return
	}
	o := s.outage(from, to)
	if o == nil {
		all := s.down[to]
		if len(all) >= maxOutages {
			all = slices.Delete(all, 0, 1)
		}
		s.down[to] = append(all, outage{from: from})
		o = s.outage(from, to)
	}
	o.at = now
	if now.Before(o.until) {
		return // one outage, many circuits
	}
	o.fails = min(o.fails+1, 16)
	pause := min(firstPause<<(o.fails-1), longestPause)
	o.until = now.Add(pause/2 + time.Duration(s.rng.Int64N(int64(pause/2)+1)))
}

// worked notes that from has reached to.
func (s *Selector) worked(from, to wire.NodeID) {
	s.down[to] = slices.DeleteFunc(s.down[to], func(o outage) bool { return o.from == from })
	if len(s.down[to]) == 0 {
		delete(s.down, to)
	}
}

// forgetOutages drops what is old, and those of relays that are gone.
func (s *Selector) forgetOutages(now time.Time) {
	for id, all := range s.down {
		all = slices.DeleteFunc(all, func(o outage) bool { return now.Sub(o.until) > forgetAfter })
		if s.down[id] = all; len(all) == 0 || s.known[id] == nil {
			delete(s.down, id)
		}
	}
}

// Lost says that the link to a guard has ended or cannot be made.
func (s *Selector) Lost(now time.Time, id wire.NodeID) { s.failed(now, s.self, id) }
