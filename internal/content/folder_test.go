package content

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"path"
	"slices"
	"strings"
	"testing"
	"time"

	"nightjar/keys"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// memFile is a file of a folder to be inserted.
type memFile struct {
	info FileInfo
	data []byte
}

// memFolder is a FolderReader over memory.
type memFolder struct{ files []memFile }

func (f *memFolder) Next() (FileInfo, io.Reader, error) {
	if len(f.files) == 0 {
		return FileInfo{}, nil, io.EOF
	}
	next := f.files[0]
	f.files = f.files[1:]
	return next.info, bytes.NewReader(next.data), nil
}

func file(path string, data []byte) memFile { return memFile{FileInfo{Path: path}, data} }

func putFolder(t testing.TB, dst Sink, o PutOptions, files ...memFile) keys.URI {
	t.Helper()
	uri, err := PutFolder(context.Background(), dst, &memFolder{files}, o)
	if err != nil {
		t.Fatal(err)
	}
	return uri
}

func content(t testing.TB, o *Object) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := o.WriteTo(context.Background(), &b); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestFoldersComeBackWithWhatTheyKeep(t *testing.T) {
	made := time.Date(2026, 3, 4, 5, 6, 7, 890, time.FixedZone("", 3600))
	files := []memFile{
		file("index.html", []byte("<!doctype html><p>Hello</p>")),
		file("img/a.png", noise(40_000, 1)),
		file("img/a.png.txt", nil),
		file("film.webm", noise(900_000, 2)),
		file("log.txt", bytes.Repeat([]byte("the same line\n"), 100_000)),
		{FileInfo{Path: "bin/run", Exec: true, ModTime: made, MIME: "application/x-thing"}, []byte("#!/bin/sh\n")},
		file("a b/Ünïcode & more.css", []byte("p { color: red }")),
		file("exact", noise(maxPacked, 3)),
	}
	n := newNetwork()
	uri := putFolder(t, n, PutOptions{Name: "not used", MIME: "not/used"}, files...)
	if uri.Path != "" {
		t.Errorf("the URI of a folder ends in %q", uri.Path)
	}
	root := open(t, n, uri, GetOptions{})
	want := []FileInfo{
		{Path: "a b/Ünïcode & more.css", Size: 16, MIME: "text/css; charset=utf-8"},
		{Path: "bin/run", Size: 10, MIME: "application/x-thing", Exec: true, ModTime: made.UTC().Truncate(time.Second)},
		{Path: "exact", Size: maxPacked, MIME: "application/octet-stream"},
		{Path: "film.webm", Size: 900_000, MIME: "video/webm"},
		{Path: "img/a.png", Size: 40_000, MIME: "image/png"},
		{Path: "img/a.png.txt", Size: 0, MIME: "text/plain; charset=utf-8"},
		{Path: "index.html", Size: 27, MIME: "text/html; charset=utf-8"},
		{Path: "log.txt", Size: 1_400_000, MIME: "text/plain; charset=utf-8"},
	}
	if diff := cmp.Diff(want, root.Files()); diff != "" {
		t.Fatalf("files (-want +got):\n%s", diff)
	}
	if info := root.Info(); !root.IsFolder() || info.Size != totalSize(root.files) || info.MIME != "" || info.Path != "" {
		t.Errorf("root: %+v", info)
	}
	for _, f := range files {
		o, err := root.File(f.info.Path)
		if err != nil {
			t.Fatal(err)
		}
		if o.IsFolder() || !bytes.Equal(content(t, o), f.data) {
			t.Errorf("%s: other bytes came back", f.info.Path)
		}
		r := o.NewReader(context.Background())
		if got, err := io.ReadAll(r); err != nil || !bytes.Equal(got, f.data) {
			t.Errorf("%s: reader: %v", f.info.Path, err)
		}
		r.Close()
		if want := (keys.URI{Type: keys.CHK, Routing: uri.Routing, Read: uri.Read, Path: f.info.Path}); o.URI() != want {
			t.Errorf("%s has another URI", f.info.Path)
		}
	}
}

