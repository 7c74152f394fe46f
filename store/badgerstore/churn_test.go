//go:build unix

package badgerstore

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"

	"nightjar/keys"
	"nightjar/store"
)

// diskUse is what a directory takes on the disk, holes of sparse files not counted.
func diskUse(t testing.TB, dir string) (sum int64) {
	t.Helper()
	err := filepath.Walk(dir, func(_ string, info os.FileInfo, err error) error {
		if errors.Is(err, fs.ErrNotExist) { // freed since it was listed
			return nil
		}
		if err == nil {
			sum += info.Sys().(*syscall.Stat_t).Blocks * 512
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return sum
}

// churn puts n blocks and returns the most that the directory took, and how many puts were accepted.
func churn(t testing.TB, s *Store, n uint64) (most int64, accepted int) {
	t.Helper()
	data := make([]byte, keys.DataSize)
	var next, ok atomic.Int64
	var wg sync.WaitGroup
	var mu sync.Mutex
	for range callers {
		wg.Go(func() { // ends with the blocks
			for i := uint64(next.Add(1)); i <= n; i = uint64(next.Add(1)) {
				switch err := s.Put(benchBlock(i, data), store.Cache, keys.Location(i)); {
				case err == nil:
					ok.Add(1)
				case !errors.Is(err, store.ErrFull):
					t.Error(err)
					return
				}
				if i%100 == 0 {
					use := diskUse(t, s.cfg.Dir)
					mu.Lock()
					most = max(most, use)
					mu.Unlock()
				}
			}
		})
	}
	wg.Wait()
	return most, int(ok.Load())
}

// TestDiskUseIsBounded_SPEC7 writes five times what fits.
func TestDiskUseIsBounded_SPEC7(t *testing.T) {
	t.Parallel()
	const quota = 24 << 20
	dir := t.TempDir()
	s := mustOpen(t, Config{Dir: dir, Quota: quota})
	most, accepted := churn(t, s, 5*quota/keys.DataSize)
	t.Logf("at most %.1f MiB = %.2f of the quota, for %d blocks put", float64(most)/(1<<20), float64(most)/quota, accepted)
	if limit := s.geo.diskLimit(); most > limit {
		t.Errorf("the directory took %d bytes, the limit is %d", most, limit)
	}
	if got := s.Stats(); accepted != 5*quota/keys.DataSize || got.Bytes < got.Quota-keys.DataSize-store.Overhead {
		t.Errorf("%d accepted, %+v", accepted, got)
	}
}
