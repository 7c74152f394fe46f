package erasure

import "sync"

// workspace gives work memory, to Leopard among others. It keeps one piece for the next call: segments of a stream are coded one
// after the other, and the library's own pool forgets up to 16 MiB whenever a goroutine changes processors.
// It implements reedsolomon.WorkAllocator.
type workspace struct {
	mu   sync.Mutex
	free []byte
}

// Get returns n buffers of size bytes.
func (w *workspace) Get(n, size int) [][]byte {
	w.mu.Lock()
	all := w.free
	w.free = nil
	w.mu.Unlock()
	if len(all) < n*size {
		all = make([]byte, n*size) // larger than a page, so aligned to one
	}
	out := make([][]byte, n)
	for i := range out {
		out[i] = all[i*size : (i+1)*size]
	}
	return out
}

// Put takes back what Get returned. The first buffer's capacity is all of the memory.
func (w *workspace) Put(work [][]byte) {
	if len(work) == 0 {
		return
	}
	all := work[0][:cap(work[0])]
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(all) > len(w.free) {
		w.free = all
	}
}
