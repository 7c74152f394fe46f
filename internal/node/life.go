package node

import (
	"context"
	"sync"
	"sync/atomic"
)

// lifetime is when a node is ready, when it has ended, and what it still waits for.
//
//	made --Run--> starting --> ready --ctx ends--> closing --> ended
type lifetime struct {
	ready chan struct{}
	ended chan struct{}
	ran   atomic.Bool
	// life ends with Run; set before ready is closed. It is stored, against the house rule, because links outlive the call that
	// dialled them.
	life context.Context

	mu      sync.Mutex // guards closing and the first Add of wg
	closing bool
	wg      sync.WaitGroup
}

func newLifetime() lifetime {
	return lifetime{ready: make(chan struct{}), ended: make(chan struct{})}
}

// spawn runs f on a goroutine that Run waits for; false means that the node is stopping and f will not run.
func (l *lifetime) spawn(f func()) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closing {
		return false
	}
	l.wg.Add(1)
	// Whoever calls says what ends f.
	go func() {
		defer l.wg.Done()
		f()
	}()
	return true
}

// close lets nothing new start and waits for what runs.
func (l *lifetime) close() {
	l.mu.Lock()
	l.closing = true
	l.mu.Unlock()
	l.wg.Wait()
}
