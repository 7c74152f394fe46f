package circuit

import "time"

// ringer is what an alarm wakes.
type ringer interface{ ring(m *Machine, a *alarm) }

// alarm is a place among the timers. The zero value is not set.
type alarm struct {
	wake  time.Duration
	slot  int // index in alarms plus one; 0 = not there
	owner ringer
}

// alarms is a binary heap of alarms by the time at which each rings.
type alarms []*alarm

// set makes a ring at t, whatever was set before.
func (h *alarms) set(a *alarm, t time.Duration) {
	if a.slot == 0 {
		*h = append(*h, a)
		a.slot = len(*h)
	}
	a.wake = t
	h.down(a.slot - 1)
	h.up(a.slot - 1)
}

// soonest makes a ring at t unless it rings earlier anyway.
func (h *alarms) soonest(a *alarm, t time.Duration) {
	if a.slot == 0 || t < a.wake {
		h.set(a, t)
	}
}

// stop takes a out.
func (h *alarms) stop(a *alarm) {
	if a.slot == 0 {
		return
	}
	i, last := a.slot-1, len(*h)-1
	(*h)[i] = (*h)[last]
	(*h)[i].slot = i + 1
	(*h)[last] = nil
	*h = (*h)[:last]
	a.slot = 0
	if i < last {
		h.down(i)
		h.up(i)
	}
}

// due takes out and returns an alarm whose time has come, or nil.
func (h *alarms) due(now time.Duration) *alarm {
	if len(*h) == 0 || (*h)[0].wake > now {
		return nil
	}
	a := (*h)[0]
	h.stop(a)
	return a
}

func (h alarms) up(i int) {
	for i > 0 {
		parent := (i - 1) / 2
		if h[parent].wake <= h[i].wake {
			return
		}
		h.swap(i, parent)
		i = parent
	}
}

func (h alarms) down(i int) {
	for {
		child := 2*i + 1
		if child >= len(h) {
			return
		}
		if child+1 < len(h) && h[child+1].wake < h[child].wake {
			child++
		}
		if h[i].wake <= h[child].wake {
			return
		}
		h.swap(i, child)
		i = child
	}
}

func (h alarms) swap(i, j int) {
	h[i], h[j] = h[j], h[i]
	h[i].slot, h[j].slot = i+1, j+1
}
