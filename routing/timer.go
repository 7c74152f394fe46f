package routing

import "time"

// timers is a binary heap of requests by the time at which each wants attention. An entry may stand earlier than its
// request now wants: postponing costs nothing, and whoever pops it looks again.
type timers []*request

// set makes r wake at the latest at t.
func (h *timers) set(r *request, t time.Duration) {
	switch {
	case r.slot == 0:
		*h = append(*h, r)
		r.slot, r.wake = len(*h), t
	case t < r.wake:
		r.wake = t
	default:
		return
	}
	h.up(r.slot - 1)
}

// remove takes r out.
func (h *timers) remove(r *request) {
	if r.slot == 0 {
		return
	}
	i, last := r.slot-1, len(*h)-1
	(*h)[i] = (*h)[last]
	(*h)[i].slot = i + 1
	(*h)[last] = nil
	*h = (*h)[:last]
	r.slot = 0
	if i < last {
		h.down(i)
		h.up(i)
	}
}

// due takes out and returns a request whose time has come, or nil.
func (h *timers) due(now time.Duration) *request {
	if len(*h) == 0 || (*h)[0].wake > now {
		return nil
	}
	r := (*h)[0]
	h.remove(r)
	return r
}

func (h timers) up(i int) {
	for i > 0 {
		parent := (i - 1) / 2
		if h[parent].wake <= h[i].wake {
			return
		}
		h.swap(i, parent)
		i = parent
	}
}

func (h timers) down(i int) {
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

func (h timers) swap(i, j int) {
	h[i], h[j] = h[j], h[i]
	h[i].slot, h[j].slot = i+1, j+1
}
