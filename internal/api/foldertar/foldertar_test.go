package foldertar

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"nightjar/internal/content"
)

func openRoot(t *testing.T, dir string) *os.Root {
	t.Helper()
	root, err := os.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { root.Close() })
	return root
}

func writeTree(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		name = filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(name), 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func readTree(t *testing.T, dir string) map[string]string {
	t.Helper()
	files := map[string]string{}
	err := filepath.WalkDir(dir, func(p string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := os.ReadFile(p)
		rel, _ := filepath.Rel(dir, p)
		files[filepath.ToSlash(rel)] = string(b)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// unpack writes a stream below root, as a client does that has no better program for it.
func unpack(ctx context.Context, root *os.Root, r io.Reader) (files int, size uint64, err error) {
	t := NewReader(r)
	var paths []string
	for {
		info, body, err := t.Next()
		if err == io.EOF {
			return files, size, nil
		}
		if err == nil {
			paths = append(paths, info.Path)
			err = CheckNames(paths)
		}
		if err != nil {
			return files, size, err
		}
		f, err := Create(root, info)
		if err != nil {
			return files, size, err
		}
		n, err := io.Copy(f, body)
		if err = errors.Join(err, f.Close(), ctx.Err()); err != nil {
			return files, size, err
		}
		files, size = files+1, size+uint64(n)
	}
}

func TestRoundTrip(t *testing.T) {
	files := map[string]string{"index.html": "<p>", "a.txt": "", "a/b/c.txt": "deep", "a/ü 1": strings.Repeat("x", 100_000)}
	src := writeTree(t, files)
	if err := os.Chmod(filepath.Join(src, "a.txt"), 0o755); err != nil {
		t.Fatal(err)
	}
	from := openRoot(t, src)
	list, err := Scan(t.Context(), from, false)
	if err != nil {
		t.Fatal(err)
	}
	var stream bytes.Buffer
	if err := Pack(t.Context(), &stream, from, list); err != nil {
		t.Fatal(err)
	}
	dst := t.TempDir()
	n, size, err := unpack(t.Context(), openRoot(t, dst), &stream)
	if err != nil || n != 4 || size != 100_007 {
		t.Fatalf("Unpack: %d files, %d bytes, %v", n, size, err)
	}
	if diff := cmp.Diff(files, readTree(t, dst)); diff != "" {
		t.Error(diff)
	}
	info, err := os.Stat(filepath.Join(dst, "a.txt"))
	if err != nil || info.Mode()&0o100 == 0 {
		t.Errorf("the executable bit is lost: %v, %v", info.Mode(), err)
	}
}

func TestScanIsSortedAndLeavesHiddenFilesOut(t *testing.T) {
	dir := writeTree(t, map[string]string{"b": "", "a/x": "", "a.txt": "", ".secret": "", ".git/config": "", "a/.h": ""})
	for hidden, want := range map[bool][]string{
		false: {"a.txt", "a/x", "b"},
		true:  {".git/config", ".secret", "a.txt", "a/.h", "a/x", "b"},
	} {
		list, err := Scan(t.Context(), openRoot(t, dir), hidden)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, f := range list {
			got = append(got, f.Path)
			if !f.ModTime.IsZero() {
				t.Errorf("%s carries a time", f.Path)
			}
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("hidden=%v: %s", hidden, diff)
		}
	}
}

// Invariant 4.
func TestScanRefusesLinks(t *testing.T) {
	dir := writeTree(t, map[string]string{"a": ""})
	if err := os.Symlink("/etc", filepath.Join(dir, "link")); err != nil {
		t.Fatal(err)
	}
	_, err := Scan(t.Context(), openRoot(t, dir), false)
	if !errors.Is(err, ErrEntry) || !strings.Contains(err.Error(), `"link" is a symbolic link`) {
		t.Errorf("Scan: %v", err)
	}
}

func TestPackNoticesChanges(t *testing.T) {
	for name, change := range map[string]func(path string) error{
		"grown":     func(p string) error { return os.WriteFile(p, []byte("longer"), 0o666) },
		"shrunk":    func(p string) error { return os.Truncate(p, 0) },
		"gone":      os.Remove,
		"directory": func(p string) error { return errors.Join(os.Remove(p), os.Mkdir(p, 0o777)) },
		"outward link": func(p string) error {
			return errors.Join(os.Remove(p), os.Symlink("/etc/hostname", p))
		},
	} {
		t.Run(name, func(t *testing.T) {
			dir := writeTree(t, map[string]string{"a": "four"})
			root := openRoot(t, dir)
			list, err := Scan(t.Context(), root, false)
			if err != nil {
				t.Fatal(err)
			}
			if err := change(filepath.Join(dir, "a")); err != nil {
				t.Fatal(err)
			}
			if err := Pack(t.Context(), io.Discard, root, list); err == nil {
				t.Error("Pack accepted a file that had changed")
			}
		})
	}
}

// entry is one entry of a hand-made stream.
func entry(h tar.Header, body string) func(*tar.Writer) error {
	return func(w *tar.Writer) error {
		if h.Typeflag == tar.TypeReg {
			h.Size = int64(len(body))
		}
		if err := w.WriteHeader(&h); err != nil {
			return err
		}
		_, err := io.WriteString(w, body)
		return err
	}
}

func stream(t *testing.T, entries ...func(*tar.Writer) error) []byte {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, e := range entries {
		if err := e(w); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func file(name string) func(*tar.Writer) error {
	return entry(tar.Header{Typeflag: tar.TypeReg, Name: name, Mode: 0o644}, "x")
}

// Invariants 1 and 3.
func TestUnpackRefusesHostileStreams(t *testing.T) {
	long := strings.Repeat("a", 256)
	for name, c := range map[string]struct {
		bytes []byte
		want  error
	}{
		"parent":            {stream(t, file("../evil")), ErrPath},
		"parent inside":     {stream(t, file("a/../../evil")), ErrPath},
		"absolute":          {stream(t, file("/evil")), ErrPath},
		"dot":               {stream(t, file("a/./b")), ErrPath},
		"double slash":      {stream(t, file("a//b")), ErrPath},
		"control character": {stream(t, file("a\x1b[2Jb")), ErrPath},
		"long name":         {stream(t, file(long)), ErrPath},
		"long path":         {stream(t, file(strings.Repeat("a/", 3000)+"a")), ErrPath},
		"twice":             {stream(t, file("a"), file("a")), ErrPath},
		"symbolic link":     {stream(t, entry(tar.Header{Typeflag: tar.TypeSymlink, Name: "a", Linkname: "/etc"}, "")), ErrEntry},
		"hard link":         {stream(t, entry(tar.Header{Typeflag: tar.TypeLink, Name: "a", Linkname: "b"}, "")), ErrEntry},
		"device":            {stream(t, entry(tar.Header{Typeflag: tar.TypeChar, Name: "a"}, "")), ErrEntry},
		"pipe":              {stream(t, entry(tar.Header{Typeflag: tar.TypeFifo, Name: "a"}, "")), ErrEntry},
		"no tar":            {bytes.Repeat([]byte("no tar "), 200), ErrStream},
		"cut in a header":   {stream(t, file("a"))[:100], ErrStream},
		"cut in a file":     {stream(t, file("a"))[:512], io.ErrUnexpectedEOF},
	} {
		t.Run(name, func(t *testing.T) {
			outer := t.TempDir()
			inner := filepath.Join(outer, "inner")
			if err := os.Mkdir(inner, 0o777); err != nil {
				t.Fatal(err)
			}
			_, _, err := unpack(t.Context(), openRoot(t, inner), bytes.NewReader(c.bytes))
			if !errors.Is(err, c.want) {
				t.Errorf("Unpack: %v, want %v", err, c.want)
			}
			if left := readTree(t, outer); len(left) > 0 && name != "twice" && name != "cut in a file" {
				t.Errorf("it wrote %v", left)
			}
		})
	}
}

func TestFileUnderAFileIsRefused(t *testing.T) {
	root := openRoot(t, t.TempDir())
	if _, _, err := unpack(t.Context(), root, bytes.NewReader(stream(t, file("a"), file("a/b")))); err == nil {
		t.Error("a file became a directory")
	}
}

// Invariant 3: not even a link that is already there leads out.
func TestUnpackDoesNotFollowLinks(t *testing.T) {
	dir, outside := t.TempDir(), t.TempDir()
	if err := os.Symlink(outside, filepath.Join(dir, "out")); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(filepath.Join(outside, "victim"), filepath.Join(dir, "a")); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"out/evil", "a"} {
		if _, _, err := unpack(t.Context(), openRoot(t, dir), bytes.NewReader(stream(t, file(name)))); err == nil {
			t.Errorf("%s was written through a link", name)
		}
	}
	if left := readTree(t, outside); len(left) > 0 {
		t.Errorf("it wrote %v outside", left)
	}
}

func TestSparseFilesAreRefused(t *testing.T) {
	h := tar.Header{Typeflag: tar.TypeReg, Name: "a", PAXRecords: map[string]string{"GNU.sparse.major": "1"}}
	if _, err := fileInfo(&h); !errors.Is(err, ErrEntry) {
		t.Errorf("PAX sparse file: %v", err)
	}
	h = tar.Header{Typeflag: tar.TypeGNUSparse, Name: "a"}
	if _, err := fileInfo(&h); !errors.Is(err, ErrEntry) {
		t.Errorf("GNU sparse file: %v", err)
	}
}

func TestReaderPassesOverDirectories(t *testing.T) {
	r := NewReader(bytes.NewReader(stream(t,
		entry(tar.Header{Typeflag: tar.TypeXGlobalHeader, PAXRecords: map[string]string{"comment": "x"}}, ""),
		entry(tar.Header{Typeflag: tar.TypeDir, Name: "./d/"}, ""),
		entry(tar.Header{Typeflag: tar.TypeReg, Name: "./d/a", Mode: 0o755, ModTime: time.Unix(1000, 0)}, "x"),
	)))
	info, body, err := r.Next()
	if err != nil {
		t.Fatal(err)
	}
	want := content.FileInfo{Path: "d/a", Size: 1, Exec: true, ModTime: time.Unix(1000, 0)}
	if diff := cmp.Diff(want, info); diff != "" {
		t.Error(diff)
	}
	if b, err := io.ReadAll(body); err != nil || string(b) != "x" {
		t.Errorf("read %q, %v", b, err)
	}
	if _, _, err := r.Next(); err != io.EOF {
		t.Errorf("after the last file: %v", err)
	}
}

// Invariant 2.
func TestWriterHoldsFilesToTheirSize(t *testing.T) {
	for name, body := range map[string]string{"short": "ab", "long": "abcd"} {
		w := NewWriter(io.Discard)
		err := w.File(content.FileInfo{Path: "a", Size: 3}, func(w io.Writer) error {
			_, err := io.WriteString(w, body)
			return err
		})
		if err == nil {
			t.Errorf("%s file accepted", name)
		}
	}
	w := NewWriter(io.Discard)
	if err := w.File(content.FileInfo{Path: "../a"}, nil); !errors.Is(err, ErrPath) {
		t.Errorf("bad path: %v", err)
	}
	if err := w.File(content.FileInfo{Path: "a", Size: 1 << 63}, nil); !errors.Is(err, ErrStream) {
		t.Errorf("absurd size: %v", err)
	}
}

func FuzzReader(f *testing.F) {
	f.Add([]byte{})
	f.Add(bytes.Repeat([]byte{0}, 1024))
	var good bytes.Buffer
	w := NewWriter(&good)
	for _, name := range []string{"a", "b/c"} {
		err := w.File(content.FileInfo{Path: name, Size: 1}, func(w io.Writer) error { _, err := io.WriteString(w, "x"); return err })
		if err != nil {
			f.Fatal(err)
		}
	}
	f.Add(good.Bytes())
	f.Fuzz(func(t *testing.T, b []byte) {
		r := NewReader(bytes.NewReader(b))
		for {
			info, body, err := r.Next()
			if err != nil {
				return
			}
			if CheckPath(info.Path) != nil {
				t.Fatalf("gave the path %q", info.Path)
			}
			n, err := io.Copy(io.Discard, body)
			if err == nil && uint64(n) != info.Size {
				t.Fatalf("%d bytes of a file of %d", n, info.Size)
			}
		}
	})
}
