package content

import (
	"cmp"
	"slices"
)

const (
	// Editions that each change a page leave a container each, over which a page and its pictures would be spread. When more
	// than maxSmall containers have less than smallContainer bytes in use, the smallest are packed together, at least two and
	// as many as mergeShare has room for: the next edition is still small.
	smallContainer = 48 << 10
	maxSmall       = 8
	mergeShare     = 2 * smallContainer
)

// base is an earlier edition of a folder that is being inserted: what of it can stay where it is.
type base struct {
	e      *Edition
	places map[[32]byte][]int // files of e that are not taken yet, by sum
	at     []uint64           // numbers of e's containers in the new manifest; 0 = not in it yet
}

// newBase chooses the containers and streams that are worth keeping. A container is packed anew when more than half of it
// was dead in the edition: so an edition never has more than twice what it needs, but for what died in it.
func newBase(e *Edition, r Redundancy) *base {
	live := make([]uint64, len(e.containers))
	for i := range e.files {
		if c := e.files[i].Container; c != 0 {
			live[c-1] += e.files[i].Size
		}
	}
	keep := make([]bool, len(e.containers))
	var small []int
	for i := range e.containers {
		keep[i] = 2*live[i] >= e.containers[i].Size && e.containers[i].has(r)
		if keep[i] && live[i] < smallContainer {
			small = append(small, i)
		}
	}
	if len(small) > maxSmall {
		slices.SortStableFunc(small, func(a, b int) int { return cmp.Compare(live[a], live[b]) })
		room := uint64(mergeShare)
		for _, i := range small {
			if live[i] > room {
				break
			}
			room -= live[i]
			keep[i] = false
		}
	}
	b := &base{e: e, places: map[[32]byte][]int{}, at: make([]uint64, len(e.containers))}
	for i := range e.files {
		f := &e.files[i]
		if f.Container != 0 && keep[f.Container-1] || f.Stream != nil && f.Stream.has(r) {
			b.places[f.Sum] = append(b.places[f.Sum], i)
		}
	}
	return b
}

// has reports whether a stream has this redundancy, or no blocks to have one.
func (s *stream) has(r Redundancy) bool { return s.Inline != nil || s.Redundancy == r }

// take gives the place of a file with that content, once for each that there is: no two files of a folder share a place
// in a container.
func (b *base) take(sum [32]byte) (*keptFile, bool) {
	if b == nil || len(b.places[sum]) == 0 {
		return nil, false
	}
	i := b.places[sum][0]
	if b.e.files[i].Container != 0 {
		b.places[sum] = b.places[sum][1:]
	}
	return &b.e.files[i], true
}

// again is a stream that is in the network. Nothing of it is inserted, except what the manifest carries if that is moved out.
func (p *putter) again(s *stream) (*stored, error) {
	w := p.newStream()
	switch {
	case s.Inline != nil:
		if _, err := w.Write(s.Inline); err != nil {
			return nil, err
		}
		if err := w.Close(); err != nil {
			return nil, err
		}
	case s.Table != nil:
		w.stored, w.table = s.stored(), slices.Clone(s.Table)
		if len(w.table) > w.direct {
			if err := w.lower(); err != nil {
				return nil, err
			}
		}
	default:
		w.stored, w.there = s.stored(), s.Nested
	}
	return &stored{w: w, size: s.Size, codec: s.Codec}, nil
}
