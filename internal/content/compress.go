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
	// probeSize is how much of a stream decides whether all of it is compressed: one block of zstd.
	probeSize = 128 << 10
	// minCompress is the smallest stream worth compressing: below, the number of blocks is what it is.
	minCompress = 128
	// encodeWindow is the window we write with. Twice as much gains under 1 % on source code and programs and costs memory.
	encodeWindow = 2 << 20
)

// compressor holds the zstd encoder of one insert, made when it is first needed.
type compressor struct{ enc *zstd.Encoder }

// encoder returns the encoder. Its output depends on the library's version, so that convergent inserts by different
// versions may not meet; readers take any.
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

// try compresses head, which is all of a stream or its beginning, and returns nil if that gains too little. It judges
// by the first probeSize bytes, which the encoder compresses without the memory of a window.
func (c *compressor) try(head []byte) []byte {
	probe := head[:min(len(head), probeSize)]
	if len(probe) < minCompress {
		return nil
	}
	packed := c.encoder().EncodeAll(probe, nil)
	if !gains(len(probe), len(packed)) {
		return nil
	}
	if len(head) > len(probe) {
		packed = c.enc.EncodeAll(head, packed[:0])
		if !gains(len(head), len(packed)) {
			return nil
		}
	}
	return packed
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
