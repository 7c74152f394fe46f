package content

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"iter"
	"slices"
	"sync/atomic"

	"nightjar/keys"
)

// A list of blocks (SPEC §13) has an entry for each: a byte that says what it is, and its name.
const (
	listEntry = 1 + nameSize
	// listBatch is how many entries are sorted together: of content of up to 1 GiB, of whose blocks there are at most so many, the list says only
	// that they are of it; of more it says which came before which, by the gigabyte. It bounds the memory of who writes a list.
	listBatch = 1 << 16

	listedData   = 1 // a data block
	listedRecord = 2 // a record, which is a top block
	listedRoot   = 3 // a data block that is a top block
)

// listed is an entry.
type listed [listEntry]byte

func listedAs(what byte, name [nameSize]byte) (e listed) {
	e[0] = what
	copy(e[1:], name[:])
	return e
}

// id names the block, and says whether it is a top block.
func (e *listed) id() (id keys.ID, top bool, err error) {
	name := [nameSize]byte(e[1:])
	switch e[0] {
	case listedData:
		return keys.ID{Kind: keys.KindData, Name: name}, false, nil
	case listedRecord:
		return keys.ID{Kind: keys.KindRecord, Name: name}, true, nil
	case listedRoot:
		return keys.ID{Kind: keys.KindData, Name: name}, true, nil
	}
	return keys.ID{}, false, malformed("a list of blocks has an entry of an unknown kind")
}

// VerifyURI inserts the list of all blocks of what uri names and returns the verify capability that opens the list: whoever has it can Keep the content
// and cannot read it. It is drawn at random; nothing leads from it to uri. It fetches the manifests and tables of names.
func VerifyURI(ctx context.Context, src Source, dst Sink, uri keys.URI) (keys.URI, error) {
	w, err := survey(ctx, src, uri, GetOptions{})
	if err != nil {
		return keys.URI{}, err
	}
	p, err := newPutter(ctx, dst, PutOptions{})
	if err != nil {
		return keys.URI{}, err
	}
	defer p.close()
	next, stop := iter.Pull2(w.batches(ctx, src))
	defer stop()
	s, err := p.store(nil, &batchReader{next: next}, false, MaxStream)
	if err != nil {
		return keys.URI{}, p.cause(err)
	}
	d := &draft{m: &manifest{Version: formatVersion, Kind: kindBlocks, Stream: new(stream)}}
	d.streams = []placed{{s, d.m.Stream}}
	capability, err := p.publish(d)
	if err != nil {
		return keys.URI{}, p.cause(err)
	}
	capability.Verify = true
	return capability, nil
}

// batches gives the entries of all blocks, listBatch at a time, each batch sorted and without duplicates.
func (w *surveyed) batches(ctx context.Context, src Source) iter.Seq2[[]listed, error] {
	return func(yield func([]listed, error) bool) {
		var batch []listed
		for _, b := range w.tops {
			what := byte(listedRoot)
			if b.ID().Kind == keys.KindRecord {
				what = listedRecord
			}
			batch = append(batch, listedAs(what, b.ID().Name))
		}
		full := func() bool {
			slices.SortFunc(batch, func(a, b listed) int { return bytes.Compare(a[:], b[:]) })
			ok := yield(slices.Compact(batch), nil)
			batch = batch[:0]
			return ok
		}
		errStopped := io.EOF
		for _, p := range w.parts {
			for s := p.stream; s != nil; s = s.Nested {
				err := eachSegment(ctx, reading{src: src, meter: new(meter)}, s, func(c *coded) error {
					for i := range c.n {
						batch = append(batch, listedAs(listedData, c.id(i).Name))
						if len(batch) == listBatch && !full() {
							return errStopped
						}
					}
					return nil
				})
				if err == errStopped {
					return
				}
				if err != nil {
					yield(nil, err)
					return
				}
			}
		}
		if len(batch) > 0 {
			full()
		}
	}
}

// batchReader is the encoded list.
type batchReader struct {
	next func() ([]listed, error, bool)
	rest []listed
	part []byte // of the first of rest
}

func (r *batchReader) Read(p []byte) (n int, err error) {
	for n < len(p) {
		if len(r.part) > 0 {
			m := copy(p[n:], r.part)
			r.part = r.part[m:]
			n += m
			continue
		}
		if len(r.rest) == 0 {
			if n > 0 {
				return n, nil
			}
			batch, err, ok := r.next()
			if !ok {
				return 0, io.EOF
			}
			if err != nil {
				return 0, err
			}
			r.rest = batch
		}
		r.part = r.rest[0][:]
		r.rest = r.rest[1:]
	}
	return n, nil
}

