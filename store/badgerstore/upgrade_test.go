package badgerstore

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"nightjar/keys"
)

// format1 unpacks a store that testdata/format1/make.go has made.
func format1(t *testing.T, name string) (dir string) {
	t.Helper()
	dir = t.TempDir()
	f, err := os.Open(filepath.Join("testdata", "format1", name+".tar.gz"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	for r := tar.NewReader(z); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			return dir
		}
		if err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(dir, filepath.FromSlash(h.Name))
		b, err := io.ReadAll(r)
		if err = errors.Join(err, os.MkdirAll(filepath.Dir(path), 0o700), os.WriteFile(path, b, 0o600)); err != nil {
			t.Fatal(err)
		}
	}
}

// mustHoldFormat1 compares a store with expect.txt.
func mustHoldFormat1(t *testing.T, s *Store) {
	t.Helper()
	n := 0
	for line := range strings.Lines(string(mustRead(t, filepath.Join("testdata", "format1", "expect.txt")))) {
		var kind keys.Kind
		var name, sum []byte
		var size int
		if _, err := fmt.Sscanf(line, "%d %x %d %x", &kind, &name, &size, &sum); err != nil {
			t.Fatal(err)
		}
		b, err := s.Get(keys.ID{Kind: kind, Name: [32]byte(name)})
		if err != nil {
			t.Errorf("block %d: %v", n, err)
			continue
		}
		if got := sha256.Sum256(b.Data()); len(b.Data()) != size || !bytes.Equal(got[:], sum) {
			t.Errorf("block %d has other bytes", n)
		}
		n++
	}
	if got := s.Stats().Blocks; got != int64(n) || n != 16 {
		t.Errorf("%d blocks, want %d, and 16", got, n)
	}
}

// TestUpgrade_SPEC2 opens stores that the last version of format 1 left behind, whole and in the middle of its work: all of it is there, and
// the store is of the present format from then on.
func TestUpgrade_SPEC2(t *testing.T) {
	for _, name := range []string{"closed", "killed"} {
		t.Run(name, func(t *testing.T) {
			dir := format1(t, name)
			path := filepath.Join(dir, fileVersion)
			if b := mustRead(t, path); string(b) != "nightjar badgerstore 1\n" {
				t.Fatalf("the archive is of %q", b)
			}
			for range 2 { // the second time without an upgrade
				s, err := Open(Config{Dir: dir, Quota: 8 << 20, Self: 1 << 62})
				if err != nil {
					t.Fatal(err)
				}
				mustHoldFormat1(t, s)
				if err := s.Close(); err != nil {
					t.Fatal(err)
				}
				if b := mustRead(t, path); string(b) != version {
					t.Errorf("it is of %q", b)
				}
				if !bytes.Equal(mustRead(t, filepath.Join(dir, fileKey)), mustRead(t, filepath.Join(dir, fileKeyCopy))) {
					t.Error("the key has no copy")
				}
			}
		})
	}
}

// TestUpgradeComesLast: a store that cannot be opened stays one of its format.
func TestUpgradeComesLast(t *testing.T) {
	dir := format1(t, "closed")
	foreign := mustRead(t, filepath.Join(closedStore(t), fileKey))
	writeKeys(t, dir, foreign)
	if s, err := Open(Config{Dir: dir}); err == nil {
		s.Close()
		t.Fatal("it opens under another key")
	}
	if b := mustRead(t, filepath.Join(dir, fileVersion)); string(b) != "nightjar badgerstore 1\n" {
		t.Errorf("it is of %q", b)
	}
}
