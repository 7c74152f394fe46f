package jobs

import (
	"context"
	"math/rand/v2"
	"sync"
	"time"

	"nightjar/keys"
)

const (
	// maxHealing bounds the blocks that wait to be inserted again, 8 MiB. What does not fit is not healed: somebody else will read it.
	maxHealing = 256
	// firstHealing and lastHealing bound after what time a healed block is inserted: long enough that nobody can tell by when it was
	// fetched that its reader and its healer are one.
	firstHealing = 2 * time.Minute
	lastHealing  = 30 * time.Minute
	healTime     = 5 * time.Minute // for one block
)

// healer inserts blocks that readers found missing, each after a random time, one at a time, with the least share of the network. The blocks of
// one read share a network of their own, that of no job: who sees them cannot tell which others the same reader asked for. It forgets all when
// the process ends.
type healer struct {
	m      *Manager
	signal chan struct{} // capacity 1

	mu    sync.Mutex
	queue []healing
	open  map[*healGroup]int // blocks of each that wait or are on their way
}

type healing struct {
	block keys.Block
	top   bool
	at    time.Time
	group *healGroup
}

// healGroup is what the blocks of one read have in common.
type healGroup struct{ network Network }

func newHealer(m *Manager) *healer {
	return &healer{m: m, signal: make(chan struct{}, 1), open: map[*healGroup]int{}}
}

// Healer returns a function that takes blocks which one read found missing, to insert them again later. It never blocks, and drops what is too
// much. Call Healer once for each read.
func (m *Manager) Healer() func(b keys.Block, top bool) {
	g := new(healGroup)
	return func(b keys.Block, top bool) { m.healer.add(healing{block: b, top: top, group: g}) }
}

func (h *healer) add(one healing) {
	one.at = time.Now().Add(firstHealing + rand.N(lastHealing-firstHealing))
	h.mu.Lock()
	if len(h.queue) < maxHealing {
		h.queue = append(h.queue, one)
		h.open[one.group]++
	}
	h.mu.Unlock()
	select {
	case h.signal <- struct{}{}:
	default:
	}
}

// run inserts what is due. It ends with Manager.Close.
func (h *healer) run() {
	defer h.m.running.Done()
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	stop := make(chan struct{})
	defer close(stop)
	// Ends with run.
	go func() {
		select {
		case <-h.m.stop:
			cancel()
		case <-stop:
		}
	}()
	for {
		one, wait, ok := h.next(time.Now())
		if ok {
			h.insert(ctx, one)
			continue
		}
		t := time.NewTimer(wait)
		select {
		case <-t.C:
		case <-h.signal:
		case <-ctx.Done():
			t.Stop()
			h.closeAll()
			return
		}
		t.Stop()
	}
}

// next takes the block that is due first, or says how long it is until one is.
func (h *healer) next(now time.Time) (one healing, wait time.Duration, ok bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	first := -1
	for i := range h.queue {
		if first < 0 || h.queue[i].at.Before(h.queue[first].at) {
			first = i
		}
	}
	if first < 0 {
		return one, time.Hour, false
	}
	if one = h.queue[first]; one.at.After(now) {
		return one, one.at.Sub(now), false
	}
	h.queue = append(h.queue[:first], h.queue[first+1:]...)
	return one, 0, true
}

// insert puts a block into the network, or gives it up: nobody waits for it.
func (h *healer) insert(ctx context.Context, one healing) {
	g := one.group
	if g.network == nil {
		g.network = &shared{h.m.cfg.Network(), h.m.window.join(Low)}
	}
	ctx, cancel := context.WithTimeout(ctx, healTime)
	_ = g.network.Insert(ctx, one.block, one.top)
	cancel()
	h.mu.Lock()
	h.open[g]--
	last := h.open[g] == 0
	if last {
		delete(h.open, g)
	}
	h.mu.Unlock()
	if last {
		g.network.Close()
		g.network = nil
	}
}

// closeAll gives back the networks of what will not be inserted any more.
func (h *healer) closeAll() {
	h.mu.Lock()
	defer h.mu.Unlock()
	for g := range h.open {
		if g.network != nil {
			g.network.Close()
		}
	}
	clear(h.open)
	h.queue = nil
}