func TestPathsAreLookedUp(t *testing.T) {
	n := newNetwork()
	uri := putFolder(t, n, PutOptions{}, file("a/b/c.txt", []byte("c")), file("a/d", []byte("dd")), file("a.txt", []byte("aaa")), file("a!/x", nil))
	at := func(p string) (*Object, error) {
		u := uri
		u.Path = p
		return Open(context.Background(), n, u, GetOptions{})
	}
	for p, want := range map[string]string{"a/b/c.txt": "c", "a/d": "dd", "a.txt": "aaa", "a!/x": ""} {
		o, err := at(p)
		if err != nil {
			t.Fatal(p, err)
		}
		if o.IsFolder() || string(content(t, o)) != want || o.Info().Path != p || o.URI().Path != p {
			t.Errorf("%s: %+v", p, o.Info())
		}
	}
	for p, want := range map[string][]string{"a": {"b/c.txt", "d"}, "a/b": {"c.txt"}, "a!": {"x"}, "": {"a!/x", "a.txt", "a/b/c.txt", "a/d"}} {
		o, err := at(p)
		if err != nil {
			t.Fatal(p, err)
		}
		var got []string
		for _, f := range o.Files() {
			got = append(got, f.Path)
			if _, err := o.File(f.Path); err != nil {
				t.Errorf("%s in %s: %v", f.Path, p, err)
			}
		}
		if !o.IsFolder() || !slices.Equal(got, want) || o.Info().Path != p || o.URI().Path != p {
			t.Errorf("folder %q: %v, %+v", p, got, o.Info())
		}
		if err := o.WriteTo(context.Background(), io.Discard); err == nil {
			t.Errorf("folder %q was written", p)
		}
		if _, err := o.NewReader(context.Background()).Read(make([]byte, 1)); err == nil {
			t.Errorf("folder %q was read", p)
		}
	}
	for _, p := range []string{"b", "a/b/c", "a/b/c.txt/d", "a.tx", "a/b/c.txt2", "a/", "A"} {
		if _, err := at(strings.TrimSuffix(p, "/") + strings.Repeat("x", len(p)-len(strings.TrimSuffix(p, "/")))); !errors.Is(err, ErrNoEntry) {
			t.Errorf("%s: %v, want ErrNoEntry", p, err)
		}
	}
	root, _ := at("")
	for _, p := range []string{"", "a", "a/b/", "/a.txt", "../a.txt"} {
		if _, err := root.File(p); !errors.Is(err, ErrNoEntry) {
			t.Errorf("File(%q): %v, want ErrNoEntry", p, err)
		}
	}
}

// A name may stand behind the CHK of a file, for people; behind anything else it is a path that does not exist.
func TestANameBehindAFile(t *testing.T) {
	n := newNetwork()
	uri := put(t, n, []byte("hello"), PutOptions{Name: "Greeting.TXT"})
	o := open(t, n, uri, GetOptions{})
	if want := (FileInfo{Path: "Greeting.TXT", Size: 5, MIME: "text/plain; charset=utf-8"}); o.Info() != want {
		t.Errorf("%+v, want %+v", o.Info(), want)
	}
	if o.URI() != uri {
		t.Error("the object has another URI than it was opened by")
	}
	if _, err := o.File("x"); !errors.Is(err, ErrNoEntry) || len(o.Files()) != 0 {
		t.Error("a file has files")
	}
	uri.Path = "a/b"
	if _, err := Open(context.Background(), n, uri, GetOptions{}); !errors.Is(err, ErrNoEntry) {
		t.Errorf("%v, want ErrNoEntry", err)
	}
}

// A page and its pictures come with the root and one container.
func TestAPageAndItsPicturesComeTogether(t *testing.T) {
	var files []memFile
	for page := range 30 {
		dir := fmt.Sprintf("page%02d/", page)
		files = append(files, file(dir+"index.html", noise(5000, byte(page))))
		for pic := range 5 {
			files = append(files, file(fmt.Sprintf("%simg/%d.jpg", dir, pic), noise(60_000, byte(page+pic))))
		}
		files = append(files, file(dir+"style.css", noise(2000, byte(page))))
	}
	n := newNetwork()
	uri := putFolder(t, n, PutOptions{}, files...)
	root := open(t, n, uri, GetOptions{})
	containers := map[string]map[uint64]bool{}
	for i := range root.files {
		dir, _, _ := strings.Cut(root.files[i].Path, "/")
		if containers[dir] == nil {
			containers[dir] = map[uint64]bool{}
		}
		containers[dir][root.files[i].Container] = true
	}
	for dir, c := range containers {
		if len(c) > 2 {
			t.Errorf("%s is spread over %d containers", dir, len(c))
		}
	}
	for i, c := range root.t.manifest.Containers {
		if c.Size > maxContainer {
			t.Errorf("container %d has %d bytes", i, c.Size)
		}
	}
	n.fetched = nil
	for _, name := range []string{"index.html", "style.css", "img/0.jpg", "img/4.jpg"} {
		o, err := root.File("page07/" + name)
		if err != nil {
			t.Fatal(err)
		}
		content(t, o)
	}
	blocks := 0
	for c := range containers["page07"] {
		l := layoutOf(root.t.manifest.Containers[c-1].stored())
		blocks += int(l.blocks + l.blocks/extraShare)
	}
	if len(n.fetched) > blocks {
		t.Errorf("a page took %d requests, and its containers have %d blocks", len(n.fetched), blocks)
	}
}

