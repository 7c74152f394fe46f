package content

import (
	"encoding/binary"
	"fmt"
	"io"

	"nightjar/crypto"
	"nightjar/keys"
)

// labelSegment derives a segment's key from its data, for inserts that can be done again.
const labelSegment crypto.Label = "convergent segment v1"

// streamWriter cuts what is written to it into segments and has them inserted. It holds the data of at most one full
// segment and minTail blocks: only then does it know that a full segment is not the last but one before a short tail.
type streamWriter struct {
	p      *putter
	direct int  // the largest table that the manifest is to carry itself
	inline int  // the largest stream that the manifest is to carry itself
	nested bool // a table of names: small, and its buffers must not wait for those of the stream that it describes

	blocks [][]byte // data not yet in a segment
	fill   int      // bytes in the last of them
	stored uint64
	no     uint64     // of the next segment
	coded  []*sealing // segments whose names are not in the table yet
	table  []byte     // or, once it is larger than direct,
	below  *streamWriter
	kept   bool    // closed, and small enough to be inline
	there  *stream // the table, if all of it is in the network
}

// Write implements io.Writer.
func (w *streamWriter) Write(p []byte) (n int, err error) {
	for len(p) > 0 {
		room, err := w.room()
		if err != nil {
			return n, err
		}
		m := copy(room, p)
		w.filled(m)
		n += m
		p = p[m:]
	}
	return n, nil
}

// ReadFrom implements io.ReaderFrom, so that bytes which are not compressed are copied once.
func (w *streamWriter) ReadFrom(r io.Reader) (n int64, err error) {
	for {
		room, err := w.room()
		if err != nil {
			return n, err
		}
		m, err := r.Read(room)
		w.filled(m)
		n += int64(m)
		if err == io.EOF {
			return n, nil
		}
		if err != nil {
			return n, err
		}
	}
}

func (w *streamWriter) filled(n int) {
	w.fill += n
	w.stored += uint64(n)
}

// room returns the free part of the last block, which is not empty.
func (w *streamWriter) room() ([]byte, error) {
	if len(w.blocks) == 0 || w.fill == keys.DataSize {
		if w.stored >= MaxStream {
			return nil, fmt.Errorf("%w: a stream has at most 2^44 bytes", ErrTooLarge)
		}
		if len(w.blocks) == maxData+minTail {
			if err := w.emit(maxData); err != nil {
				return nil, err
			}
		}
		if err := w.acquire(1); err != nil {
			return nil, err
		}
		w.blocks = append(w.blocks, make([]byte, keys.DataSize))
		w.fill = 0
	}
	return w.blocks[len(w.blocks)-1][w.fill:], nil
}

func (w *streamWriter) acquire(n int) error {
	if w.nested {
		return nil
	}
	return w.p.ins.acquire(n)
}

func (w *streamWriter) free(n int) {
	if !w.nested {
		w.p.ins.free(n)
	}
}

// Close codes what is left, without waiting for it to be inserted, unless the stream can be inline.
func (w *streamWriter) Close() error {
	if n := len(w.blocks); n > 0 && w.fill == 0 {
		w.blocks = w.blocks[:n-1]
		w.fill = keys.DataSize
		w.free(1)
	}
	if w.no == 0 && w.stored > 0 && w.stored <= uint64(w.inline) {
		w.kept = true
		w.free(1)
		return nil
	}
	if len(w.blocks) >= maxData+minTail {
		if err := w.emit(maxData); err != nil {
			return err
		}
	}
	if n := len(w.blocks); n > maxData {
		if err := w.emit((n + 1) / 2); err != nil {
			return err
		}
	}
	if n := len(w.blocks); n > 0 {
		return w.emit(n)
	}
	return nil
}

