package badgerstore

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"nightjar/store"
	"nightjar/store/storetest"
)

// closedStore returns the directory of a store that held one block.
func closedStore(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	s := mustOpen(t, Config{Dir: dir, Quota: 8 << 20})
	if err := s.Put(storetest.Data(1, 1), store.Sink, 0); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	return dir
}

func TestKeyFile_SPEC3(t *testing.T) {
	dir := closedStore(t)
	path := filepath.Join(dir, fileKey)
	st, err := os.Stat(path)
	if err != nil || st.Mode().Perm() != 0o600 || st.Size() != 49 {
		t.Errorf("%v %v", st, err)
	}
	good, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	other := closedStore(t)
	if b, _ := os.ReadFile(filepath.Join(other, fileKey)); bytes.Equal(b[offKey:], good[offKey:]) {
		t.Error("two stores have the same key")
	}
	foreign, _ := os.ReadFile(filepath.Join(other, fileKey))
	wrapped := bytes.Clone(good)
	wrapped[offWrap] = 1
	for _, c := range []struct {
		name    string
		content []byte
		corrupt bool
	}{
		{"empty", nil, true},
		{"one byte short", good[:48], true},
		{"one byte long", append(bytes.Clone(good), 0), true},
		{"another magic", append([]byte("njstokey"), good[8:]...), true},
		{"another key", append(append(bytes.Clone(good[:offKey]), make([]byte, 32)...), good[offCheck:]...), true},
		{"another check", append(bytes.Clone(good[:offCheck]), make([]byte, 8)...), true},
		{"an unknown wrapping, unchecked", wrapped, true},
		{"an unknown wrapping", recheck(wrapped), false},
		{"the key of another store", foreign, true},
	} {
		if err := os.WriteFile(path, c.content, 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := Open(Config{Dir: dir}); err == nil || errors.Is(err, store.ErrCorrupt) != c.corrupt {
			t.Errorf("%s: %v", c.name, err)
		}
	}
	if err := os.WriteFile(path, good, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := mustOpen(t, Config{Dir: dir}).Get(storetest.Data(1, 1).ID()); err != nil {
		t.Errorf("after all that: %v", err)
	}
}

func recheck(b []byte) []byte { return encodeKeyFile(b[offWrap], [32]byte(b[offKey:])) }

func TestVersion_SPEC2(t *testing.T) {
	dir := closedStore(t)
	path := filepath.Join(dir, fileVersion)
	if b, err := os.ReadFile(path); err != nil || string(b) != "nightjar badgerstore 1\n" {
		t.Errorf("%q %v", b, err)
	}
	for _, content := range []string{"", "nightjar badgerstore 2\n", "nightjar badgerstore 1", "nightjar badgerstore 1\n\n"} {
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		if s, err := Open(Config{Dir: dir}); err == nil {
			s.Close()
			t.Errorf("%q was accepted", content)
		}
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	before, _ := os.ReadFile(filepath.Join(dir, fileKey))
	if _, err := Open(Config{Dir: dir}); err == nil {
		t.Error("blocks without a version were accepted")
	}
	if after, _ := os.ReadFile(filepath.Join(dir, fileKey)); !bytes.Equal(before, after) {
		t.Error("the key of a store with blocks was replaced")
	}
}

// TestHalfMadeStore: a crash between the key and the version leaves a directory that becomes a store all the same.
func TestHalfMadeStore(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{fileKey, fileKey + ".new", fileVersion + ".new"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("half"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := mustOpen(t, Config{Dir: dir}).Put(storetest.Data(1, 1), store.Sink, 0); err != nil {
		t.Error(err)
	}
}

func TestInUse(t *testing.T) {
	dir := t.TempDir()
	s := mustOpen(t, Config{Dir: dir})
	if _, err := Open(Config{Dir: dir}); !errors.Is(err, ErrInUse) {
		t.Errorf("a second store: %v", err)
	}
	if err := s.Put(storetest.Data(1, 1), store.Sink, 0); err != nil {
		t.Errorf("the first store is disturbed: %v", err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	mustOpen(t, Config{Dir: dir})
}

func TestConfig(t *testing.T) {
	if _, err := Open(Config{}); err == nil {
		t.Error("a store without a directory")
	}
	if _, err := Open(Config{Dir: t.TempDir(), Quota: -1}); err == nil {
		t.Error("a negative quota")
	}
	s := mustOpen(t, Config{Dir: filepath.Join(t.TempDir(), "not", "there", "yet")})
	if got := s.Stats(); got != (store.Stats{Quota: DefaultQuota}) {
		t.Errorf("%+v", got)
	}
}