func TestAnOpenedFolderHoldsFewContainers(t *testing.T) {
	var files []memFile
	for i := range 40 {
		files = append(files, file(fmt.Sprintf("%02d/a", i), noise(200_000, byte(i))), file(fmt.Sprintf("%02d/b", i), noise(200_000, byte(i))))
	}
	n := newNetwork()
	root := open(t, n, putFolder(t, n, PutOptions{}, files...), GetOptions{})
	for _, f := range root.Files() {
		o, err := root.File(f.Path)
		if err != nil {
			t.Fatal(err)
		}
		content(t, o)
		held := 0
		for i := range root.t.containers {
			if root.t.containers[i].data != nil {
				held++
			}
		}
		if held > maxHeldContainers {
			t.Fatalf("%d containers are held", held)
		}
	}
}

// Whatever a folder is made of, it comes back, in any order of arrival.
func TestFoldersOfAnyShapeComeBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		name := rapid.StringMatching(`[a-c]{1,2}|[a-zA-Z0-9 ._~!$&'()+,;=@é-]{1,12}`).Filter(func(s string) bool { return s != "." && s != ".." })
		paths := rapid.SliceOfNDistinct(rapid.Custom(func(t *rapid.T) string {
			return path.Join(rapid.SliceOfN(name, 1, 4).Draw(t, "components")...)
		}), 0, 40, rapid.ID[string]).Draw(t, "paths")
		sizes := rapid.OneOf(rapid.IntRange(0, 100), rapid.IntRange(0, 50_000), rapid.SampledFrom([]int{maxPacked - 1, maxPacked, maxPacked + 1, 600_000}))
		var files []memFile
		for i, p := range paths {
			files = append(files, file(p, noise(sizes.Draw(t, "size"), byte(i))))
		}
		n := newNetwork()
		uri, err := PutFolder(context.Background(), n, &memFolder{files}, PutOptions{})
		if clash(paths) {
			if !errors.Is(err, ErrBadPath) {
				t.Fatalf("%v, want ErrBadPath", err)
			}
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		root, err := Open(context.Background(), n, uri, GetOptions{})
		if err != nil {
			t.Fatal(err)
		}
		if len(root.Files()) != len(files) {
			t.Fatalf("%d files, want %d", len(root.Files()), len(files))
		}
		for _, f := range files {
			o, err := root.File(f.info.Path)
			if err != nil {
				t.Fatal(err)
			}
			var b bytes.Buffer
			if err := o.WriteTo(context.Background(), &b); err != nil || !bytes.Equal(b.Bytes(), f.data) {
				t.Fatalf("%q: %v", f.info.Path, err)
			}
		}
	})
}

func clash(paths []string) bool {
	for _, p := range paths {
		for _, q := range paths {
			if strings.HasPrefix(q, p+"/") {
				return true
			}
		}
	}
	return false
}

func TestPathsThatAFolderCannotHaveAreRefused(t *testing.T) {
	long := strings.Repeat("x", keys.MaxComponent)
	for _, paths := range [][]string{
		{""}, {"/a"}, {"a/"}, {"a//b"}, {"."}, {".."}, {"a/../b"}, {"a/./b"}, {`a\b`}, {"a\x00"}, {"a\nb"}, {"a\x7f"}, {"\u0085"},
		{"a\u2028"}, {"\xff"}, {long + "x"}, {strings.Repeat(long+"/", 16) + "x"},
		{"a", "a"}, {"a", "a/b"}, {"a/b", "a"}, {"a", "a.txt", "a!", "a/b/c"},
	} {
		var files []memFile
		for _, p := range paths {
			files = append(files, file(p, []byte("x")))
		}
		n := newNetwork()
		if _, err := PutFolder(context.Background(), n, &memFolder{files}, PutOptions{}); !errors.Is(err, ErrBadPath) {
			t.Errorf("%.40q: %v, want ErrBadPath", paths, err)
		}
		for _, id := range n.order {
			if n.top[id] {
				t.Errorf("%.40q: a root was inserted", paths)
			}
		}
	}
	for _, p := range []string{long, strings.Repeat(long+"/", 15) + long, "a:b", "...", " ", "con", "é"} {
		n := newNetwork()
		root := open(t, n, putFolder(t, n, PutOptions{}, file(p, []byte("x"))), GetOptions{})
		if _, err := root.File(p); err != nil {
			t.Errorf("%.40q: %v", p, err)
		}
	}
	bad := memFile{FileInfo{Path: "a", MIME: "nonsense"}, nil}
	if _, err := PutFolder(context.Background(), newNetwork(), &memFolder{[]memFile{bad}}, PutOptions{}); !errors.Is(err, ErrBadType) {
		t.Errorf("%v, want ErrBadType", err)
	}
}

func TestAnEmptyFolderComesBack(t *testing.T) {
	n := newNetwork()
	root := open(t, n, putFolder(t, n, PutOptions{}), GetOptions{})
	if !root.IsFolder() || len(root.Files()) != 0 {
		t.Errorf("%+v", root.Files())
	}
}
