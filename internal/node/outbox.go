package node

import (
	"sync"
	"sync/atomic"

	"nightjar/crypto/onion"
	"nightjar/keys"
	"nightjar/routing/wire"
)

const (
	// maxOutBytes is how much may wait to be written to one peer before its requests are refused; four times as much ends the link.
	maxOutBytes = 8 << 20
	// maxAllOutBytes is how much may wait for all peers together before requests are refused.
	maxAllOutBytes = 64 << 20
	// maxOutCells is how many cells may wait: far more than the circuits put on a link before they hear that some are written.
	maxOutCells = 4096
	// maxOutSmall is how many small messages may wait before the link is given up: the peer does not read.
	maxOutSmall = 16384
	// maxOutCopies is how many copies for a neighbour's store may wait: more than an honest one asks for at once. Others are dropped.
	maxOutCopies = 16
	// patient is how many bytes of cells and blocks may go before a copy that waits.
	patient = 16 * keys.DataSize
)

// outbox holds messages for one peer's writer. Small messages overtake the others: an answer of a few bytes must not wait
// behind megabytes. Cells and blocks take turns by their bytes; cells stay in order among themselves, as do blocks. Copies, for which
// nobody waits, come when there is nothing else, or when much has gone before.
type outbox struct {
	mu     sync.Mutex
	small  []wire.Message
	cells  []wire.Message
	blocks []wire.Message
	copies []wire.Message
	bytes  int           // of blocks
	ahead  int           // by how many bytes cells have had more than blocks while both waited
	passed int           // bytes of cells and blocks that went while copies waited
	all    *atomic.Int64 // bytes of blocks in all outboxes of the node
	wake   chan struct{}
	closed bool
}

func newOutbox(all *atomic.Int64) *outbox { return &outbox{all: all, wake: make(chan struct{}, 1)} }

// put queues a message and wakes the writer; false means that the link should be given up.
func (q *outbox) put(m wire.Message) bool {
	ok := q.add(m)
	q.signal()
	return ok
}

// signal wakes the writer.
func (q *outbox) signal() {
	select {
	case q.wake <- struct{}{}:
	default:
	}
}

// add queues a message; whoever adds several wakes the writer once.
func (q *outbox) add(m wire.Message) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.closed {
		return true
	}
	switch m := m.(type) {
	case wire.Data, wire.Put, wire.Push:
		q.blocks = append(q.blocks, m)
		q.count(blockBytes(m))
	case wire.Cell:
		q.cells = append(q.cells, m)
	case wire.Copy:
		if len(q.copies) < maxOutCopies {
			q.copies = append(q.copies, m)
		}
	default:
		q.small = append(q.small, m)
	}
	return len(q.small) <= maxOutSmall && len(q.cells) <= maxOutCells && q.bytes <= 4*maxOutBytes
}

// full reports whether new requests of this peer must be refused, since their answers could not be queued.
func (q *outbox) full() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.bytes > maxOutBytes || q.bytes > 0 && q.all.Load() > maxAllOutBytes
}

// count keeps both sums of bytes. q.mu is held.
func (q *outbox) count(n int) {
	q.bytes += n
	q.all.Add(int64(n))
}

// next returns the message to write now; ok is false when none waits.
func (q *outbox) next() (m wire.Message, ok bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.small) > 0 {
		m, q.small = pop(q.small)
		return m, true
	}
	both := len(q.cells) > 0 && len(q.blocks) > 0
	if !both {
		q.ahead = 0
	}
	switch {
	case len(q.copies) > 0 && (len(q.cells)+len(q.blocks) == 0 || q.passed >= patient):
		m, q.copies = pop(q.copies)
		q.passed = 0
		return m, true
	case len(q.cells) > 0 && q.ahead <= 0:
		m, q.cells = pop(q.cells)
		if both {
			q.ahead += onion.BodySize
		}
	case len(q.blocks) > 0:
		m, q.blocks = pop(q.blocks)
		q.count(-blockBytes(m))
		if both {
			q.ahead -= blockBytes(m)
		}
	default:
		return nil, false
	}
	if len(q.copies) > 0 {
		q.passed += wire.Size(m)
	}
	return m, true
}

func (q *outbox) close() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.closed = true
	q.count(-q.bytes)
	q.small, q.cells, q.blocks, q.copies = nil, nil, nil, nil
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
	case wire.Copy:
		b = m.Block
	case wire.Push:
		b = m.Block
	}
	return len(b.Data())
}

// post queues a message for a peer, whose writer is woken when the loop has handled what it took from the inbox: one system
// call then carries what many events have caused.
func (l *loop) post(p *peer, m wire.Message) {
	if !p.out.add(m) {
		l.n.hangUp(p)
	}
	if !p.posted {
		p.posted = true
		l.posted = append(l.posted, p)
	}
}

// deliver wakes the writers of those for whom something was posted.
func (l *loop) deliver() {
	for i, p := range l.posted {
		p.posted, l.posted[i] = false, nil
		p.out.signal()
	}
	l.posted = l.posted[:0]
}
