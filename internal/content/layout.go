package content

import "nightjar/keys"

const (
	nameSize = 32 // a block's name
	keySize  = 32 // a segment's key
)

// layout says how a stored stream is cut into segments. It follows from the stored size and the redundancy alone, so that
// a manifest has no way to contradict itself (SPEC §5).
type layout struct {
	r        Redundancy
	stored   uint64
	blocks   uint64 // data blocks
	segments uint64
	last     [2]int // data blocks of the last segment but one, and of the last
}

// layoutOf computes the layout of a stored size of at most MaxStream with the standard redundancy.
func layoutOf(stored uint64) layout { return layoutWith(stored, 0) }

// layoutWith is layoutOf with any redundancy.
func layoutWith(stored uint64, r Redundancy) layout {
	l := layout{r: r, stored: stored, blocks: (stored + keys.DataSize - 1) / keys.DataSize}
	if l.blocks == 0 {
		return l
	}
	l.segments = (l.blocks + maxData - 1) / maxData
	tail := int(l.blocks - (l.segments-1)*maxData)
	l.last = [2]int{maxData, tail}
	if l.segments > 1 && tail < minTail {
		both := maxData + tail
		l.last = [2]int{(both + 1) / 2, both / 2}
	}
	return l
}

// data is k, the number of data blocks of segment i.
func (l layout) data(i uint64) int {
	switch l.segments - i {
	case 1:
		return l.last[1]
	case 2:
		return l.last[0]
	}
	return maxData
}

// total is n, the number of blocks of segment i.
func (l layout) total(i uint64) int { return l.r.total(l.data(i)) }

// first is the index in the stream of segment i's first data block.
func (l layout) first(i uint64) uint64 {
	if i > 0 && i == l.segments-1 {
		return (i-1)*maxData + uint64(l.last[0])
	}
	return i * maxData
}

// find gives the segment that holds data block b, and b's index in it.
func (l layout) find(b uint64) (segment uint64, index int) {
	segment = min(b/maxData, l.segments-1)
	if segment+1 < l.segments && b >= l.first(segment+1) {
		segment++ // the last segment but one may be short
	}
	return segment, int(b - l.first(segment))
}

// entrySize is the size of the table entry of a segment with k data blocks: its key and the names of its n blocks.
func (l layout) entrySize(k int) int { return keySize + l.r.total(k)*nameSize }

// entry gives the place of segment i's entry in the table.
func (l layout) entry(i uint64) (offset uint64, size int) {
	full := uint64(l.entrySize(maxData))
	offset = i * full
	if i > 0 && i == l.segments-1 {
		offset = (i-1)*full + uint64(l.entrySize(l.last[0]))
	}
	return offset, keySize + l.total(i)*nameSize
}

// tableSize is the size of the whole table.
func (l layout) tableSize() uint64 {
	if l.segments == 0 {
		return 0
	}
	offset, size := l.entry(l.segments - 1)
	return offset + uint64(size)
}
