package content

import (
	"encoding/binary"
	"io"
	"math"
	"slices"
)

// What a walker must know of zstd (RFC 8878 §3.1).
const (
	frameMagic      = 0xFD2FB528
	skipMagic       = 0x184D2A50 // and the 15 numbers after it
	maxFrameHeader  = 4 + 14
	blockHeader     = 3
	checksumSize    = 4
	blockRLE        = 1
	minFrame        = 1 << 20 // we write no smaller frames, except the last
	maxForward      = 1 << 20 // as far as a reader decodes on rather than look for a frame
	errUntrueFrames = "a compressed stream has other frames than its seek table says"
)

// walker is between a stream's stored bytes and its decoder. It follows the frames without decoding them and holds them against the
// seek table: who reads from the beginning and who seeks must see the same bytes (SPEC §8.1). A decoder makes sure that a frame holds as
// much as its header says.
type walker struct {
	r     io.Reader
	table []frame             // the frames from here on, once a seek has found them; else nil, and then
	seen  []frame             // the frames from the beginning, for
	check func([]frame) error // to hold against the table at the end; nil if the walk did not begin at the beginning

	part   []byte // of the header that is being read
	skip   uint64 // bytes to pass over before the next header
	inside bool   // of a frame, between its blocks
	sum    bool   // a checksum follows the last block
	sized  bool   // the frame's header says how much it holds
	now    frame
}

// jump begins to walk at the first of these frames.
func (w *walker) jump(table []frame) { *w = walker{r: w.r, table: table, part: w.part[:0]} }

// Read passes bytes on. Once something is wrong with the frames it fails.
func (w *walker) Read(p []byte) (int, error) {
	n, err := w.r.Read(p)
	if e := w.walk(p[:n]); e != nil {
		return 0, e
	}
	if err == io.EOF && w.check != nil {
		check := w.check
		w.check = nil
		if e := check(w.seen); e != nil {
			return 0, e
		}
	}
	return n, err
}

// walk follows the frames through b.
func (w *walker) walk(b []byte) error {
	for len(b) > 0 {
		if w.skip > 0 {
			n := min(w.skip, uint64(len(b)))
			w.skip -= n
			b = b[n:]
			continue
		}
		w.part = append(w.part, b[0])
		b = b[1:]
		if err := w.header(); err != nil {
			return err
		}
	}
	return nil
}

// header reads what part holds, as soon as it is a whole header.
func (w *walker) header() error {
	h := w.part
	switch {
	case w.inside && len(h) == blockHeader:
		return w.block(uint32(h[0]) | uint32(h[1])<<8 | uint32(h[2])<<16)
	case w.inside || len(h) < 5:
		return nil
	}
	switch magic := binary.LittleEndian.Uint32(h); {
	case magic == frameMagic:
		return w.frame(h)
	case magic&^0xf == skipMagic:
		if len(h) == seekHead {
			w.skip = uint64(binary.LittleEndian.Uint32(h[4:]))
			w.part = w.part[:0]
		}
		return nil
	}
	if len(h) > maxFrameHeader {
		w.part = h[:0]
	}
	return nil // the decoder says what is wrong; no frame that we could hold against a table begins here
}

// frame begins a frame once its header is complete.
func (w *walker) frame(h []byte) error {
	descriptor := h[4]
	single := descriptor&0x20 != 0
	sizes := [4]int{0, 2, 4, 8}
	field := sizes[descriptor>>6]
	if single && field == 0 {
		field = 1
	}
	at := 5 + [4]int{0, 1, 2, 4}[descriptor&3]
	if !single {
		at++
	}
	if len(h) < at+field {
		return nil
	}
	size := uint64(0)
	for i := range field {
		size |= uint64(h[at+i]) << (8 * i)
	}
	if field == 2 {
		size += 256
	}
	w.inside, w.sum = true, descriptor&4 != 0
	w.sized = field > 0 && size <= math.MaxUint32
	w.now = frame{stored: uint32(len(h)), size: uint32(size)}
	w.part = w.part[:0]
	if w.table == nil {
		return nil
	}
	if len(w.table) == 0 || w.sized && w.table[0].size != w.now.size || !w.sized && len(w.table) > 1 {
		return malformed(errUntrueFrames)
	}
	return nil
}

