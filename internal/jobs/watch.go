package jobs

import (
	"context"
	"sync"
)

// hub tells watchers which jobs have changed. It never waits for them.
type hub struct {
	mu       sync.Mutex
	watchers map[*watcher]struct{}
	ended    chan struct{} // closed by close
}

// watcher is one that watches all jobs: the jobs whose newest state it has not sent yet, each once.
type watcher struct {
	signal chan struct{} // capacity 1
	mu     sync.Mutex
	order  []*Job
	queued map[*Job]bool
	gone   map[*Job]bool
}

func newHub() *hub { return &hub{watchers: map[*watcher]struct{}{}, ended: make(chan struct{})} }

// note has all watchers look at j.
func (h *hub) note(j *Job, gone bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for w := range h.watchers {
		w.note(j, gone)
	}
}

func (w *watcher) note(j *Job, gone bool) {
	w.mu.Lock()
	if !w.queued[j] {
		w.queued[j] = true
		w.order = append(w.order, j)
	}
	if gone {
		w.gone[j] = true
	}
	w.mu.Unlock()
	select {
	case w.signal <- struct{}{}:
	default:
	}
}

// next takes the job that has waited longest.
func (w *watcher) next() (j *Job, gone bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.order) == 0 {
		return nil, false
	}
	j = w.order[0]
	w.order = w.order[1:]
	gone = w.gone[j]
	delete(w.queued, j)
	delete(w.gone, j)
	return j, gone
}

func (h *hub) close() { close(h.ended) }

// Watch sends the state of every job, at first and whenever it has changed, until ctx ends or the manager is closed; then it closes the
// channel. It delays no job: who receives slowly finds the newest state of each job, and misses those in between. A job that is no
// longer listed is sent once more with Gone set. Obstacles come and go unannounced.
func (m *Manager) Watch(ctx context.Context) <-chan Snapshot {
	w := &watcher{signal: make(chan struct{}, 1), queued: map[*Job]bool{}, gone: map[*Job]bool{}}
	m.hub.mu.Lock()
	m.hub.watchers[w] = struct{}{}
	m.hub.mu.Unlock()
	for _, j := range m.all() {
		w.note(j, false)
	}
	out := make(chan Snapshot)
	// Ends with ctx or the manager.
	go func() {
		defer close(out)
		defer func() {
			m.hub.mu.Lock()
			defer m.hub.mu.Unlock()
			delete(m.hub.watchers, w)
		}()
		m.hub.send(ctx, w, out)
	}()
	return out
}

func (h *hub) send(ctx context.Context, w *watcher, out chan<- Snapshot) {
	for {
		j, gone := w.next()
		if j == nil {
			select {
			case <-w.signal:
				continue
			case <-ctx.Done():
			case <-h.ended:
			}
			return
		}
		s := j.Snapshot()
		s.Gone = gone
		select {
		case out <- s:
		case <-ctx.Done():
			return
		case <-h.ended:
			return
		}
	}
}
