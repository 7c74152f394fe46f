package content

import (
	"context"
	crand "crypto/rand"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"

	"nightjar/crypto/erasure"
	"nightjar/keys"
)

const (
	// firstAhead and maxAhead bound in blocks how far a windowed reader requests beyond where it reads. It doubles
	// with every block read in sequence: someone who looks at one page of a long file fetches little more than that.
	firstAhead = 4
	maxAhead   = 256
	// tableParallel is how many blocks of a table of names are in flight: a table is 1/500 of what it describes.
	tableParallel = 8
	// tableAhead bounds in blocks how far a table that is read in sequence is requested ahead: five segments' entries.
	tableAhead = 16
)

// mode says which blocks a blockReader asks for.
type mode uint8

const (
	windowed      mode = iota // data blocks from where it is read, as far as firstAhead..maxAhead
	wholeInOrder              // all data blocks of two segments, in order
	wholeShuffled             // k(1+δ) random blocks of two segments
	told                      // the blocks that expect names: tables of names
)

// reading is what all streams of one operation share.
type reading struct {
	src      Source
	parallel int
	meter    *meter
	heal     func(keys.Block, bool) // GetOptions.Heal
	memory   *Memory                // GetOptions.Memory
	manifest bool                   // what is read is a manifest
}

// blockReader reads the stored bytes of a stream that is in segments. At most two segments are in memory: the one being
// read and the one after it. It is for one goroutine.
type blockReader struct {
	f    *fetcher
	heal func(keys.Block, bool)
	l    layout
	mode mode

	table  []byte       // the table of names, or
	nested *blockReader // what holds it

	pos   uint64     // where the next Read begins
	ahead int        // windowed: blocks to request from pos on; told: how many more than needed
	until uint64     // the block before which to stop: told always, windowed while the blocks before it are read
	last  uint64     // windowed: the block that was read last
	segs  []*segment // at most two, neighbours
	code  *erasure.Code
	err   error // why the last Read failed; seek forgives it
}

// newBlockReader makes a reader of a checked stream that has a table. Nothing is requested before the first Read.
func newBlockReader(ctx context.Context, r reading, s *stream, m mode) *blockReader {
	b := &blockReader{f: newFetcher(ctx, r.src, r.parallel, r.meter), heal: r.heal, l: s.layout(), mode: m, table: s.Table}
	if r.manifest || m == told {
		b.f.keeper, _ = r.src.(Keeper)
	}
	r.memory = r.memory.orNew()
	b.f.buffers.memory = r.memory
	if s.Nested != nil {
		r.parallel = tableParallel
		b.nested = newBlockReader(ctx, r, s.Nested, told)
	}
	return b
}

// Close ends all requests and waits for them.
func (b *blockReader) Close() {
	b.f.close()
	for _, s := range b.segs {
		b.f.release(s)
	}
	b.segs = nil
	if b.nested != nil {
		b.nested.Close()
	}
	b.f.buffers.memory.keepCode(b.code)
	b.code = nil
	b.f.buffers.giveBack()
}

// Read returns stored bytes, at most to the end of a block.
func (b *blockReader) Read(p []byte) (int, error) {
	chunk, err := b.next()
	if err != nil {
		return 0, err
	}
	n := copy(p, chunk)
	b.pos += uint64(n)
	return n, nil
}

// WriteTo writes the stored bytes from the current position to the end.
func (b *blockReader) WriteTo(w io.Writer) (n int64, err error) {
	for {
		chunk, err := b.next()
		if err == io.EOF {
			return n, nil
		}
		if err != nil {
			return n, err
		}
		m, err := w.Write(chunk)
		n += int64(m)
		b.pos += uint64(m)
		if err != nil {
			return n, err
		}
		if m < len(chunk) {
			return n, io.ErrShortWrite
		}
	}
}

// seek moves to a position of at most the stored size. It makes no request.
func (b *blockReader) seek(pos uint64) { b.pos, b.err, b.until = pos, nil, 0 }

// expect says that the size bytes from pos on are read next: just the blocks that hold them are requested, at once. When a table of names
// turns out to be read in sequence, more and more after them.
func (b *blockReader) expect(pos, size uint64) {
	first, end := pos/keys.DataSize, (pos+size-1)/keys.DataSize+1
	sequel := b.mode == told && pos != 0 && pos == b.pos && b.err == nil
	b.seek(pos)
	switch {
	case b.whole():
	case sequel:
		b.ahead = min(max(1, 2*b.ahead), tableAhead)
		b.until = min(end+uint64(b.ahead), b.l.blocks)
	case b.mode == told:
		b.ahead, b.until = 0, end
		b.forget()
	default:
		b.ahead, b.until = firstAhead, min(end, first+maxAhead)
		b.forget()
	}
}

// forget takes back what was wanted and not asked for.
func (b *blockReader) forget() {
	for _, s := range b.segs {
		b.f.update(func(*rand.Rand) { s.forget() })
	}
}

