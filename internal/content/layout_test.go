package content

import (
	"testing"

	"nightjar/keys"

	"pgregory.net/rapid"
)

func TestLayoutSharesAShortTail(t *testing.T) {
	for _, c := range []struct {
		blocks uint64
		want   []int
	}{
		{0, nil}, {1, []int{1}}, {127, []int{127}}, {1023, []int{1023}}, {1024, []int{1024}},
		{1025, []int{513, 512}}, {1026, []int{513, 513}}, {1151, []int{576, 575}}, {1152, []int{1024, 128}},
		{2048, []int{1024, 1024}}, {2049, []int{1024, 513, 512}}, {3072 + 500, []int{1024, 1024, 1024, 500}},
	} {
		for _, stored := range []uint64{c.blocks * keys.DataSize, c.blocks*keys.DataSize - min(c.blocks, 1)*(keys.DataSize-1)} {
			l := layoutOf(stored)
			var got []int
			for i := range l.segments {
				got = append(got, l.data(i))
			}
			if len(got) != len(c.want) {
				t.Fatalf("%d blocks: segments %v, want %v", c.blocks, got, c.want)
			}
			for i := range got {
				if got[i] != c.want[i] {
					t.Errorf("%d blocks: segments %v, want %v", c.blocks, got, c.want)
				}
			}
		}
	}
}

// Segments tile the blocks, table entries tile the table, and find inverts first.
func TestLayoutTiles(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		stored := rapid.OneOf(
			rapid.Uint64Range(1, 64*keys.DataSize), rapid.Uint64Range(1, 6*maxData*keys.DataSize),
			rapid.SampledFrom([]uint64{1024 * keys.DataSize, 1025*keys.DataSize - 1, 1152 * keys.DataSize, 1151*keys.DataSize + 1}),
		).Draw(t, "stored")
		l := layoutWith(stored, rapid.SampledFrom([]Redundancy{0, minRedundancy, 13, maxRedundancy}).Draw(t, "redundancy"))
		var block, offset uint64
		for i := range l.segments {
			k := l.data(i)
			if k < 1 || k > maxData || l.segments > 1 && k < minTail {
				t.Fatalf("segment %d of %d has %d data blocks", i, l.segments, k)
			}
			if l.first(i) != block {
				t.Fatalf("segment %d begins at block %d, want %d", i, l.first(i), block)
			}
			at, size := l.entry(i)
			if at != offset || size != keySize+l.total(i)*nameSize {
				t.Fatalf("entry %d is %d bytes at %d, want it at %d", i, size, at, offset)
			}
			for _, j := range []int{0, k / 2, k - 1} {
				if seg, idx := l.find(block + uint64(j)); seg != i || idx != j {
					t.Fatalf("find(%d) = %d, %d, want %d, %d", block+uint64(j), seg, idx, i, j)
				}
			}
			block += uint64(k)
			offset += uint64(size)
		}
		if block != l.blocks || offset != l.tableSize() {
			t.Fatalf("segments cover %d of %d blocks, entries %d of %d bytes", block, l.blocks, offset, l.tableSize())
		}
	})
}

func TestTableDepthSufficesForTheLargestStream(t *testing.T) {
	for r := Redundancy(0); r <= maxRedundancy; r++ {
		size, depth := uint64(MaxStream), 0
		for r.valid() && size > maxDirectTable {
			size = layoutWith(size, r).tableSize()
			depth++
		}
		if depth > maxTableDepth {
			t.Errorf("redundancy %s: %d levels of tables, limit %d", r, depth, maxTableDepth)
		}
	}
}
