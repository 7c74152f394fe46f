package node

import (
	"sync"
	"time"

	"nightjar/crypto/onion"
	"nightjar/routing/circuit"
)

// maxWaitingJobs bounds the jobs that wait in one pool: a peer may ask and take back faster than a disk answers.
const maxWaitingJobs = 2048

// pool runs jobs on at most max goroutines, which exist only while there is work. submit never blocks; when too many jobs
// wait it refuses.
type pool[T any] struct {
	run     func(T)
	max     int
	mu      sync.Mutex
	queue   []T
	running int
	wg      sync.WaitGroup
}

func newPool[T any](max int, run func(T)) *pool[T] { return &pool[T]{run: run, max: max} }

// submit queues a job; false means that there is no room.
func (p *pool[T]) submit(job T) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.queue) >= maxWaitingJobs {
		return false
	}
	p.queue = append(p.queue, job)
	if p.running < p.max {
		p.running++
		p.wg.Add(1)
		go p.work() // ends when the queue is empty
	}
	return true
}

func (p *pool[T]) work() {
	defer p.wg.Done()
	for {
		p.mu.Lock()
		if len(p.queue) == 0 {
			p.running--
			p.queue = nil
			p.mu.Unlock()
			return
		}
		job := p.queue[0]
		var none T
		p.queue[0] = none
		p.queue = p.queue[1:]
		p.mu.Unlock()
		p.run(job)
	}
}

// wait returns when all jobs are done; nothing may be submitted any more.
func (p *pool[T]) wait() { p.wg.Wait() }

// body is room for a cell's body.
func (p *peer) body() *[onion.BodySize]byte {
	if pool := p.bodies.Load(); pool != nil {
		if b, ok := pool.Get().(*[onion.BodySize]byte); ok {
			return b
		}
	}
	return new([onion.BodySize]byte)
}

// cells takes in cells, and gives back bodies that the circuits do not need any more, for readers to read the next ones into.
func (l *loop) cells(now time.Time, ev circuit.Cells) {
	if p := l.links.byNumber[ev.Link]; p == nil || l.isBarred(p.id) {
		return
	}
	l.circuitEffects(l.circuits.Step(now, ev))
	for b := l.circuits.Surplus(); b != nil; b = l.circuits.Surplus() {
		l.bodies.Put(b)
	}
}
