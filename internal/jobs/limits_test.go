package jobs

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
)

// A job may be tried as often as its record can count, and no more often.
func TestLimitOfTries(t *testing.T) {
	for _, n := range []int{maxTries, maxTries + 1} {
		if err := checkSpec(PutSpec{Path: filepath.Join(t.TempDir(), "a"), Tries: n}); errors.Is(err, ErrSpec) != (n > maxTries) {
			t.Errorf("%d tries: %v", n, err)
		}
	}
}

// A journal that is full takes nothing more.
func TestLimitOfAJournal(t *testing.T) {
	path := filepath.Join(t.TempDir(), "j")
	j, err := openJournal(path, keyOf(1))
	if err != nil {
		t.Fatal(err)
	}
	defer j.close()
	j.entries = maxJournal - 1 // the file has a hole in place of the others
	for i := range 2 {
		j.add(block(byte(i)).ID())
		if info, err := os.Stat(path); err != nil || info.Size() != maxJournal*entrySize || j.entries != maxJournal {
			t.Errorf("%d more: %d entries, %v", i, j.entries, err)
		}
	}
}
