//go:build unix

package badgerstore

import (
	"os"
	"path/filepath"
	"sync"
	"testing"

	"nightjar/store"
	"nightjar/store/storetest"
)

// TestReadsWhileALogIsRefused: Badger, refused a file in the middle of a write, has no memtable and must start anew. Whoever reads in
// between waits for that, and gets the block.
func TestReadsWhileALogIsRefused(t *testing.T) {
	t.Parallel()
	{
		s := mustOpen(t, Config{Dir: t.TempDir(), Quota: small})
		held := storetest.Data(9, 9)
		if err := s.Put(held, store.Sink, 0); err != nil {
			t.Fatal(err)
		}
		name := occupied(t, s, ".mem")
		over := make(chan struct{})
		var readers sync.WaitGroup
		for range 2 {
			readers.Go(func() { // ends with over
				for {
					if _, err := s.Get(held.ID()); err != nil {
						t.Errorf("a read while the log is refused: %v", err)
						return
					}
					select {
					case <-over:
						return
					default:
					}
				}
			})
		}
		failed := false
		for n := uint64(0); n < 3000 && !failed; n += callers {
			for _, err := range putTogether(s, smallRecord, n) {
				failed = failed || err != nil
			}
		}
		if !failed {
			t.Error("no log was full")
		}
		os.Remove(filepath.Join(s.dir, name))
		for _, err := range putTogether(s, smallRecord, 5000) {
			if err != nil {
				t.Errorf("after the log was refused: %v", err)
			}
		}
		close(over)
		readers.Wait()
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
}
