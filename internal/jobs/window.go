package jobs

import (
	"context"
	"sync"

	"nightjar/keys"
)

// window divides what is in flight among the jobs that run. Whoever waits gets the next free place in the order of in flight / weight, so
// that jobs that want all there is share it by their weights, and one that is alone has all of it.
type window struct {
	mu   sync.Mutex
	free int
	all  []*share
}

// share is one job's part of a window.
type share struct {
	w        *window
	weight   int
	inflight int
	waiting  []chan struct{} // closed when it is its turn
}

func newWindow(size int) *window { return &window{free: size} }

// join adds a job.
func (w *window) join(p Priority) *share {
	w.mu.Lock()
	defer w.mu.Unlock()
	s := &share{w: w, weight: p.weight()}
	w.all = append(w.all, s)
	return s
}

// leave removes a job that has nothing in flight and waits for nothing.
func (s *share) leave() {
	s.w.mu.Lock()
	defer s.w.mu.Unlock()
	for i, other := range s.w.all {
		if other == s {
			s.w.all = append(s.w.all[:i], s.w.all[i+1:]...)
			return
		}
	}
}

func (s *share) prioritise(p Priority) {
	s.w.mu.Lock()
	defer s.w.mu.Unlock()
	s.weight = p.weight()
}

// acquire waits for a place.
func (s *share) acquire(ctx context.Context) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	s.w.mu.Lock()
	if s.w.free > 0 {
		s.w.free--
		s.inflight++
		s.w.mu.Unlock()
		return nil
	}
	turn := make(chan struct{})
	s.waiting = append(s.waiting, turn)
	s.w.mu.Unlock()
	select {
	case <-turn:
		return nil
	case <-ctx.Done():
	}
	s.w.mu.Lock()
	for i, other := range s.waiting {
		if other == turn {
			s.waiting = append(s.waiting[:i], s.waiting[i+1:]...)
			s.w.mu.Unlock()
			return context.Cause(ctx)
		}
	}
	s.w.mu.Unlock()
	s.release() // its turn came at the same moment
	return context.Cause(ctx)
}

// release gives a place to whoever has the least for its weight.
func (s *share) release() {
	s.w.mu.Lock()
	defer s.w.mu.Unlock()
	s.inflight--
	var next *share
	for _, o := range s.w.all {
		if len(o.waiting) > 0 && (next == nil || o.inflight*next.weight < next.inflight*o.weight) {
			next = o
		}
	}
	if next == nil {
		s.w.free++
		return
	}
	next.inflight++
	close(next.waiting[0])
	next.waiting = next.waiting[1:]
}

// shared is a job's network, which asks for no more at once than the job's share.
type shared struct {
	Network
	share *share
}

func (n *shared) Fetch(ctx context.Context, id keys.ID, top bool) (keys.Block, error) {
	if err := n.share.acquire(ctx); err != nil {
		return keys.Block{}, err
	}
	defer n.share.release()
	return n.Network.Fetch(ctx, id, top)
}

// FetchAt is as Fetch.
func (n *shared) FetchAt(ctx context.Context, id keys.ID, position uint8) (keys.Block, error) {
	if err := n.share.acquire(ctx); err != nil {
		return keys.Block{}, err
	}
	defer n.share.release()
	return n.Network.FetchAt(ctx, id, position)
}

func (n *shared) Insert(ctx context.Context, b keys.Block, top bool) error {
	if err := n.share.acquire(ctx); err != nil {
		return err
	}
	defer n.share.release()
	return n.Network.Insert(ctx, b, top)
}

// around is the network with something done to what it gives and takes.
func (n *shared) around(wrap func(Network) Network) *shared { return &shared{wrap(n.Network), n.share} }

func (n *shared) Close() {
	n.share.leave()
	n.Network.Close()
}
