//go:build unix

package vault

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"
)

// SPEC §6 and §7: what says nothing of the files is no damage, for which they would be set aside.
func TestWhatIsNoDamage(t *testing.T) {
	v := mustOpen(t, filepath.Join(t.TempDir(), "vault"))
	if err := v.Put("s", []byte("i"), []byte("secret")); err != nil {
		t.Fatal(err)
	}
	v = reopen(t, v) // now there is a table
	if err := v.Close(); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(v.dir, fileVersion)
	for text, want := range map[string]error{"nightjar vault 2\n": ErrVersion, "nightjar vault 1": ErrDamaged, "": ErrDamaged} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := Open(v.dir, testKey); !errors.Is(err, want) || want == ErrVersion && errors.Is(err, ErrDamaged) {
			t.Errorf("with the version %q: %v", text, err)
		}
	}
	if err := os.WriteFile(path, []byte(version), 0o600); err != nil {
		t.Fatal(err)
	}
	for spare := range uint64(12) {
		if v := openWithFew(t, v.dir, spare); v != nil {
			if err := v.Close(); err != nil {
				t.Error(err)
			}
		}
	}
	v = mustOpen(t, v.dir)
	if got, err := v.Get("s", []byte("i")); err != nil || string(got) != "secret" || v.Lost() {
		t.Errorf("afterwards: %q, %v", got, err)
	}
}

// openWithFew opens a vault in a process that may open so many files more, and fails the test if it is then said to be damaged.
func openWithFew(t *testing.T, dir string, spare uint64) *Vault {
	t.Helper()
	f, err := os.Open(os.DevNull)
	if err != nil {
		t.Fatal(err)
	}
	first := uint64(f.Fd()) // the lowest that is free
	f.Close()
	var old unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &old); err != nil {
		t.Fatal(err)
	}
	few := old
	few.Cur = first + spare
	if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &few); err != nil {
		t.Fatal(err)
	}
	v, err := Open(dir, testKey)
	if limitErr := unix.Setrlimit(unix.RLIMIT_NOFILE, &old); limitErr != nil {
		t.Fatal(limitErr)
	}
	if errors.Is(err, ErrDamaged) {
		t.Errorf("with %d files more to be opened the vault is damaged: %v", spare, err)
	}
	return v
}
