package badgerstore

import (
	"errors"
	"os"
	"testing"

	"nightjar/store"
	"nightjar/store/badgerfiles"
	"nightjar/store/storetest"
)

// TestFreeingADamagedFile: what is alive behind a damaged entry of a value log file outlives the file. Badger would remove it with the file.
func TestFreeingADamagedFile_SPEC11(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := mustOpen(t, Config{Dir: dir, Quota: small})
	const blocks = 80
	if err := putN(s, 1, 0, blocks); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	logs, err := badgerfiles.Logs(s.dir, ".vlog")
	if err != nil || len(logs) < 3 {
		t.Fatalf("%d value logs, %v", len(logs), err)
	}
	damaged := logs[0]
	b, err := os.ReadFile(damaged.Path)
	if err != nil {
		t.Fatal(err)
	}
	b[badgerfiles.LogHeader+500] ^= 1 // in the first value
	if err := os.WriteFile(damaged.Path, b, 0o600); err != nil {
		t.Fatal(err)
	}

	s = mustOpen(t, Config{Dir: dir, Quota: small})
	u, err := measure(s.cfg.Dir)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.collect(u, int(damaged.Number)); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(damaged.Path); !errors.Is(err, os.ErrNotExist) {
		t.Fatalf("the file was not freed: %v", err)
	}
	for range 2 {
		lost := 0
		for n := range uint64(blocks) {
			if _, err := s.Get(storetest.Data(1, n).ID()); errors.Is(err, store.ErrNotFound) || errors.Is(err, store.ErrCorrupt) {
				lost++
			} else if err != nil {
				t.Fatal(err)
			}
		}
		if lost != 1 {
			t.Errorf("%d blocks are lost, one was damaged", lost)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		s = mustOpen(t, Config{Dir: dir, Quota: small})
	}
}
