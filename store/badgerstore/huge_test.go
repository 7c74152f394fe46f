//go:build unix

package badgerstore

import (
	"math"
	"testing"

	"nightjar/keys"
	"nightjar/store"
)

// TestHugeQuota: however large a quota is, the store opens with the blocks that it has, and the directory may take them.
func TestHugeQuota(t *testing.T) {
	t.Parallel()
	for _, quota := range []int64{1 << 40, 3 << 40, math.MaxInt64} {
		if g := shape(quota); g.valueFile > hugeFile || g.table > maxTable {
			t.Errorf("a quota of %d: %+v", quota, g)
		}
		if ceiling(quota) < quota {
			t.Errorf("the ceiling of a quota of %d is %d", quota, ceiling(quota))
		}
	}
	dir := t.TempDir()
	s := mustOpen(t, Config{Dir: dir})
	if err := s.Put(benchBlock(0, make([]byte, keys.DataSize)), store.Sink, 0); err != nil {
		t.Fatal(err)
	}
	if err := s.Resize(math.MaxInt64); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = mustOpen(t, Config{Dir: dir, Quota: math.MaxInt64})
	if held := readableBlocks(t, s, 1); held != 1 {
		t.Error("the block is gone")
	}
}
