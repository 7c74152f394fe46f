package content

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"slices"
	"testing"

	"nightjar/keys"
)

// Manifests that outgrow a block, in each of the ways that publish has of making them fit.
func TestManifestsThatOutgrowABlock(t *testing.T) {
	t.Parallel()
	var pages, films, many []memFile
	for i := range 1500 {
		pages = append(pages, file(fmt.Sprintf("articles/with/a/rather/long/path/number-%04d.html", i), nil))
		many = append(many, file(fmt.Sprintf("%x/b", sha256.Sum256([]byte{byte(i), byte(i >> 8)})), noise(200+i, byte(i))))
	}
	for i := range 12 {
		films = append(films, file(fmt.Sprintf("film%02d.webm", i), noise(3<<20+i, byte(i))))
	}
	for name, c := range map[string]struct {
		files []memFile
		kind  uint64
		shape func(m *manifest) bool
	}{
		"compressed into the root": {pages, kindNested, func(m *manifest) bool { return m.Stream.Inline != nil }},
		"with tables moved out": {films, kindFolder, func(m *manifest) bool {
			out := 0
			for i := range m.Files {
				if m.Files[i].Stream.Nested != nil {
					out++
				}
			}
			return out > 0 && out < len(m.Files)
		}},
		"stored as a stream": {many, kindNested, func(m *manifest) bool { return m.Stream.Inline == nil }},
	} {
		n := newNetwork()
		uri := putFolder(t, n, PutOptions{}, slices.Clone(c.files)...)
		f := &finder{src: n, meter: new(meter)}
		m, err := f.root(context.Background(), uri.Routing, &uri.Read)
		if err != nil {
			t.Fatal(err)
		}
		if m.Kind != c.kind || !c.shape(m) {
			t.Errorf("%s: the root is of kind %d and not of the shape meant", name, m.Kind)
		}
		root := open(t, n, uri, GetOptions{})
		for _, i := range []int{0, len(c.files) / 2, len(c.files) - 1} {
			o, err := root.File(c.files[i].info.Path)
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(content(t, o), c.files[i].data) {
				t.Errorf("%s: %s: other bytes came back", name, c.files[i].info.Path)
			}
		}
	}
}

func TestTagsTellContentsApart(t *testing.T) {
	n := newNetwork()
	seen := map[string]string{}
	note := func(name string, o *Object) {
		tag := o.Tag()
		if other, ok := seen[tag]; ok {
			t.Errorf("%s and %s have one tag", name, other)
		}
		if len(tag) != 32 || tag != o.Tag() {
			t.Errorf("%s: tag %q is not stable", name, tag)
		}
		seen[tag] = name
	}
	a := put(t, n, []byte("one"), PutOptions{})
	note("inline", open(t, n, a, GetOptions{}))
	note("stored", open(t, n, put(t, n, noise(100_000, 1), PutOptions{}), GetOptions{}))
	folder := open(t, n, putFolder(t, n, PutOptions{}, file("a", []byte("x")), file("b", []byte("yy")), file("d/c", noise(300_000, 1))), GetOptions{})
	note("folder", folder)
	for _, f := range folder.Files() {
		o, _ := folder.File(f.Path)
		note(f.Path, o)
	}
	d := open(t, n, keys.URI{Type: keys.CHK, Routing: folder.uri.Routing, Read: folder.uri.Read, Path: "d"}, GetOptions{})
	note("folder d", d)
	if seen[open(t, n, a, GetOptions{}).Tag()] != "inline" {
		t.Error("opening again gives another tag")
	}
}
