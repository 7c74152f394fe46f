package node

import "sync"

const (
	// maxInbox is how many events may wait before link readers are held back, maxInboxBytes how many bytes of blocks, cells and gossip.
	maxInbox      = 4096
	maxInboxBytes = 16 << 20
)

// inbox carries events to the loop. push never blocks, so workers cannot deadlock with the loop; offer blocks while the
// inbox is full, so that peers are slowed down by their own traffic.
type inbox struct {
	mu     sync.Mutex
	room   sync.Cond
	items  []any
	bytes  int
	wake   chan struct{}
	closed bool
}

func newInbox() *inbox {
	q := &inbox{wake: make(chan struct{}, 1)}
	q.room.L = &q.mu
	return q
}

// push adds an event at once. After close it does nothing.
func (q *inbox) push(ev any) {
	q.mu.Lock()
	if !q.closed {
		q.items = append(q.items, ev)
	}
	q.mu.Unlock()
	q.signal()
}

// offer adds an event that holds so many bytes when there is room; false means that the inbox is closed.
func (q *inbox) offer(ev any, bytes int) bool {
	q.mu.Lock()
	for (len(q.items) >= maxInbox || q.bytes >= maxInboxBytes) && !q.closed {
		q.room.Wait()
	}
	ok := !q.closed
	if ok {
		q.items = append(q.items, ev)
		q.bytes += bytes
	}
	q.mu.Unlock()
	q.signal()
	return ok
}

// take moves all waiting events into buf, which it returns.
func (q *inbox) take(buf []any) []any {
	q.mu.Lock()
	clear(buf)
	items := q.items
	q.items, q.bytes = buf[:0], 0
	q.mu.Unlock()
	q.room.Broadcast()
	return items
}

// close releases all who wait and drops what comes later. It returns the events that nobody will handle.
func (q *inbox) close() []any {
	q.mu.Lock()
	items := q.items
	q.items, q.closed = nil, true
	q.mu.Unlock()
	q.room.Broadcast()
	return items
}

func (q *inbox) signal() {
	select {
	case q.wake <- struct{}{}:
	default:
	}
}