// emit makes a segment of the first k blocks.
func (w *streamWriter) emit(k int) error {
	n := w.p.o.Redundancy.total(k)
	// A table's blocks do not count while it is written, for their stream could not go on if it had to wait for them. A
	// large segment of it counts from here on.
	large := w.nested && k >= minTail
	if large {
		if err := w.p.ins.settle(n); err != nil {
			return err
		}
	} else if err := w.acquire(n - k); err != nil {
		return err
	}
	shards := make([][]byte, n)
	copy(shards, w.blocks[:k])
	for i := k; i < n; i++ {
		shards[i] = make([]byte, keys.DataSize)
	}
	w.blocks = append(w.blocks[:0], w.blocks[k:]...)
	code, err := w.p.codeFor(k)
	if err == nil {
		err = code.Encode(shards)
	}
	if err != nil {
		return fmt.Errorf("content: coding a segment: %w", err)
	}
	s := &sealing{no: w.no, names: make([]byte, n*nameSize), counts: !w.nested || large, plain: shards, unsealed: n, order: w.p.rng.Perm(n)}
	// It is used once: data determines check blocks.
	if s.key, err = w.p.keyFor(labelSegment, segmentInfo(k, n), shards[:k]...); err != nil {
		return err
	}
	w.p.ins.add(s)
	w.no++
	w.coded = append(w.coded, s)
	return w.collect(false)
}

// segmentInfo goes with the hash of a segment's data into its key: k and n say how it is coded (SPEC §6.4).
func segmentInfo(k, n int) []byte {
	b := binary.BigEndian.AppendUint16(nil, uint16(k))
	return binary.BigEndian.AppendUint16(b, uint16(n))
}

// collect moves the names of sealed segments to the table, in order; all says that it waits for every one.
func (w *streamWriter) collect(all bool) error {
	for len(w.coded) > 0 {
		s := w.coded[0]
		if !all && !w.p.ins.isSealed(s) {
			return nil
		}
		if err := w.p.ins.sealed(s); err != nil {
			return err
		}
		w.coded = w.coded[1:]
		if w.below == nil {
			w.table = append(append(w.table, s.key[:]...), s.names...)
		} else if err := w.belowWrite(s.key[:], s.names); err != nil {
			return err
		}
		s.key.Wipe()
		if len(w.table) > w.direct {
			if err := w.lower(); err != nil {
				return err
			}
		}
	}
	return nil
}

func (w *streamWriter) belowWrite(parts ...[]byte) error {
	for _, p := range parts {
		if _, err := w.below.Write(p); err != nil {
			return err
		}
	}
	return nil
}

// lower moves the table to a stream of its own.
func (w *streamWriter) lower() error {
	w.below = &streamWriter{p: w.p, direct: maxDirectTable, nested: true}
	err := w.belowWrite(w.table)
	w.table = nil
	return err
}

// place waits for all names and says in s where the stream is. Close comes before.
func (w *streamWriter) place(s *stream) error {
	s.Inline, s.Table, s.Nested, s.Redundancy = nil, nil, nil, 0
	if w.kept {
		s.Inline = w.blocks[0][:w.stored]
		return nil
	}
	if err := w.collect(true); err != nil {
		return err
	}
	if w.stored > 0 {
		s.Redundancy = w.p.o.Redundancy
	}
	if w.there != nil {
		s.Nested = w.there
		return nil
	}
	if w.below == nil {
		s.Table = w.table
		return nil
	}
	if err := w.below.Close(); err != nil {
		return err
	}
	s.Nested = &stream{Size: w.below.stored}
	return w.below.place(s.Nested)
}

// carried is how many bytes of the manifest the stream takes up that could be elsewhere. It follows from the stream alone
// and not from how far its blocks have got, so that an insert that is done again makes the same manifest. Close comes before.
func (w *streamWriter) carried() int {
	table := layoutWith(w.stored, w.p.o.Redundancy).tableSize()
	switch {
	case w.kept:
		return int(w.stored)
	case w.below != nil || w.there != nil || table > uint64(w.direct):
		return 0
	}
	return int(table)
}

// spill moves what the manifest carries to blocks of its own.
func (w *streamWriter) spill() error {
	if !w.kept {
		return w.lower()
	}
	w.kept = false
	if err := w.acquire(1); err != nil {
		return err
	}
	return w.emit(1)
}
