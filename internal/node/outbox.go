package node

import (
	"sync"

	"nightjar/keys"
	"nightjar/routing/wire"
)

const (
	// maxOutBytes is how much may wait to be written to one peer before its requests are refused.
	maxOutBytes = 24 << 20
	// maxOutSmall is how many small messages may wait before the link is given up: the peer does not read.
	maxOutSmall = 16384
)

// outbox holds messages for one peer's writer. Small messages overtake blocks: an answer of a few bytes must not wait
// behind megabytes.
type outbox struct {
	mu     sync.Mutex
	small  []wire.Message
	blocks []wire.Message
	bytes  int
	wake   chan struct{}
	closed bool
}

func newOutbox() *outbox { return &outbox{wake: make(chan struct{}, 1)} }

// put queues a message; false means that the link should be given up.
func (q *outbox) put(m wire.Message) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.closed {
		return true
	}
	switch m := m.(type) {
	case wire.Data, wire.Put:
		q.blocks = append(q.blocks, m)
		q.bytes += blockBytes(m)
	default:
		q.small = append(q.small, m)
	}
	select {
	case q.wake <- struct{}{}:
	default:
	}
	return len(q.small) <= maxOutSmall && q.bytes <= 4*maxOutBytes
}

// full reports whether new requests of this peer must be refused, since their answers could not be queued.
func (q *outbox) full() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.bytes > maxOutBytes
}

// next returns the message to write now; ok is false when none waits.
func (q *outbox) next() (m wire.Message, ok bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.small) > 0 {
		m, q.small = pop(q.small)
		return m, true
	}
	if len(q.blocks) > 0 {
		m, q.blocks = pop(q.blocks)
		q.bytes -= blockBytes(m)
		return m, true
	}
	return nil, false
}

func (q *outbox) close() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.closed = true
	q.small, q.blocks, q.bytes = nil, nil, 0
}

// pop takes the first message and lets go of the backing array when it is used up.
func pop(s []wire.Message) (wire.Message, []wire.Message) {
	m := s[0]
	s[0] = nil
	if s = s[1:]; len(s) == 0 {
		s = nil
	}
	return m, s
}

// blockBytes is what a message with a block costs in memory.
func blockBytes(m wire.Message) int {
	var b keys.Block
	switch m := m.(type) {
	case wire.Data:
		b = m.Block
	case wire.Put:
		b = m.Block
	}
	return len(b.Data())
}
