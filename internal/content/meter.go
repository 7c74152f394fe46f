package content

import "sync"

// meter counts for a Progress callback, which it calls under its lock: one call at a time, in order, and none once
// everybody who counts has stopped.
type meter struct {
	mu     sync.Mutex
	p      Progress
	report func(Progress)
}

// add counts what grew.
func (m *meter) add(grown Progress) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.p.Done += grown.Done
	m.p.Need += grown.Need
	m.p.Bytes += grown.Bytes
	m.p.Size += grown.Size
	if m.report != nil {
		m.report(m.p)
	}
}
