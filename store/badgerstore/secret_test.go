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
	good := mustRead(t, path)
	if !bytes.Equal(good, mustRead(t, filepath.Join(dir, fileKeyCopy))) {
		t.Error("the copy is none")
	}
	foreign := mustRead(t, filepath.Join(closedStore(t), fileKey))
	if bytes.Equal(foreign[offKey:], good[offKey:]) {
		t.Error("two stores have the same key")
	}
	wrapped := bytes.Clone(good)
	wrapped[offWrap] = 2
	for _, c := range []struct {
		name    string
		content []byte
		corrupt bool
	}{
		{"empty", nil, true},
		{"one byte short", good[:48], true},
		{"one byte long", append(bytes.Clone(good), 0), true},
		{"another magic", append([]byte("njstokey"), good[8:]...), true},
		{"another key", append(append(bytes.Clone(good[:offKey]), make([]byte, 32)...), good[len(good)-checkSize:]...), true},
		{"another check", append(bytes.Clone(good[:len(good)-checkSize]), make([]byte, 8)...), true},
		{"an unknown wrapping, unchecked", wrapped, true},
		{"an unknown wrapping", recheck(wrapped), false},
		{"a bare key that says it is wrapped", recheck(append(append(bytes.Clone(good[:offWrap]), keyWrapped), good[offKey:]...)), true},
		{"the key of another store", foreign, true},
	} {
		writeKeys(t, dir, c.content)
		if s, err := Open(Config{Dir: dir}); err == nil {
			s.Close()
			t.Errorf("%s: it opens", c.name)
		} else if errors.Is(err, store.ErrCorrupt) != c.corrupt {
			t.Errorf("%s: %v", c.name, err)
		}
	}
	writeKeys(t, dir, good)
	if _, err := mustOpen(t, Config{Dir: dir}).Get(storetest.Data(1, 1).ID()); err != nil {
		t.Errorf("after all that: %v", err)
	}
}

// recheck gives a key file a check that fits.
func recheck(b []byte) []byte { return keyFile(b[:len(b)-checkSize]).checked() }

func mustRead(t *testing.T, path string) []byte {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// writeKeys makes b the content of both key files.
func writeKeys(t *testing.T, dir string, b []byte) {
	t.Helper()
	for _, name := range []string{fileKey, fileKeyCopy} {
		if err := os.WriteFile(filepath.Join(dir, name), b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// TestOneKeyFileIsEnough: a file that is lost or damaged is made again from the other one, and of two sound ones the first counts.
func TestOneKeyFileIsEnough(t *testing.T) {
	dir := closedStore(t)
	good := mustRead(t, filepath.Join(dir, fileKey))
	foreign := mustRead(t, filepath.Join(closedStore(t), fileKey))
	flipped := bytes.Clone(good)
	flipped[20] ^= 1
	for _, c := range []struct {
		name, file string
		content    []byte // nil = none
	}{
		{"the first is lost", fileKey, nil},
		{"the second is lost", fileKeyCopy, nil},
		{"a bit of the first is wrong", fileKey, flipped},
		{"a bit of the second is wrong", fileKeyCopy, flipped},
		{"the first is empty", fileKey, []byte{}},
		{"the second is another's", fileKeyCopy, foreign},
	} {
		path := filepath.Join(dir, c.file)
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
		if c.content != nil {
			if err := os.WriteFile(path, c.content, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		s, err := Open(Config{Dir: dir})
		if err != nil {
			t.Fatalf("%s: %v", c.name, err)
		}
		if _, err := s.Get(storetest.Data(1, 1).ID()); err != nil {
			t.Errorf("%s: %v", c.name, err)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(mustRead(t, path), good) {
			t.Errorf("%s: it was not mended", c.name)
		}
	}
}

func TestVersion_SPEC2(t *testing.T) {
	dir := closedStore(t)
	path := filepath.Join(dir, fileVersion)
	if b := mustRead(t, path); string(b) != "nightjar badgerstore 2\n" {
		t.Errorf("%q", b)
	}
	for _, content := range []string{"nightjar badgerstore 3\n", "nightjar badgerstore 123456789\n"} {
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := Open(Config{Dir: dir}); !errors.Is(err, ErrLater) {
			t.Errorf("%q: %v", content, err)
		}
		if string(mustRead(t, path)) != content {
			t.Errorf("%q was overwritten", content)
		}
	}
	// What is damaged is made again: the key says that there is a store.
	for _, content := range []string{"", "nightjar badgerstore 1", "nightjar badgerstore 2\n\n", "nightjar badgerstore 03\n", "nightjar badgerstore -3\n", "gone"} {
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		if content == "gone" {
			os.Remove(path)
		}
		s, err := Open(Config{Dir: dir})
		if err != nil {
			t.Fatalf("%q: %v", content, err)
		}
		if _, err := s.Get(storetest.Data(1, 1).ID()); err != nil {
			t.Errorf("%q: %v", content, err)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		if string(mustRead(t, path)) != version {
			t.Errorf("%q stayed", content)
		}
	}
}

// TestBlocksWithoutKey: nothing is made where there are blocks that a lost key would open.
func TestBlocksWithoutKey(t *testing.T) {
	dir := closedStore(t)
	for _, name := range []string{fileVersion, fileKey, fileKeyCopy} {
		if err := os.Remove(filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := Open(Config{Dir: dir}); !errors.Is(err, ErrWiped) {
		t.Errorf("%v", err)
	}
	if _, err := os.Stat(filepath.Join(dir, fileKey)); err == nil {
		t.Error("another key was drawn")
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
	if got := s.Stats(); got != (store.Stats{Quota: DefaultQuota, Usable: usable(DefaultQuota)}) {
		t.Errorf("%+v", got)
	}
}
