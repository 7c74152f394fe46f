package content

import (
	"context"
	"sync"

	"nightjar/keys"
)

// surveyed is everything that some content is in: its top blocks and its streams.
type surveyed struct {
	tops  []keys.Block
	parts []part
	size  uint64 // bytes of content
}

// part is a stream, and the path of the file whose it is.
type part struct {
	path   string
	stream *stream
}

// survey finds everything that uri needs: records and roots on the way, what manifests are nested in, and the streams of the file or folder itself.
func survey(ctx context.Context, src Source, uri keys.URI, o GetOptions) (*surveyed, error) {
	f := &finder{src: src, opts: o, meter: new(meter), passed: new(surveyed)}
	object, err := f.open(ctx, uri)
	if err != nil {
		return nil, err
	}
	w := f.passed
	w.size = object.info.Size
	switch {
	case object.entry != nil:
		w.file(object.t.manifest, object.entry)
	case object.stream != nil:
		w.parts = append(w.parts, part{"", object.stream})
	default:
		w.folder(object.t.manifest, object.files)
	}
	return w, nil
}

// folder adds the streams of files; a container once.
func (w *surveyed) folder(m *manifest, files []entry) {
	seen := map[uint64]bool{0: true}
	for i := range files {
		if c := files[i].Container; c == 0 || !seen[c] {
			seen[c] = true
			w.file(m, &files[i])
		}
	}
}

func (w *surveyed) file(m *manifest, e *entry) {
	switch {
	case e.Stream != nil:
		w.parts = append(w.parts, part{e.Path, e.Stream})
	case e.Container != 0:
		w.parts = append(w.parts, part{"", &m.Containers[e.Container-1]})
	}
}

// blocks counts all blocks.
func (w *surveyed) blocks() uint64 {
	n := uint64(len(w.tops))
	for _, p := range w.parts {
		n += p.stream.allBlocks()
	}
	return n
}

// allBlocks counts a stream's blocks, check blocks and tables included.
func (s *stream) allBlocks() (n uint64) {
	if s.Inline != nil {
		return 0
	}
	l := s.layout()
	for i := range l.segments {
		n += uint64(l.total(i))
	}
	if s.Nested != nil {
		n += s.Nested.allBlocks()
	}
	return n
}

// looking asks for blocks of a segment and holds as many of them as it takes to rebuild it.
type looking struct {
	k *keeper
	c *coded

	mu      sync.Mutex
	shards  [][]byte
	held    int
	missing []int
	cause   error // why one could not be had, other than ErrNotFound
}

// look asks for block i. Only an ended ctx is an error.
func (l *looking) look(ctx context.Context, i int) error {
	b, err := l.k.src.Fetch(ctx, l.c.id(i), false)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	l.k.meter.add(Progress{Done: 1})
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case err == nil && b.ID() == l.c.id(i):
		if l.k.dst != nil && l.held < l.c.k {
			key := l.c.blockKey(i)
			l.shards[i] = l.k.buffers.get()
			keys.OpenData(l.shards[i], b, &key)
			key.Wipe()
			l.held++
		}
		return nil
	case err != nil && !absent(err):
		l.cause = err
	}
	l.missing = append(l.missing, i)
	return nil
}

// each calls f for every item, on at most parallel goroutines, and returns the first error once all have ended.
func each[T any](ctx context.Context, parallel int, items []T, f func(context.Context, T) error) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	queue := make(chan T)
	var wg sync.WaitGroup
	for range min(parallel, len(items)) {
		// Ends when queue is closed, below.
		wg.Go(func() {
			for item := range queue {
				if err := f(ctx, item); err != nil {
					cancel(err)
				}
			}
		})
	}
	for _, item := range items {
		select {
		case queue <- item:
			continue
		case <-ctx.Done():
		}
		break
	}
	close(queue)
	wg.Wait()
	return context.Cause(ctx)
}