// next returns the bytes from pos to the end of its block, or io.EOF. They are valid until the next call.
func (b *blockReader) next() ([]byte, error) {
	if b.err != nil {
		return nil, b.err
	}
	if b.pos >= b.l.stored {
		return nil, io.EOF
	}
	block := b.pos / keys.DataSize
	data, err := b.block(block)
	if err != nil {
		b.err = err
		return nil, err
	}
	begin := block * keys.DataSize
	return data[b.pos-begin : min(keys.DataSize, b.l.stored-begin)], nil
}

// block returns a data block of the stream, and has those after it requested.
func (b *blockReader) block(block uint64) ([]byte, error) {
	no, j := b.l.find(block)
	s, err := b.request(block, no, j)
	if err != nil {
		return nil, err
	}
	data, err := b.f.await(s, j)
	if err != nil || data != nil {
		return data, err
	}
	if err := b.rebuild(s); err != nil {
		return nil, err
	}
	return s.shards[j], nil
}

// request makes the blocks that the mode asks for be fetched, and returns the segment that holds the block.
func (b *blockReader) request(block, no uint64, j int) (*segment, error) {
	window := b.window(block)
	s, err := b.segment(no)
	if err != nil {
		return nil, err
	}
	b.wantOf(s, j, window)
	// The next segment is asked for before this one is waited for, so that the network has work while we decode and write.
	k := b.l.data(no)
	if no+1 < b.l.segments && (b.whole() || j+window > k) {
		next, err := b.segment(no + 1)
		if err != nil {
			return nil, err
		}
		b.wantOf(next, 0, j+window-k)
	}
	return s, nil
}

// whole reports whether all of the stream is read.
func (b *blockReader) whole() bool { return b.mode == wholeInOrder || b.mode == wholeShuffled }

// window adapts how many blocks are requested to how the stream is read.
func (b *blockReader) window(block uint64) int {
	switch {
	case b.whole():
		return 0
	case block < b.until:
		b.last = block
		return int(b.until - block)
	case b.ahead == 0 || block < b.last || block > b.last+1:
		b.ahead = firstAhead
		b.forget()
	case block == b.last+1:
		b.ahead = min(2*b.ahead, maxAhead)
	}
	b.last = block
	return b.ahead
}

// wantOf queues what the mode asks for of a segment; count blocks from j on, unless all of it is read.
func (b *blockReader) wantOf(s *segment, j, count int) {
	b.f.update(func(rng *rand.Rand) {
		switch {
		case s.wide || s.decodable():
		case b.mode == wholeShuffled:
			s.widen(rng, true)
		case b.mode == wholeInOrder:
			s.wantAll()
		default:
			s.want(j, min(s.k, j+count), rng)
		}
	})
}

// segment returns an active segment. A new one drives out those that are not its neighbours.
func (b *blockReader) segment(no uint64) (*segment, error) {
	for _, s := range b.segs {
		if s.no == no {
			return s, nil
		}
	}
	entry, err := b.entry(no)
	if err != nil {
		return nil, err
	}
	b.segs = slices.DeleteFunc(b.segs, func(s *segment) bool {
		neighbour := s.no+1 == no || s.no == no+1
		if !neighbour {
			b.f.release(s)
		}
		return !neighbour
	})
	s := newSegment(b.f.ctx, no, b.l.data(no), entry)
	if b.mode == wholeShuffled {
		s.extra = s.k / extraShare
	}
	if h, ok := b.f.src.(Holder); ok {
		s.mark(h)
	}
	if b.whole() {
		s.counted = s.k // whoever reads all of a stream has counted its blocks beforehand
	}
	b.segs = append(b.segs, s)
	b.f.add(s)
	return s, nil
}

// entry reads a segment's entry in the table of names.
func (b *blockReader) entry(no uint64) ([]byte, error) {
	offset, size := b.l.entry(no)
	if b.nested == nil {
		return b.table[offset : offset+uint64(size)], nil
	}
	b.nested.expect(offset, uint64(size))
	entry := make([]byte, size)
	if _, err := io.ReadFull(b.nested, entry); err != nil {
		return nil, err
	}
	return entry, nil
}

// rebuild completes the data of a decodable segment.
func (b *blockReader) rebuild(s *segment) error {
	if b.code == nil || b.code.Data() != s.k {
		b.f.buffers.memory.keepCode(b.code)
		b.code = nil
		code, err := b.f.buffers.memory.code(s.k, s.n)
		if err != nil {
			return fmt.Errorf("content: %w", err)
		}
		b.code = code
	}
	if err := s.rebuild(b.code, &b.f.buffers); err != nil {
		return err
	}
	s.heal(b.code, b.heal)
	return nil
}

// seed draws the seed of a shuffle from the system.
func seed() (s [32]byte) {
	crand.Read(s[:])
	return s
}
