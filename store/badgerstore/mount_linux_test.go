package badgerstore

import (
	"errors"
	"log/slog"
	"os"
	"testing"

	"golang.org/x/sys/unix"

	"nightjar/store"
)

// mounted is a small file system of its own in memory, or the test is skipped: only root may mount.
func mounted(t *testing.T, size string) string {
	t.Helper()
	dir := t.TempDir()
	if err := unix.Mount("nightjar-test", dir, "tmpfs", 0, "size="+size); err != nil {
		t.Skipf("mounting a file system is not permitted here: %v", err)
	}
	t.Cleanup(func() {
		if err := unix.Unmount(dir, unix.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	return dir
}

// TestFullFileSystem: a file system that is smaller than the quota fills up. Puts are refused, what was accepted can be read, and
// when another program makes room blocks are taken again; after all that the store opens.
func TestFullFileSystem(t *testing.T) {
	dir := mounted(t, "24m")
	other := dir + "/other"
	if err := os.WriteFile(other, make([]byte, 8<<20), 0o600); err != nil {
		t.Fatal(err)
	}
	said := new(lines)
	cfg := Config{Dir: dir + "/store", Quota: 200 << 20, Log: slog.New(slog.NewTextHandler(said, nil))}
	s := mustOpen(t, cfg)
	fill := func(from uint64) uint64 {
		t.Helper()
		for n := from; n < from+2000; n++ {
			if err := putN(s, 1, n, n+1); errors.Is(err, store.ErrFull) {
				return n
			} else if err != nil {
				t.Fatal(err)
			}
		}
		t.Fatal("the disk is never full")
		return 0
	}
	full := fill(0)
	if s.Ailment() != ailFull {
		t.Errorf("on a full disk: %q", s.Ailment())
	}
	if err := os.Remove(other); err != nil {
		t.Fatal(err)
	}
	more := fill(full)
	t.Logf("%d blocks, and %d when there was more room", full, more-full)
	if more <= full+100 {
		t.Errorf("%d blocks were taken when 8 MiB were free again", more-full)
	}
	if err := getN(s, 1, 0, more); err != nil {
		t.Error(err)
	}
	if full, well := said.count(ailFull), said.count("again"); full != 2 || well != 1 {
		t.Errorf("told in %d lines, its end in %d", full, well)
	}
	if err := s.Close(); err != nil && !errors.Is(err, store.ErrFull) {
		t.Error(err)
	}
	s = mustOpen(t, cfg)
	if err := getN(s, 1, 0, more); err != nil {
		t.Error(err)
	}
}

// TestDiskRefuses: the system refuses to make the lock file longer, as a disk does that became read-only after an error, and then does not.
func TestDiskRefuses(t *testing.T) {
	s, said := logged(t, small)
	if err := putN(s, 1, 0, 20); err != nil {
		t.Fatal(err)
	}
	refusing, err := os.Open(s.cfg.Dir + "/" + fileLock) // not for writing
	if err != nil {
		t.Fatal(err)
	}
	defer refusing.Close()
	willing := s.space.probe
	for round := range uint64(2) {
		s.space.probe = refusing
		for range 3 {
			if err := putN(s, 1, 1000, 1001); !errors.Is(err, store.ErrFull) {
				t.Errorf("a put on a disk that refuses: %v", err)
			}
		}
		if s.Ailment() != ailRefused {
			t.Errorf("on a disk that refuses: %q", s.Ailment())
		}
		if err := getN(s, 1, 0, 20+round); err != nil {
			t.Error(err)
		}
		s.space.probe = willing
		if err := putN(s, 1, 20+round, 21+round); err != nil {
			t.Errorf("a put when the disk is writable again: %v", err)
		}
		if s.Ailment() != "" {
			t.Errorf("when the disk is writable again: %q", s.Ailment())
		}
	}
	if bad, well := said.count(ailRefused), said.count("again"); bad != 2 || well != 2 {
		t.Errorf("told in %d lines, their ends in %d", bad, well)
	}
}
