package badgerstore

import (
	"os"
	"strconv"
	"strings"
	"testing"

	"nightjar/keys"
	"nightjar/store/storetest"
)

// residentFile is how many bytes of mapped files this process has in memory.
func residentFile(t *testing.T) int64 {
	t.Helper()
	b, err := os.ReadFile("/proc/self/status")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(b)) {
		if v, ok := strings.CutPrefix(line, "RssFile:"); ok {
			n, err := strconv.ParseInt(strings.TrimSuffix(strings.TrimSpace(v), " kB"), 10, 64)
			if err != nil {
				t.Fatal(err)
			}
			return n << 10
		}
	}
	t.Fatal("no RssFile in /proc/self/status")
	return 0
}

// TestOldFilesAreNoMemory: what was written and read long ago does not count as memory, and can still be read.
func TestOldFilesAreNoMemory(t *testing.T) {
	s, err := Open(Config{Dir: t.TempDir(), Quota: 64 << 20})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	before := residentFile(t)
	for n := uint64(0); n < 1000; n += callers {
		for _, err := range putTogether(s, func(i uint64) keys.Block { return storetest.Data(77, i) }, n) {
			if err != nil {
				t.Fatal(err)
			}
		}
	}
	read := func() {
		for i := range 1000 {
			if _, err := s.Get(storetest.Data(77, uint64(i)).ID()); err != nil {
				t.Fatal(err)
			}
		}
	}
	read()
	s.trim()
	if grown := residentFile(t) - before; grown > 10<<20 {
		t.Errorf("%d MiB of mapped files are in memory, want those of the newest file", grown>>20)
	}
	read()
}
