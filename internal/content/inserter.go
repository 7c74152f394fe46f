package content

import (
	"context"
	"errors"
	"sync"

	"nightjar/crypto"
	"nightjar/keys"
)

const (
	// spareBuffers is how many blocks of one insert may be in memory beside one full segment with its check blocks: 72 MiB
	// in all with the standard redundancy, 136 MiB with the highest. The next segment's blocks take the places that become
	// free as blocks reach the network.
	spareBuffers = 2 * minTail
	// settled is to how many blocks in memory an insert comes down before a large segment of a table of names is coded: more
	// than a stream may hold that is not in a segment yet while its table is written.
	settled = (maxData+minTail)/2 + 64
	// defaultInserts is how many blocks are on their way unless the caller says otherwise. An insert waits for three disks: the
	// more blocks wait together, the more share each sync. 256 instead of 64 halved the CPU time of all nodes per block.
	defaultInserts = 256
	// maxAttempts is how often a block is given to the Sink, which has its own retries, before the insert fails.
	maxAttempts = 3
)

// sealing is a coded segment on its way to the network. Fields below the line are guarded by the inserter's mutex.
type sealing struct {
	no     uint64
	key    crypto.Key
	names  []byte // of all n blocks; each written by the worker that seals the block
	counts bool   // its buffers count against the limit
	// ----
	plain    [][]byte // blocks not yet taken
	order    []int    // of the blocks not yet taken
	unsealed int      // blocks whose name is not known yet
}

// attempt is one block to be inserted.
type attempt struct {
	s     *sealing
	i     int
	plain []byte     // to be sealed, or
	block keys.Block // sealed
	tries int
}

// inserter hands blocks to a Sink with a bounded number of workers. One producer adds segments and waits. close ends
// and waits for all workers.
type inserter struct {
	dst      Sink
	ctx      context.Context // of the insert: io.Writer has no place for it
	cancel   context.CancelFunc
	stop     func() bool // of the wake-up when ctx ends
	parallel int
	limit    int // of buffers
	meter    *meter

	wg      sync.WaitGroup
	mu      sync.Mutex
	changed sync.Cond
	queue   []*sealing
	again   []attempt // blocks that the Sink refused once
	workers int
	buffers int // in memory, of those that count
	err     error
}

func newInserter(ctx context.Context, dst Sink, o PutOptions, m *meter) *inserter {
	p := &inserter{dst: dst, parallel: o.Parallel, limit: o.Redundancy.total(maxData) + spareBuffers, meter: m}
	if p.parallel <= 0 {
		p.parallel = defaultInserts
	}
	p.changed.L = &p.mu
	p.ctx, p.cancel = context.WithCancel(ctx)
	p.stop = context.AfterFunc(p.ctx, func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.changed.Broadcast()
	})
	return p
}

// close cancels all inserts and waits for their workers.
func (p *inserter) close() {
	p.cancel()
	p.stop()
	p.wg.Wait()
}

// wait returns when ready holds, or why it never will.
func (p *inserter) wait(ready func() bool) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	for !ready() && p.err == nil && p.ctx.Err() == nil {
		p.changed.Wait()
	}
	if p.err != nil {
		return p.err
	}
	return p.ctx.Err()
}

// acquire waits until n more buffers may be in memory.
func (p *inserter) acquire(n int) error {
	return p.wait(func() bool {
		if p.buffers+n > p.limit {
			return false
		}
		p.buffers += n
		return true
	})
}

// settle waits until few buffers are in memory, and takes n without waiting.
func (p *inserter) settle(n int) error {
	return p.wait(func() bool {
		if p.buffers > settled {
			return false
		}
		p.buffers += n
		return true
	})
}

// free gives back what acquire gave.
func (p *inserter) free(n int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.buffers -= n
	p.changed.Broadcast()
}

// drain waits until everything is inserted.
func (p *inserter) drain() error {
	return p.wait(func() bool { return p.workers == 0 && len(p.queue) == 0 && len(p.again) == 0 })
}

// sealed waits until the names of all blocks of s are known.
func (p *inserter) sealed(s *sealing) error {
	return p.wait(func() bool { return s.unsealed == 0 })
}

// isSealed is sealed without waiting.
func (p *inserter) isSealed(s *sealing) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return s.unsealed == 0
}

// add queues a segment, whose blocks now belong to the inserter.
func (p *inserter) add(s *sealing) {
	p.meter.add(Progress{Need: uint64(len(s.plain))})
	p.mu.Lock()
	defer p.mu.Unlock()
	p.queue = append(p.queue, s)
	p.pump()
}

// pump starts workers for what is queued. p.mu is held.
func (p *inserter) pump() {
	for p.workers < p.parallel {
		a, ok := p.take()
		if !ok {
			return
		}
		p.workers++
		p.wg.Add(1)
		// Ends when nothing is queued, or soon after close cancels p.ctx.
		go p.work(a)
	}
}

// take gives the next block to insert. p.mu is held.
func (p *inserter) take() (attempt, bool) {
	if p.err != nil || p.ctx.Err() != nil {
		return attempt{}, false
	}
	if len(p.queue) > 0 {
		s := p.queue[0]
		i := s.order[len(s.order)-1]
		s.order = s.order[:len(s.order)-1]
		a := attempt{s: s, i: i, plain: s.plain[i]}
		s.plain[i] = nil
		if len(s.order) == 0 {
			p.queue = p.queue[1:]
		}
		return a, true
	}
	if n := len(p.again); n > 0 {
		a := p.again[0]
		p.again = p.again[1:]
		return a, true
	}
	return attempt{}, false
}

func (p *inserter) work(a attempt) {
	defer p.wg.Done()
	for ok := true; ok; {
		if a.plain != nil {
			p.seal(&a)
		}
		err := p.dst.Insert(p.ctx, a.block, false)
		p.mu.Lock()
		p.done(a, err)
		a, ok = p.take()
		if !ok {
			p.workers--
		}
		p.pump()
		p.changed.Broadcast()
		p.mu.Unlock()
		if err == nil {
			p.meter.add(Progress{Done: 1})
		}
	}
}

// seal encrypts a block in place and notes its name.
func (p *inserter) seal(a *attempt) {
	key := crypto.BlockKey(&a.s.key, uint32(a.s.no), uint32(a.i))
	a.block = keys.SealData(a.plain, &key)
	key.Wipe()
	a.plain = nil
	name := a.block.ID().Name
	copy(a.s.names[a.i*nameSize:], name[:])
	p.mu.Lock()
	defer p.mu.Unlock()
	if a.s.unsealed--; a.s.unsealed == 0 {
		p.changed.Broadcast()
	}
}

// done notes how an attempt ended. p.mu is held.
func (p *inserter) done(a attempt, err error) {
	if err == nil {
		if a.s.counts {
			p.buffers--
		}
		return
	}
	a.tries++
	if a.tries < maxAttempts && p.ctx.Err() == nil && !errors.Is(err, context.Canceled) {
		p.again = append(p.again, a)
		return
	}
	if p.err == nil && p.ctx.Err() == nil {
		p.err = err
		p.cancel()
	}
}

// insertTop inserts a root block or a record.
func (p *inserter) insertTop(b keys.Block) error {
	p.meter.add(Progress{Need: 1})
	var err error
	for range maxAttempts {
		if err = p.dst.Insert(p.ctx, b, true); err == nil {
			p.meter.add(Progress{Done: 1})
			return nil
		}
		if p.ctx.Err() != nil {
			return p.ctx.Err()
		}
	}
	return err
}
