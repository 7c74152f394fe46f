package content

import (
	"bytes"
	"context"
	"io"
	"sync"

	"nightjar/keys"
)

// maxHeldContainers bounds how many decoded containers an opened folder keeps, 8 MiB in all: a page, its pictures and
// what a visitor looks at next.
const maxHeldContainers = 4

// tree is what all Objects of one Open share. Its methods are safe for concurrent use.
type tree struct {
	src        Source
	opts       GetOptions
	meter      *meter
	manifest   *manifest
	containers []container

	mu     sync.Mutex
	recent []int // containers held, the latest last
}

// container is a container's content once somebody needed it. The one who holds turn fetches it; others wait.
type container struct {
	turn chan struct{}
	data []byte
}

func newTree(src Source, o GetOptions, m *meter, manifest *manifest) *tree {
	t := &tree{src: src, opts: o, meter: m, manifest: manifest, containers: make([]container, len(manifest.Containers))}
	for i := range t.containers {
		t.containers[i].turn = make(chan struct{}, 1)
	}
	return t
}

func (t *tree) reading() reading {
	return reading{t.src, t.opts.Parallel, t.meter, t.opts.Heal, t.opts.Memory, false}
}

// whole is the mode in which all of a stream is read.
func (t *tree) whole() mode {
	if t.opts.Order == Reading {
		return wholeInOrder
	}
	return wholeShuffled
}

// container returns the content of container i.
func (t *tree) container(ctx context.Context, i int) ([]byte, error) {
	c := &t.containers[i]
	select {
	case c.turn <- struct{}{}:
		defer func() { <-c.turn }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	t.mu.Lock()
	data := c.data
	t.mu.Unlock()
	if data == nil {
		var err error
		if data, err = readAll(ctx, t.reading(), &t.manifest.Containers[i], t.whole()); err != nil {
			return nil, err
		}
	}
	t.hold(i, data)
	return data, nil
}

// hold keeps a container and lets go of the one that nobody asked for the longest.
func (t *tree) hold(i int, data []byte) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.containers[i].data = data
	for at, other := range t.recent {
		if other == i {
			t.recent = append(t.recent[:at], t.recent[at+1:]...)
			break
		}
	}
	t.recent = append(t.recent, i)
	if len(t.recent) > maxHeldContainers {
		t.containers[t.recent[0]].data = nil
		t.recent = t.recent[1:]
	}
}

// opened is the content of a stream from its beginning.
type opened struct {
	io.Reader
	blocks *blockReader // nil if the stream is inline
	zstd   *decoder     // nil if it is not compressed
	walker *walker      // nil unless it is both in blocks and compressed
}

// openStream makes a reader of a checked stream. Nothing is requested before the first Read.
func openStream(ctx context.Context, r reading, s *stream, m mode) *opened {
	o := &opened{Reader: bytes.NewReader(s.Inline)}
	if s.Inline == nil && s.Size > 0 {
		o.blocks = newBlockReader(ctx, r, s, m)
		o.Reader = o.blocks
	}
	if s.Codec == codecZstd {
		if o.blocks != nil {
			o.openFrames(s.Size)
		} else {
			o.zstd = newDecoder(o.Reader, nil, s.Size)
		}
		o.Reader = o.zstd
	}
	return o
}

// Close ends all requests and waits for them.
func (o *opened) Close() {
	if o.zstd != nil {
		o.zstd.Close()
	}
	if o.blocks != nil {
		o.blocks.Close()
	}
}

// copyTo writes the whole stream to w, counting.
func copyTo(ctx context.Context, r reading, s *stream, m mode, w io.Writer) error {
	r.meter.add(Progress{Need: s.blocks()})
	o := openStream(ctx, r, s, m)
	defer o.Close()
	if o.zstd == nil && o.blocks != nil {
		_, err := o.blocks.WriteTo(w)
		return err
	}
	_, err := io.Copy(w, o.Reader)
	return err
}

// copyFrom writes a stream from an offset in it on to w, counting.
func copyFrom(ctx context.Context, r reading, s *stream, m mode, w io.Writer, offset uint64) error {
	o := openStream(ctx, r, s, m)
	defer o.Close()
	var stored uint64 // where reading begins
	at := offset      // what is read there
	switch {
	case o.blocks == nil:
		at = 0
	case o.zstd == nil:
		stored = offset
		o.blocks.seek(offset)
	default:
		tail := newBlockReader(ctx, r, s, told) // for whoever reads all of it, a few blocks once more
		frames, err := tail.frames(s.Size)
		tail.Close()
		if err != nil && !absent(err) {
			return err
		}
		at, stored, frames = find(frames, offset)
		if len(frames) > 0 {
			o.jump(stored, frames, s.Size-at)
		}
	}
	if o.blocks != nil {
		no, _ := o.blocks.l.find(stored / keys.DataSize)
		r.meter.add(Progress{Need: o.blocks.l.blocks - o.blocks.l.first(no)})
	}
	if _, err := io.CopyN(io.Discard, o, int64(offset-at)); err != nil {
		return err
	}
	if o.zstd == nil && o.blocks != nil {
		_, err := o.blocks.WriteTo(w)
		return err
	}
	_, err := io.Copy(w, o.Reader)
	return err
}

// readAll reads a stream that may be held in memory.
func readAll(ctx context.Context, r reading, s *stream, m mode) ([]byte, error) {
	r.meter.add(Progress{Need: s.blocks()})
	o := openStream(ctx, r, s, m)
	defer o.Close()
	data := make([]byte, s.Size)
	if _, err := io.ReadFull(o, data); err != nil {
		return nil, err
	}
	if o.zstd != nil {
		if err := o.zstd.end(); err != io.EOF {
			return nil, err
		}
	}
	return data, nil
}
