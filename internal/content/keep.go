package content

import (
	"context"
	"fmt"
	"math/rand/v2"
	"time"

	"nightjar/crypto/erasure"
	"nightjar/keys"
)

const (
	// minSample is the least number of a segment's blocks that Check asks for: of 32 answers the share is known within 9 % (one standard
	// deviation, at a half).
	minSample = 32
	// defaultSample is the share of a segment's blocks that Check asks for.
	defaultSample = 0.05
	// maxSegmentHealth bounds the list in a Health: 320 GiB.
	maxSegmentHealth = 10_000
	// checksAtOnce bounds the check blocks that Keep holds beside a segment's data, 8 MiB.
	checksAtOnce = 256
)

// KeepOptions says how Check and Keep work; the zero value is the default.
type KeepOptions struct {
	Sample   float64 // share of each segment's blocks that Check asks for, at least 32 blocks; 0 = 5 %, 1 = all. Keep asks for all
	Parallel int     // blocks in flight; 0 = default
	// MaxBlocks is how many blocks the content may have, of which it takes a table or list of 33 bytes for each to know them; 0 = MaxKeep. An author
	// can name any number, and whoever looks after them asks for each.
	MaxBlocks uint64
	Progress  func(Progress)
	Now       func() time.Time // as in GetOptions
}

// TooManyError says that content has more blocks than whoever wants to keep it allows. Nothing but its manifests was fetched.
type TooManyError struct{ Blocks, Most uint64 }

func (e *TooManyError) Error() string {
	return fmt.Sprintf("content: it has %d blocks, and at most %d are looked after unless more are allowed", e.Blocks, e.Most)
}

// Is makes it ErrTooMany for errors.Is.
func (e *TooManyError) Is(target error) bool { return target == ErrTooMany }

// SegmentHealth is what was found of a segment.
type SegmentHealth struct {
	Path     string // of the file that the segment belongs to; "" for a file by itself, containers, and what manifests are in
	Table    bool   // the segment is of a table of names
	Needed   int    // blocks that it takes to rebuild the segment
	Blocks   int    // blocks that it has
	Asked    int    // blocks that were asked for
	Found    int    // blocks that were found
	Repaired int    // blocks that were inserted again
}

// Left is how many blocks there are for each one needed, as far as they were asked for: below 1 the segment is lost.
func (h SegmentHealth) Left() float64 {
	return float64(h.Found*h.Blocks) / float64(h.Asked*h.Needed)
}

// Health is what is left of some content.
type Health struct {
	Segments []SegmentHealth // the first 10 000; of a verify capability none
	Weakest  SegmentHealth   // the one with the least Left, of all; zero if there are no segments
	Count    uint64          // segments in all
	Blocks   uint64          // asked for, top blocks included
	Missing  uint64          // of those not found
	Repaired uint64          // inserted again: what was missing; with a verify capability what was found
	Lost     uint64          // segments all of whose blocks were asked for and that cannot be rebuilt
}

func (h *Health) add(s SegmentHealth) {
	if len(h.Segments) < maxSegmentHealth {
		h.Segments = append(h.Segments, s)
	}
	if h.Count == 0 || s.Left() < h.Weakest.Left() {
		h.Weakest = s
	}
	h.Count++
	h.Blocks += uint64(s.Asked)
	h.Missing += uint64(s.Asked - s.Found)
	h.Repaired += uint64(s.Repaired)
	if s.Asked == s.Blocks && s.Found < s.Needed {
		h.Lost++
	}
}

// Check asks for a sample of the blocks of what uri names, a file or folder of it if it has a path, and reports what is there. It fetches the manifests and
// tables of names; with a verify capability, which has no segments, the list.
func Check(ctx context.Context, src Source, uri keys.URI, o KeepOptions) (Health, error) {
	if o.Sample <= 0 {
		o.Sample = defaultSample
	}
	return keep(ctx, src, nil, uri, o)
}

// Keep asks for all blocks of what uri names, rebuilds what is missing, and inserts it. Top blocks are inserted again in any case: one may be at some
// of its positions only. With a verify capability it inserts again what it finds. Memory is bounded by two segments. A segment that cannot be rebuilt is counted as
// Lost and is no error; what lies below a table that is lost cannot be looked at, and then the error wraps ErrNotFound.
func Keep(ctx context.Context, src Source, dst Sink, uri keys.URI, o KeepOptions) (Health, error) {
	o.Sample = 1
	return keep(ctx, src, dst, uri, o)
}

// keeper is one Check or Keep.
type keeper struct {
	src    Source
	dst    Sink // nil = look only
	o      KeepOptions
	meter  *meter
	rng    *rand.Rand
	health Health
	code   *erasure.Code

	buffers pool
}

func keep(ctx context.Context, src Source, dst Sink, uri keys.URI, o KeepOptions) (Health, error) {
	if o.Parallel <= 0 {
		o.Parallel = defaultParallel
	}
	if o.MaxBlocks == 0 {
		o.MaxBlocks = MaxKeep
	}
	k := &keeper{src: src, dst: dst, o: o, meter: &meter{report: o.Progress}, rng: rand.New(rand.NewChaCha8(seed()))}
	if uri.Verify {
		err := k.listed(ctx, uri)
		return k.health, err
	}
	w, err := survey(ctx, src, uri, k.getOptions())
	if err != nil {
		return k.health, err
	}
	if err := k.expect(w.blocks(), w.size); err != nil {
		return k.health, err
	}
	if err := k.refresh(ctx, w.tops); err != nil {
		return k.health, err
	}
	err = k.parts(ctx, w.parts)
	return k.health, err
}

