package fproxy

import (
	"container/list"
	"context"
	"sync"
	"time"

	"nightjar/internal/content"
	"nightjar/keys"
)

const (
	// recentBlocks bounds the blocks that are kept: 8 MiB of them.
	recentBlocks = 256
	// recentTime is how long a block is kept. A record may be replaced by a newer one, and what was read should not
	// stay in memory for long.
	recentTime = time.Minute
)

// recent remembers blocks for a short time, in memory only, and answers nobody but this proxy. A page, its
// pictures and its style sheet share a manifest, and often a container: without it each of them is a request to the
// network for the same blocks, which is slow and tells the network more. Sites share nothing: what one site's circuits ask for must not depend on
// what was read of another.
type recent struct {
	mu     sync.Mutex
	blocks map[place]*list.Element // of kept
	order  list.List               // oldest first
	forget *time.Timer             // runs while something is kept
}

// place is a block as part of a site.
type place struct {
	site string
	id   keys.ID
}

type kept struct {
	place
	block keys.Block
	until time.Time
}

func newRecent() *recent { return &recent{blocks: map[place]*list.Element{}} }

// remembering is a source of blocks that asks another only for what is not remembered.
type remembering struct {
	*recent
	site string
	from content.Source
}

// Fetch returns the block if it was fetched a short time ago, or fetches it.
func (s remembering) Fetch(ctx context.Context, id keys.ID, top bool) (keys.Block, error) {
	if b, ok := s.get(place{s.site, id}); ok {
		return b, nil
	}
	b, err := s.from.Fetch(ctx, id, top)
	if err == nil {
		s.put(s.site, b)
	}
	return b, err
}

// Holds implements content.Holder.
func (s remembering) Holds(id keys.ID) bool {
	if _, ok := s.get(place{s.site, id}); ok {
		return true
	}
	h, ok := s.from.(content.Holder)
	return ok && h.Holds(id)
}

func (s *recent) get(at place) (keys.Block, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	e, ok := s.blocks[at]
	if !ok || !time.Now().Before(e.Value.(kept).until) {
		return keys.Block{}, false
	}
	return e.Value.(kept).block, true
}

// put keeps a block. The time to keep is the same for all, so the oldest is also the first to be forgotten; what is read
// again is not kept longer, or a page that is open all day would show an old edition all day.
func (s *recent) put(site string, b keys.Block) {
	s.mu.Lock()
	defer s.mu.Unlock()
	at := place{site, b.ID()}
	if e, ok := s.blocks[at]; ok {
		s.drop(e)
	}
	s.blocks[at] = s.order.PushBack(kept{at, b, time.Now().Add(recentTime)})
	if s.order.Len() > recentBlocks {
		s.drop(s.order.Front())
	}
	if s.forget == nil {
		s.forget = time.AfterFunc(recentTime, s.expire)
	}
}

// expire drops what is too old and comes back for the next.
func (s *recent) expire() {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	for e := s.order.Front(); e != nil; e = s.order.Front() {
		if until := e.Value.(kept).until; now.Before(until) {
			s.forget.Reset(until.Sub(now))
			return
		}
		s.drop(e)
	}
	s.forget = nil
}

func (s *recent) drop(e *list.Element) {
	delete(s.blocks, e.Value.(kept).place)
	s.order.Remove(e)
}
