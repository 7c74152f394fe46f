package content

import (
	"context"
	"errors"
	"io"
)

var (
	errSeek   = errors.New("content: seek to before the beginning")
	errClosed = errors.New("content: read after Close")
	errMoved  = errors.New("content: the decoder's source was moved")
)

// NewReader gives the file's bytes for reading and seeking; blocks are fetched as they are needed, ahead of reading. Close releases it.
// Seeking makes no request. It is for one goroutine, and ends with ctx.
func (o *Object) NewReader(ctx context.Context) io.ReadSeekCloser {
	return &fileReader{ctx: ctx, o: o, size: o.info.Size}
}

// fileReader reads a file at any place.
type fileReader struct {
	ctx    context.Context // Read has no parameter for it
	o      *Object
	size   uint64
	pos    uint64  // of the next Read
	open   *opened // nil until the first Read, and for what is in memory
	at     uint64  // where open stands
	memory []byte  // a file that is inline or in a container
	frames []frame // of a compressed stream, if it has a seek table and
	looked bool    // it was looked for
	err    error
}

// Read fetches what it needs.
func (r *fileReader) Read(p []byte) (int, error) {
	switch {
	case r.err != nil:
		return 0, r.err
	case r.o.IsFolder():
		return 0, ErrNoEntry
	case r.pos >= r.size:
		return 0, io.EOF
	case len(p) == 0:
		return 0, nil
	}
	if err := r.prepare(); err != nil {
		return 0, err
	}
	var n int
	var err error
	if r.memory != nil {
		n = copy(p, r.memory[r.pos:])
	} else {
		n, err = r.open.Read(p)
		r.at += uint64(n)
	}
	r.pos += uint64(n)
	r.o.t.meter.add(Progress{Bytes: uint64(n)})
	return n, err
}

// prepare makes the next Read of what is open begin at pos.
func (r *fileReader) prepare() error {
	if r.memory != nil {
		return nil
	}
	s := r.o.stream
	switch {
	case s == nil:
		data, err := r.o.packed(r.ctx)
		r.memory = data
		return err
	case s.Inline != nil && s.Codec == codecNone:
		r.memory = s.Inline
		return nil
	}
	if r.open == nil {
		r.open = openStream(r.ctx, r.o.t.reading(), s, windowed)
		r.at = 0
	}
	if r.at == r.pos {
		return nil
	}
	if r.open.zstd == nil {
		r.open.blocks.seek(r.pos)
		r.at = r.pos
		return nil
	}
	if r.pos < r.at || r.pos-r.at > maxForward || r.open.zstd.err != nil {
		if err := r.jump(s); err != nil {
			return err
		}
	}
	n, err := io.CopyN(io.Discard, r.open, int64(r.pos-r.at))
	r.at += uint64(n)
	return err
}

// jump makes a compressed stream stand at the beginning of the frame that pos is in, unless it stands in that frame already. Without a seek
// table a stream begins anew, or is decoded on.
func (r *fileReader) jump(s *stream) (err error) {
	if r.open.blocks != nil && !r.looked {
		r.open.zstd.err = errMoved // its blocks will stand elsewhere
		if r.frames, err = r.open.blocks.frames(s.Size); err != nil && !absent(err) {
			return err
		}
		r.looked = true
	}
	start, stored, frames := find(r.frames, r.pos)
	if r.open.zstd.err == nil && start <= r.at && r.at <= r.pos {
		return nil
	}
	if len(frames) > 0 {
		r.open.jump(stored, frames, s.Size-start)
		r.at = start
		return nil
	}
	r.open.Close()
	r.open = openStream(r.ctx, r.o.t.reading(), s, windowed)
	r.at = 0
	return nil
}

// Seek makes no request.
func (r *fileReader) Seek(offset int64, whence int) (int64, error) {
	switch whence {
	case io.SeekStart:
	case io.SeekCurrent:
		offset += int64(r.pos)
	case io.SeekEnd:
		offset += int64(r.size)
	default:
		return 0, errSeek
	}
	if offset < 0 {
		return 0, errSeek
	}
	r.pos = uint64(offset)
	return offset, nil
}

// Close ends all requests and waits for them.
func (r *fileReader) Close() error {
	if r.open != nil {
		r.open.Close()
		r.open = nil
	}
	r.memory = nil
	r.err = errClosed
	return nil
}