// readList reads a list of blocks and calls f for each batch, whose entries are sorted and different.
func readList(r io.Reader, f func([]listed) error) error {
	var batch []listed
	for {
		var e listed
		switch _, err := io.ReadFull(r, e[:]); {
		case err == io.EOF:
			if len(batch) == 0 {
				return nil
			}
			return f(batch)
		case err == io.ErrUnexpectedEOF:
			return malformed("a list of blocks ends within an entry")
		case err != nil:
			return err
		}
		if _, _, err := e.id(); err != nil {
			return err
		}
		if n := len(batch); n == listBatch {
			if err := f(batch); err != nil {
				return err
			}
			batch = batch[:0]
		} else if n > 0 && bytes.Compare(batch[n-1][:], e[:]) >= 0 {
			return malformed("a list of blocks is not sorted")
		}
		batch = append(batch, e)
	}
}

// listed looks after the blocks that a verify capability names, and first after the list itself, which it can read.
func (k *keeper) listed(ctx context.Context, uri keys.URI) error {
	if err := uri.Check(); err != nil {
		return err
	}
	f := &finder{src: k.src, opts: k.getOptions(), meter: new(meter), passed: new(surveyed)}
	m, err := f.root(ctx, uri.Routing, &uri.Read)
	if err == nil {
		m, err = f.resolve(ctx, m)
	}
	if err != nil {
		return err
	}
	if m.Kind != kindBlocks {
		return malformed("a verify capability names something else than a list of blocks")
	}
	w := f.passed
	w.parts = append(w.parts, part{"", m.Stream})
	if err := k.expect(w.blocks()+m.Stream.Size/listEntry, 0); err != nil {
		return err
	}
	if err := k.refresh(ctx, w.tops); err != nil {
		return err
	}
	if err := k.parts(ctx, w.parts); err != nil {
		return err
	}
	k.health.Segments, k.health.Weakest, k.health.Count = nil, SegmentHealth{}, 0 // those were the list's
	o := openStream(ctx, k.reading(), m.Stream, wholeShuffled)
	defer o.Close()
	return readList(o, func(batch []listed) error { return k.batch(ctx, batch) })
}

// batch asks for blocks of the list, a sample or all, and inserts again what it finds.
func (k *keeper) batch(ctx context.Context, batch []listed) error {
	ask := slices.Clone(batch)
	k.rng.Shuffle(len(ask), func(i, j int) { ask[i], ask[j] = ask[j], ask[i] })
	if k.o.Sample < 1 {
		ask = ask[:min(len(ask), max(minSample, int(k.o.Sample*float64(len(ask)))))]
	}
	k.meter.add(Progress{Done: uint64(len(batch) - len(ask))})
	var c refreshed
	err := each(ctx, k.o.Parallel, ask, func(ctx context.Context, e listed) error { return k.again(ctx, &e, &c) })
	k.health.Blocks += uint64(len(ask))
	k.health.Missing += c.missing.Load()
	k.health.Repaired += c.inserted.Load()
	if cause := c.cause.Load(); err == nil && cause != nil && c.missing.Load() == uint64(len(ask)) {
		err = fmt.Errorf("content: looking after listed blocks: %w", *cause)
	}
	return err
}

// refreshed counts what became of the blocks of a batch.
type refreshed struct {
	missing, inserted atomic.Uint64
	cause             atomic.Pointer[error] // why one could not be had, other than ErrNotFound
}

// again fetches a listed block and inserts it again.
func (k *keeper) again(ctx context.Context, e *listed, c *refreshed) error {
	id, top, err := e.id()
	if err != nil {
		return err
	}
	b, err := k.src.Fetch(ctx, id, top)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	k.meter.add(Progress{Done: 1})
	if err == nil && b.ID() != id {
		err = ErrNotFound
	}
	if err != nil {
		c.missing.Add(1)
		if !absent(err) {
			c.cause.Store(&err)
		}
		return nil
	}
	if k.dst == nil {
		return nil
	}
	if err := k.insert(ctx, b, top); err != nil {
		return err
	}
	c.inserted.Add(1)
	return nil
}
