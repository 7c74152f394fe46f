//go:build unix

package badgerstore

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"nightjar/keys"
	"nightjar/store"
	"nightjar/store/storetest"
)

// agedStore is a directory with every kind of file: several value logs, tables on both levels, a memtable's log as a killed
// process leaves it.
func agedStore(t *testing.T) (dir string, all []keys.Block) {
	t.Helper()
	dir = t.TempDir()
	for round := range uint64(3) {
		s := mustOpen(t, Config{Dir: dir, Quota: small})
		for n := range uint64(30) {
			b := storetest.Data(round, n)
			all = append(all, b)
			if err := s.Put(b, store.Cache, 0); err != nil {
				t.Fatal(err)
			}
		}
		r := smallRecord(round)
		all = append(all, r)
		if err := s.Put(r, store.Sink, 0); err != nil {
			t.Fatal(err)
		}
		if round == 1 && !s.flatten(1) {
			t.Fatal("no tables were merged")
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if said, ok := runChild(t, "leave", dir, ""); !ok {
		t.Fatal(said)
	}
	for n := range uint64(20) {
		all = append(all, storetest.Data(1000, n))
	}
	return dir, all
}

// childLeave puts blocks and ends without closing.
func childLeave(dir, _ string) error {
	s, err := Open(Config{Dir: dir, Quota: small})
	if err != nil {
		return err
	}
	return putN(s, 1000, 0, 20)
}

// survey opens a damaged store and holds invariant 1 of package store on what it serves.
func survey(t *testing.T, dir, what string, all []keys.Block) (opened bool, served int) {
	t.Helper()
	s, err := Open(Config{Dir: dir, Quota: small})
	if err != nil {
		if errors.Is(err, ErrInUse) || errors.Is(err, store.ErrFull) {
			t.Errorf("%s: Open: %v", what, err)
		}
		return false, 0
	}
	for _, b := range all {
		switch got, err := s.Get(b.ID()); {
		case err == nil && !bytes.Equal(got.Data(), b.Data()):
			t.Fatalf("%s: other bytes are served", what)
		case err == nil:
			served++
		case !errors.Is(err, store.ErrCorrupt) && !errors.Is(err, store.ErrNotFound):
			t.Errorf("%s: Get: %v", what, err)
		}
	}
	for _, b := range all {
		if err := s.Put(b, store.Cache, 0); err != nil && !errors.Is(err, store.ErrStale) {
			t.Errorf("%s: healing: %v", what, err)
		} else if _, err := s.Get(b.ID()); err != nil {
			t.Errorf("%s: after healing: %v", what, err)
		}
	}
	s.tidy()
	if err := s.Close(); err != nil {
		t.Errorf("%s: Close: %v", what, err)
	}
	return true, served
}

func cloned(t *testing.T, dir string) string {
	t.Helper()
	to := t.TempDir()
	if err := os.CopyFS(to, os.DirFS(dir)); err != nil {
		t.Fatal(err)
	}
	return to
}

// filesIn lists the files of a store with an extension; "" is those without.
func filesIn(t *testing.T, dir, ext string) (paths []string) {
	t.Helper()
	err := filepath.Walk(dir, func(path string, info os.FileInfo, err error) error {
		if err == nil && info.Mode().IsRegular() && filepath.Ext(path) == ext && info.Name() != fileReserve && info.Size() > 0 {
			paths = append(paths, path)
		}
		return err
	})
	if err != nil || len(paths) == 0 {
		t.Fatalf("no files %q: %v", ext, err)
	}
	return paths
}

// TestFlippedBits flips a bit in each kind of file, in the busy places of the small ones and anywhere in the large ones.
func TestFlippedBits(t *testing.T) {
	t.Parallel()
	base, all := agedStore(t)
	rnd := rand.New(rand.NewPCG(4, uint64(os.Getpid())))
	opened, served, tried := 0, 0, 0
	for _, ext := range []string{".vlog", ".sst", ".mem", "", ".key"} {
		for range 4 {
			dir := cloned(t, base)
			paths := filesIn(t, dir, ext)
			path := paths[rnd.IntN(len(paths))]
			b, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			used := len(bytes.TrimRight(b, "\x00"))
			b[rnd.IntN(max(1, used))] ^= 1 << rnd.IntN(8)
			if err := os.WriteFile(path, b, 0o600); err != nil {
				t.Fatal(err)
			}
			ok, n := survey(t, dir, "a bit of "+filepath.Base(path), all)
			tried++
			served += n
			if ok {
				opened++
			}
		}
	}
	t.Logf("%d of %d opened, %d of %d blocks served", opened, tried, served, opened*len(all))
	if opened == 0 || served < opened*len(all)/2 {
		t.Error("a flipped bit loses too much")
	}
}

// TestTruncated cuts files short, as a crash of the file system does.
func TestTruncated(t *testing.T) {
	t.Parallel()
	base, all := agedStore(t)
	rnd := rand.New(rand.NewPCG(5, uint64(os.Getpid())))
	for _, ext := range []string{".vlog", ".sst", ".mem", ""} {
		for i := range 3 {
			dir := cloned(t, base)
			paths := filesIn(t, dir, ext)
			path := paths[rnd.IntN(len(paths))]
			st, err := os.Stat(path)
			if err != nil {
				t.Fatal(err)
			}
			size := int64(0)
			if i > 0 {
				size = rnd.Int64N(st.Size())
			}
			if err := os.Truncate(path, size); err != nil {
				t.Fatal(err)
			}
			survey(t, dir, "a truncated "+filepath.Base(path), all)
		}
	}
}

// TestMissingFiles removes each kind of file.
func TestMissingFiles(t *testing.T) {
	t.Parallel()
	base, all := agedStore(t)
	for _, ext := range []string{".vlog", ".sst", ".mem", ".key"} {
		dir := cloned(t, base)
		path := filesIn(t, dir, ext)[0]
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
		survey(t, dir, "without "+filepath.Base(path), all)
	}
}

// TestTables holds verifyTables to its word, bit for bit, on a small table: what it accepts is what Badger wrote.
func TestTables(t *testing.T) {
	t.Parallel()
	base, _ := agedStore(t)
	if err := verifyTables(filepath.Join(base, dirBlocks)); err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(filesIn(t, base, ".sst")[0])
	if err != nil || !soundTable(b) {
		t.Fatal("a sound table is rejected", err)
	}
	accepted := 0
	for i := range b {
		for bit := range 8 {
			b[i] ^= 1 << bit
			if soundTable(b) {
				accepted++
			}
			b[i] ^= 1 << bit
		}
	}
	if accepted > 0 {
		t.Errorf("%d of %d flipped bits are accepted", accepted, 8*len(b))
	}
	for n := range b {
		if soundTable(b[:n]) {
			t.Errorf("a table cut to %d of %d bytes is accepted", n, len(b))
		}
	}
	if soundTable(append([]byte(strings.Repeat("x", 16)), b[16:]...)) || soundTable(nil) {
		t.Error("something else is accepted")
	}
}
