package content

import (
	"errors"
	"fmt"
	"io"

	"github.com/klauspost/compress/zstd"
)

const (
	// sampleSize is how much of a stream is read before it is known whether that is all.
	sampleSize = 256 << 10
	// probeSize is how much of a stream decides whether all of it is compressed: one block of the encoder.
	probeSize = 64 << 10
	// minCompress is the smallest stream worth compressing: below, the number of blocks is what it is.
	minCompress = 128
	// encodeWindow is the window we write with. Twice as much gains under 1 % on source code and programs and costs memory.
	encodeWindow = 2 << 20
	// frameSize is how much content a frame of a long stream holds: what a reader decodes to get at its last byte.
	frameSize = 1 << 20
)

// compressor holds the zstd encoder of one insert, made when it is first needed, and memory for the beginning of a file, a
// frame, and what is made of either.
type compressor struct {
	enc                *zstd.Encoder
	head, frame, coded []byte
}

// encoder returns the encoder, which makes all frames one by one, from nothing but their content: what it makes is the same
// every time. It depends on the library's version, so that convergent inserts by different versions may not meet; readers
// take any.
func (c *compressor) encoder() *zstd.Encoder {
	if c.enc == nil {
		// One goroutine, the caller's; no checksum, for every block is named by its hash.
		enc, err := zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1), zstd.WithEncoderLevel(zstd.SpeedFastest),
			zstd.WithWindowSize(encodeWindow), zstd.WithLowerEncoderMem(true), zstd.WithEncoderCRC(false))
		if err != nil {
			panic("content: the zstd options contradict themselves: " + err.Error())
		}
		c.enc = enc
	}
	return c.enc
}

// gains reports whether storing packed instead of size bytes is worth a decoder: 10 % (DESIGN §4).
func gains(size, packed int) bool { return packed <= size-size/10 && packed < size }

// try compresses head, which is all of a stream or its beginning, and returns nil if that gains too little. What it returns
// is good until the compressor is used again. It judges by the first probeSize bytes, which the encoder compresses without the memory of a window.
func (c *compressor) try(head []byte) []byte {
	probe := head[:min(len(head), probeSize)]
	if len(probe) < minCompress {
		return nil
	}
	c.coded = c.encoder().EncodeAll(probe, c.coded[:0])
	packed := c.coded
	if !gains(len(probe), len(packed)) {
		return nil
	}
	if len(head) > len(probe) {
		c.coded = c.enc.EncodeAll(head, c.coded[:0])
		packed = c.coded
		if !gains(len(head), len(packed)) {
			return nil
		}
	}
	return packed
}

// into compresses what is written, in frames that can be decoded on their own, with a table of them behind (SPEC §8.1).
// One stream at a time.
func (c *compressor) into(dst io.Writer) *frameWriter {
	if c.frame == nil {
		c.frame = make([]byte, frameSize)
	}
	return &frameWriter{c: c, dst: dst}
}

// frameWriter is a compressed stream being written.
type frameWriter struct {
	c      *compressor
	dst    io.Writer
	fill   int // bytes of the frame
	frames []frame
	many   bool // more than a table can have
}

// Write implements io.Writer.
func (w *frameWriter) Write(p []byte) (n int, err error) {
	for len(p) > 0 {
		m := copy(w.c.frame[w.fill:], p)
		n += m
		p = p[m:]
		if err := w.filled(m); err != nil {
			return n, err
		}
	}
	return n, nil
}

// ReadFrom implements io.ReaderFrom, so that content is copied once.
func (w *frameWriter) ReadFrom(r io.Reader) (n int64, err error) {
	for {
		m, err := r.Read(w.c.frame[w.fill:])
		n += int64(m)
		if ferr := w.filled(m); ferr != nil {
			return n, ferr
		}
		if err == io.EOF {
			return n, nil
		}
		if err != nil {
			return n, err
		}
	}
}

// filled takes n more bytes of the frame in, and writes it once it is full.
func (w *frameWriter) filled(n int) error {
	if w.fill += n; w.fill < frameSize {
		return nil
	}
	return w.flush()
}

func (w *frameWriter) flush() error {
	w.c.coded = w.c.encoder().EncodeAll(w.c.frame[:w.fill], w.c.coded[:0])
	if len(w.frames) == maxFrames {
		w.many, w.frames = true, nil
	}
	if !w.many {
		w.frames = append(w.frames, frame{stored: uint32(len(w.c.coded)), size: uint32(w.fill)})
	}
	w.fill = 0
	_, err := w.dst.Write(w.c.coded)
	return err
}

// Close writes what is left, and the table if there is more than one frame to be found.
func (w *frameWriter) Close() error {
	if w.fill > 0 {
		if err := w.flush(); err != nil {
			return err
		}
	}
	if len(w.frames) < 2 {
		return nil
	}
	_, err := w.dst.Write(appendSeekTable(nil, w.frames))
	return err
}

// decoder gives the decoded bytes of a compressed stream: exactly size, then io.EOF. Anything else in it is malformed.
type decoder struct {
	src  *blockReader // or nil if the stored bytes are inline
	zstd *zstd.Decoder
	left uint64
	err  error
}

// newDecoder decodes r, which is src unless src is nil. Nothing is read yet.
func newDecoder(r io.Reader, src *blockReader, size uint64) *decoder {
	// Lazily: the constructor would read the first block at once.
	d := &decoder{src: src, left: size}
	z, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true),
		zstd.WithDecoderMaxWindow(maxWindow), zstd.WithDecoderMaxMemory(max(size, maxWindow)))
	if err == nil {
		err = z.Reset(r)
	}
	d.zstd, d.err = z, err
	return d
}

// Read returns decoded bytes. At the end it makes sure that nothing follows.
func (d *decoder) Read(p []byte) (int, error) {
	if d.err != nil {
		return 0, d.err
	}
	if d.left == 0 {
		d.err = d.end()
		return 0, d.err
	}
	if uint64(len(p)) > d.left {
		p = p[:d.left]
	}
	n, err := d.zstd.Read(p)
	d.left -= uint64(n)
	if err != nil && (err != io.EOF || d.left > 0) {
		d.err = d.failure(err)
	}
	return n, d.err
}

// end reports io.EOF if the stream ends here too.
func (d *decoder) end() error {
	var one [1]byte
	n, err := io.ReadFull(d.zstd, one[:])
	switch {
	case n > 0:
		return malformed("a compressed stream holds more than it says")
	case err == io.EOF:
		return io.EOF
	}
	return d.failure(err)
}

// failure tells a network's error from bad content.
func (d *decoder) failure(err error) error {
	if d.src != nil && d.src.err != nil {
		return d.src.err
	}
	if err == io.EOF || errors.Is(err, io.ErrUnexpectedEOF) {
		return malformed("a compressed stream ends early")
	}
	return fmt.Errorf("%w: a compressed stream is not zstd: %w", ErrMalformed, err)
}

// Close releases the decoder's memory.
func (d *decoder) Close() {
	if d.zstd != nil {
		d.zstd.Close()
	}
}
