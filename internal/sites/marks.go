package sites

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
)

const (
	markSize = 32
	// maxMarks bounds the attempts at one edition that are remembered; older ones are forgotten first.
	maxMarks = 4
)

// Writing notes that an edition of a site is about to be written from here, and the mark that tells its record from what anybody else writes
// (content.PutOptions.Writing). When it returns, that is durable.
func (b *Book) Writing(name string, edition int64, mark [markSize]byte) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	of, marks, err := b.marks(name)
	if err != nil {
		return fmt.Errorf("sites: reading what was written of %q: %w", name, err)
	}
	if of != edition {
		marks = nil
	}
	if slices.Contains(marks, mark) {
		return nil
	}
	if marks = append(marks, mark); len(marks) > maxMarks {
		marks = marks[1:]
	}
	raw := binary.BigEndian.AppendUint64(nil, uint64(edition))
	for _, m := range marks {
		raw = append(raw, m[:]...)
	}
	if err := b.keep.Put(spaceMarks, []byte(name), raw); err != nil {
		return fmt.Errorf("sites: keeping what is written of %q: %w", name, err)
	}
	return nil
}

// Wrote reports whether each of marks, of which there is at least one, was noted by Writing for that edition: then nobody else has written it.
func (b *Book) Wrote(name string, edition int64, marks ...[markSize]byte) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	of, own, err := b.marks(name)
	if err != nil || of != edition {
		return false
	}
	return len(marks) > 0 && !slices.ContainsFunc(marks, func(m [markSize]byte) bool { return !slices.Contains(own, m) })
}

// marks reads what Writing has noted last. Something else there is nothing. b.mu is held.
func (b *Book) marks(name string) (edition int64, marks [][markSize]byte, err error) {
	raw, err := b.keep.Get(spaceMarks, []byte(name))
	if errors.Is(err, b.absent) {
		return 0, nil, nil
	}
	if n := len(raw); err != nil || n < 8+markSize || n > 8+maxMarks*markSize || (n-8)%markSize != 0 {
		return 0, nil, err
	}
	edition = int64(binary.BigEndian.Uint64(raw))
	for m := range slices.Chunk(raw[8:], markSize) {
		marks = append(marks, [markSize]byte(m))
	}
	return edition, marks, nil
}