// block passes over a block.
func (w *walker) block(h uint32) error {
	size := h >> 3
	if h>>1&3 == blockRLE {
		size = 1
	}
	last := h&1 != 0
	w.skip = uint64(size)
	if last && w.sum {
		w.skip += checksumSize
	}
	w.part = w.part[:0]
	w.sized = w.sized && uint64(w.now.stored)+blockHeader+w.skip <= math.MaxUint32
	w.now.stored += blockHeader + uint32(w.skip)
	if last {
		return w.ended()
	}
	return nil
}

// ended takes a frame down whose last bytes are about to be passed over.
func (w *walker) ended() error {
	w.inside = false
	if !w.sized {
		w.now.size = 0 // as no true table says
	}
	switch {
	case w.table != nil:
		if !sameFrames(w.table[:1], []frame{w.now}, len(w.table) == 1) {
			return malformed(errUntrueFrames)
		}
		w.table = w.table[1:]
	case w.check != nil && len(w.seen) <= maxFrames:
		w.seen = append(w.seen, w.now)
	}
	return nil
}

// sameFrames compares a table with what was seen. The size of a stream's last frame need not be in its header, for it follows from the
// stream's.
func sameFrames(table, seen []frame, last bool) bool {
	if n := len(table); last && n > 0 && n == len(seen) && seen[n-1].size == 0 {
		seen[n-1].size = table[n-1].size
	}
	return slices.Equal(table, seen)
}

// frames finds the seek table of a compressed stream that is in blocks, or nil. It reads from where the table begins, if it has as many
// frames as we would write.
func (b *blockReader) frames(size uint64) ([]frame, error) {
	stored := b.l.stored
	n := min(stored, uint64(seekTableSize(int(min(size/minFrame+1, maxFrames)))))
	tail, err := b.readAt(stored-n, n)
	if err != nil {
		return nil, err
	}
	count, ok := seekFooterFrames(tail)
	want := uint64(seekTableSize(count))
	switch {
	case !ok || want > stored:
		return nil, nil
	case want > n:
		if tail, err = b.readAt(stored-want, want); err != nil {
			return nil, err
		}
	}
	table, _ := parseSeekTable(tail[uint64(len(tail))-want:], stored, size)
	return table, nil
}

// find gives the frame that holds a decoded offset and those after it, and where it begins, decoded and stored. No frames are none.
func find(frames []frame, offset uint64) (start, stored uint64, from []frame) {
	for len(frames) > 0 && start+uint64(frames[0].size) <= offset {
		start += uint64(frames[0].size)
		stored += uint64(frames[0].stored)
		frames = frames[1:]
	}
	return start, stored, frames
}

// readAt reads n stored bytes.
func (b *blockReader) readAt(pos, n uint64) ([]byte, error) {
	b.expect(pos, n)
	p := make([]byte, n)
	_, err := io.ReadFull(b, p)
	return p, err
}

// openFrames puts a decoder behind a stream's blocks.
func (o *opened) openFrames(size uint64) {
	o.walker = &walker{r: o.blocks, check: func(seen []frame) error {
		// What a reader who seeks would find; all of it is in memory, or was a moment ago.
		table, err := o.blocks.frames(size)
		o.blocks.seek(o.blocks.l.stored)
		if err == nil && table != nil && !sameFrames(table, seen, true) {
			err = malformed(errUntrueFrames)
		}
		return err
	}}
	o.zstd = newDecoder(o.walker, o.blocks, size)
}

// jump makes the decoder go on at the first of the frames of table, which is all of them or the last ones; left is what they hold.
func (o *opened) jump(stored uint64, table []frame, left uint64) {
	o.blocks.expect(stored, uint64(table[0].stored))
	o.walker.jump(table)
	o.zstd.left = left
	o.zstd.err = o.zstd.zstd.Reset(o.walker)
}