// parts looks after streams. That the table of one is lost does not matter to the others.
func (k *keeper) parts(ctx context.Context, parts []part) (lost error) {
	for _, p := range parts {
		err := k.stream(ctx, p.path, p.stream, false)
		if absent(err) && ctx.Err() == nil {
			lost = err
			continue
		}
		if err != nil {
			return err
		}
	}
	return lost
}

// expect says how much there is to do, or that it is too much.
func (k *keeper) expect(blocks, size uint64) error {
	if blocks > k.o.MaxBlocks {
		return &TooManyError{blocks, k.o.MaxBlocks}
	}
	k.meter.add(Progress{Need: blocks, Size: size})
	return nil
}

func (k *keeper) getOptions() GetOptions { return GetOptions{Parallel: k.o.Parallel, Now: k.o.Now} }

func (k *keeper) reading() reading {
	return reading{src: k.src, parallel: k.o.Parallel, meter: new(meter)}
}

// refresh inserts top blocks again.
func (k *keeper) refresh(ctx context.Context, tops []keys.Block) error {
	for _, b := range tops {
		k.health.Blocks++
		k.meter.add(Progress{Done: 1})
		if k.dst == nil {
			continue
		}
		if err := k.insert(ctx, b, true); err != nil {
			return err
		}
	}
	return nil
}

// stream looks after a stream and the tables above it.
func (k *keeper) stream(ctx context.Context, path string, s *stream, table bool) error {
	if s.Nested != nil {
		if err := k.stream(ctx, path, s.Nested, true); err != nil {
			return err
		}
	}
	return eachSegment(ctx, k.reading(), s, func(c *coded) error {
		h, err := k.segment(ctx, c)
		if err == nil {
			h.Path, h.Table = path, table
			k.health.add(h)
		}
		return err
	})
}

// eachSegment reads the table of names of a stream and calls f for each segment.
func eachSegment(ctx context.Context, r reading, s *stream, f func(*coded) error) error {
	if s.Inline != nil || s.stored() == 0 {
		return nil
	}
	b := newBlockReader(ctx, r, s, told)
	defer b.Close()
	for no := range b.l.segments {
		entry, err := b.entry(no)
		if err != nil {
			return fmt.Errorf("content: reading a table of names: %w", err)
		}
		c := readEntry(no, b.l.data(no), entry)
		err = f(&c)
		c.key.Wipe()
		if err != nil {
			return err
		}
	}
	return nil
}

// segment looks after one segment.
func (k *keeper) segment(ctx context.Context, c *coded) (SegmentHealth, error) {
	h := SegmentHealth{Needed: c.k, Blocks: c.n}
	ask := k.rng.Perm(c.n)
	if k.o.Sample < 1 {
		ask = ask[:min(c.n, max(minSample, int(k.o.Sample*float64(c.n))))]
	}
	l := &looking{k: k, c: c, shards: make([][]byte, c.n)}
	defer func() {
		for _, b := range l.shards {
			k.buffers.put(b)
		}
	}()
	if err := each(ctx, k.o.Parallel, ask, l.look); err != nil {
		return h, err
	}
	h.Asked, h.Found = len(ask), len(ask)-len(l.missing)
	k.meter.add(Progress{Done: uint64(c.n - len(ask))}) // as good as done
	switch {
	case l.cause != nil && (h.Found == 0 || k.dst != nil && l.held < c.k): // not lost: nobody could look
		return h, fmt.Errorf("content: looking after a segment: %w", l.cause)
	case k.dst == nil || len(l.missing) == 0:
		return h, nil
	case l.held < c.k:
		return h, nil // lost
	}
	repaired, err := k.repair(ctx, c, l.shards, l.missing)
	h.Repaired = repaired
	return h, err
}

// repair rebuilds what is missing of a segment from the blocks that are there, and inserts it.
func (k *keeper) repair(ctx context.Context, c *coded, shards [][]byte, missing []int) (repaired int, err error) {
	if k.code == nil || k.code.Data() != c.k || k.code.Total() != c.n {
		if k.code, err = erasure.New(c.k, c.n); err != nil {
			return 0, err
		}
	}
	if err := k.code.RebuildOver(shards); err != nil {
		return 0, fmt.Errorf("content: rebuilding a segment: %w", err)
	}
	k.rng.Shuffle(len(missing), func(i, j int) { missing[i], missing[j] = missing[j], missing[i] })
	for len(missing) > 0 {
		batch := missing[:min(checksAtOnce, len(missing))]
		missing = missing[len(batch):]
		var blocks []keys.Block
		if err := c.remake(k.code, shards[:c.k], batch, func(_ int, b keys.Block) error {
			blocks = append(blocks, b)
			return nil
		}); err != nil {
			return repaired, err
		}
		if err := each(ctx, k.o.Parallel, blocks, func(ctx context.Context, b keys.Block) error { return k.insert(ctx, b, false) }); err != nil {
			return repaired, err
		}
		repaired += len(blocks)
	}
	return repaired, nil
}

// insert gives a block to the Sink, which has its own retries, as often as an insert does.
func (k *keeper) insert(ctx context.Context, b keys.Block, top bool) (err error) {
	for range maxAttempts {
		if err = k.dst.Insert(ctx, b, top); err == nil || ctx.Err() != nil {
			break
		}
	}
	if err != nil {
		return fmt.Errorf("content: inserting a block again: %w", err)
	}
	return nil
}
