package content

import (
	"cmp"
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"

	"nightjar/keys"
)

// defaultParallel is how many blocks are in flight unless the caller says otherwise: 2 MiB, a second's worth at the
// speed of one circuit.
const defaultParallel = 64

// pool keeps block buffers of one operation for reuse, so that a long stream is read in the memory of two segments. It takes
// them from a Memory, or makes them if there is none.
type pool struct {
	memory *Memory
	mu     sync.Mutex
	free   [][]byte
}

func (p *pool) get() []byte {
	p.mu.Lock()
	defer p.mu.Unlock()
	if n := len(p.free); n > 0 {
		b := p.free[n-1]
		p.free = p.free[:n-1]
		return b
	}
	if p.memory != nil {
		return p.memory.block()
	}
	return make([]byte, keys.DataSize)
}

// giveBack ends the operation.
func (p *pool) giveBack() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, b := range p.free {
		if p.memory != nil {
			p.memory.keepBlock(b)
		}
	}
	p.free = nil
}

func (p *pool) put(b []byte) {
	if b == nil {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.free = append(p.free, b)
}

// fetcher makes the requests of one stream: a bounded number of workers take blocks from the active segments, the
// first segment first. One consumer waits for data. close ends and waits for all workers.
type fetcher struct {
	src      Source
	keeper   Keeper          // nil unless the blocks are needed by every fetch
	ctx      context.Context // io.Reader has no place for it; ends with close
	cancel   context.CancelFunc
	stop     func() bool // of the wake-up when ctx ends
	parallel int
	meter    *meter
	buffers  pool

	wg      sync.WaitGroup
	mu      sync.Mutex
	changed sync.Cond // a block arrived or failed, or ctx ended
	rng     *rand.Rand
	active  []*segment
	workers int
}

func newFetcher(ctx context.Context, src Source, parallel int, m *meter) *fetcher {
	if parallel <= 0 {
		parallel = defaultParallel
	}
	f := &fetcher{src: src, parallel: parallel, meter: m, rng: rand.New(rand.NewChaCha8(seed()))}
	f.changed.L = &f.mu
	f.ctx, f.cancel = context.WithCancel(ctx)
	f.stop = context.AfterFunc(f.ctx, func() {
		f.mu.Lock()
		defer f.mu.Unlock()
		f.changed.Broadcast()
	})
	return f
}

// close cancels all requests and waits for their workers.
func (f *fetcher) close() {
	f.cancel()
	f.stop()
	f.wg.Wait()
}

// add makes s active; update then says what to fetch of it. The segment that is read first is asked for first.
func (f *fetcher) add(s *segment) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.active = append(f.active, s)
	slices.SortFunc(f.active, func(a, b *segment) int { return cmp.Compare(a.no, b.no) })
}

// update changes what is wanted of active segments, under the lock, and sets workers to it.
func (f *fetcher) update(change func(rng *rand.Rand)) {
	f.mu.Lock()
	change(f.rng)
	need := f.need()
	f.pump()
	f.mu.Unlock()
	if need > 0 {
		f.meter.add(Progress{Need: need})
	}
}

// need is what Progress has not heard of yet. f.mu is held.
func (f *fetcher) need() (n uint64) {
	for _, s := range f.active {
		n += s.need()
	}
	return n
}

// release drops a segment and takes its buffers back.
func (f *fetcher) release(s *segment) {
	f.mu.Lock()
	defer f.mu.Unlock()
	s.release(&f.buffers)
	f.active = slices.DeleteFunc(f.active, func(a *segment) bool { return a == s })
}

// pump starts workers for the blocks that may be asked for. f.mu is held.
func (f *fetcher) pump() {
	for f.workers < f.parallel {
		s, i, ok := f.take()
		if !ok {
			return
		}
		f.workers++
		f.wg.Add(1)
		// Ends when no block may be asked for: with the stream's last block, or soon after close cancels f.ctx.
		go f.work(s, i)
	}
}

// take finds the next block to ask for. f.mu is held.
func (f *fetcher) take() (*segment, int, bool) {
	if f.ctx.Err() != nil {
		return nil, 0, false
	}
	for _, s := range f.active {
		if i, ok := s.take(); ok {
			return s, i, true
		}
	}
	return nil, 0, false
}

func (f *fetcher) work(s *segment, i int) {
	defer f.wg.Done()
	for ok := true; ok; {
		plain, err := f.fetch(s, i)
		var grown Progress
		f.mu.Lock()
		switch {
		case err != nil:
			s.failed(i, err, f.rng)
			grown.Need = f.need()
		case s.arrived(i, plain):
			grown.Done = 1
		default:
			f.buffers.put(plain)
		}
		f.changed.Broadcast()
		s, i, ok = f.take()
		if !ok {
			f.workers--
		}
		f.pump()
		f.mu.Unlock()
		if grown != (Progress{}) {
			f.meter.add(grown)
		}
	}
}

// fetch gets and decrypts one block.
func (f *fetcher) fetch(s *segment, i int) ([]byte, error) {
	if f.keeper != nil {
		f.keeper.Needed(s.id(i))
	}
	b, err := f.src.Fetch(s.ctx, s.id(i), false)
	if err != nil {
		return nil, err
	}
	// A keys.Block is verified against its own ID; a source that returns another block has a bug or worse.
	if b.ID() != s.id(i) {
		return nil, fmt.Errorf("%w: another block came", ErrNotFound)
	}
	key := s.blockKey(i)
	defer key.Wipe()
	plain := f.buffers.get()
	keys.OpenData(plain, b, &key)
	return plain, nil
}

// await returns data block j of s as soon as it is there, or nil once the segment is decodable without it.
func (f *fetcher) await(s *segment, j int) ([]byte, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for s.shards[j] == nil && !s.decodable() && s.err == nil && f.ctx.Err() == nil {
		f.changed.Wait()
	}
	switch {
	case s.shards[j] != nil || s.decodable():
		return s.shards[j], nil
	case f.ctx.Err() != nil:
		return nil, f.ctx.Err()
	}
	return nil, s.err
}
