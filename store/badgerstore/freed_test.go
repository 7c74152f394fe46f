package badgerstore

import (
	"errors"
	"os"
	"path/filepath"
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

// TestFreeingBesideADamagedIndex_SPEC11: where the index does not say any more what is alive in a file, the file stays, and with it the blocks, which the
// index is made anew from at the next start.
func TestFreeingBesideADamagedIndex_SPEC11(t *testing.T) {
	t.Parallel()
	cfg := Config{Dir: t.TempDir(), Quota: small}
	s := mustOpen(t, cfg)
	const blocks = 80
	if err := putN(s, 1, 0, blocks); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = mustOpen(t, cfg)
	u, err := measure(s.cfg.Dir)
	if err != nil {
		t.Fatal(err)
	}
	spoilTables(t, s.dir)
	oldest := u.newest
	for n := range u.values {
		oldest = min(oldest, n)
	}
	if err := s.collect(u, oldest); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = mustOpen(t, cfg)
	if s.Repaired() == nil {
		t.Fatal("the index was not damaged")
	}
	if held := countHeld(s, blocks); held != blocks {
		t.Errorf("%d of %d blocks are left", held, blocks)
	}
}

// spoilTables overwrites the entries of all tables in a directory, under the database that has them open.
func spoilTables(t *testing.T, dir string) {
	t.Helper()
	tables, err := filepath.Glob(filepath.Join(dir, "*.sst"))
	if err != nil || len(tables) == 0 {
		t.Fatalf("%d tables, %v", len(tables), err)
	}
	for _, path := range tables {
		f, err := os.OpenFile(path, os.O_WRONLY, 0)
		if err != nil {
			t.Fatal(err)
		}
		_, err = f.WriteAt(make([]byte, 1000), 0)
		if err = errors.Join(err, f.Close()); err != nil {
			t.Fatal(err)
		}
	}
}
