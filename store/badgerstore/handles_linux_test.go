package badgerstore

import (
	"os"
	"testing"

	"golang.org/x/sys/unix"
)

// TestReadsGiveHandlesUp has the process run out of file handles while a store has many: a read from another file takes the place of
// one that was kept open.
func TestReadsGiveHandlesUp(t *testing.T) {
	l := newLogs(t.TempDir())
	const n = 8
	for i := range uint32(n + 1) {
		if err := os.WriteFile(l.path(i+1), []byte{byte(i)}, 0o600); err != nil {
			t.Fatal(err)
		}
		if i < n {
			if err := l.read(uint64(i+1)<<32, make([]byte, 1)); err != nil {
				t.Fatal(err)
			}
		}
	}
	var old unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &old); err != nil {
		t.Fatal(err)
	}
	f, err := os.Open(os.DevNull)
	if err != nil {
		t.Fatal(err)
	}
	next := uint64(f.Fd())
	f.Close()
	if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &unix.Rlimit{Cur: next, Max: old.Max}); err != nil {
		t.Fatal(err)
	}
	got := make([]byte, 1)
	err = l.read((n+1)<<32, got)
	if limitErr := unix.Setrlimit(unix.RLIMIT_NOFILE, &old); limitErr != nil {
		t.Fatal(limitErr)
	}
	if err != nil || got[0] != n {
		t.Errorf("a read without a handle left: %d, %v", got[0], err)
	}
	if len(l.files) > n/2+1 {
		t.Errorf("%d files are open, want %d at most", len(l.files), n/2+1)
	}
	l.prune(true)
}
