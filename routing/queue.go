package routing

import "nightjar/keys"

// Costs of a request on a link, in units of a record's transfer: what deficit round robin shares out.
const (
	recordCost = 1
	blockCost  = 8
	quantum    = blockCost // at least the largest cost, so that every visit serves somebody
)

// flow is what one predecessor has waiting in one queue, oldest first.
type flow struct {
	from        *link // nil = the local user
	first, last *attempt
	n           int
	deficit     int
}

// queue holds the attempts that wait for room on a link: one flow per predecessor, served by deficit round robin, so
// that nobody's flood delays another's request by more than one block.
//
//	n = sum of flows' n;  remote = n without the local user's flow;  remote <= maxQueue
type queue struct {
	flows  []*flow
	turn   int
	n      int
	remote int
}

// push queues a. When the queue is full, the tail of the longest flow makes room: it is returned, and is a itself if a's flow is the longest.
func (q *queue) push(a *attempt, from *link) (evicted *attempt) {
	f := q.flow(from)
	if from != nil && q.remote >= maxQueue {
		longest := q.longest()
		if f != nil && f.n >= longest.n {
			return a
		}
		evicted = longest.last
		q.remove(evicted)
	}
	if f == nil {
		f = &flow{from: from, deficit: quantum}
		q.flows = append(q.flows, f)
	}
	a.flow, a.before, a.after = f, f.last, nil
	if f.last == nil {
		f.first = a
	} else {
		f.last.after = a
	}
	f.last = a
	q.count(f, 1)
	return evicted
}

// pop takes out the attempt whose turn it is, or nil.
func (q *queue) pop() *attempt {
	if q.n == 0 {
		return nil
	}
	for {
		f := q.flows[q.turn]
		cost := blockCost
		if f.first.r.key.id.Kind == keys.KindRecord {
			cost = recordCost
		}
		if f.deficit >= cost {
			f.deficit -= cost
			a := f.first
			q.remove(a)
			return a
		}
		f.deficit += quantum
		q.turn = (q.turn + 1) % len(q.flows)
	}
}

// remove takes a out, wherever it stands.
func (q *queue) remove(a *attempt) {
	f := a.flow
	if a.before == nil {
		f.first = a.after
	} else {
		a.before.after = a.after
	}
	if a.after == nil {
		f.last = a.before
	} else {
		a.after.before = a.before
	}
	a.flow, a.before, a.after = nil, nil, nil
	q.count(f, -1)
	if f.n == 0 {
		q.drop(f)
	}
}

func (q *queue) count(f *flow, n int) {
	f.n += n
	q.n += n
	if f.from != nil {
		q.remote += n
	}
}

func (q *queue) flow(from *link) *flow {
	for _, f := range q.flows {
		if f.from == from {
			return f
		}
	}
	return nil
}

func (q *queue) longest() *flow {
	var longest *flow
	for _, f := range q.flows {
		if f.from != nil && (longest == nil || f.n > longest.n) {
			longest = f
		}
	}
	return longest
}

func (q *queue) drop(f *flow) {
	for i := range q.flows {
		if q.flows[i] != f {
			continue
		}
		q.flows = append(q.flows[:i], q.flows[i+1:]...)
		if i < q.turn {
			q.turn--
		}
		if q.turn >= len(q.flows) {
			q.turn = 0
		}
		return
	}
}

// list is all that waits, in no order that means anything but always the same.
func (q *queue) list() (all []*attempt) {
	for _, f := range q.flows {
		for a := f.first; a != nil; a = a.after {
			all = append(all, a)
		}
	}
	return all
}
