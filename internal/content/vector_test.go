package content

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"nightjar/crypto"
	"nightjar/keys"
)

// vectorDir holds the vectors: one scenario a file, of lines "name: value" and comments that begin with #.
const vectorDir = "testdata/vectors"

// vector is one scenario, as in its file.
type vector struct {
	name    string // kind/scenario, the path of its file without .txt
	comment string
	fields  []field
}

type field struct{ name, value string }

func (v vector) encode() string {
	var b strings.Builder
	fmt.Fprintf(&b, "# %s\n", v.comment)
	for _, f := range v.fields {
		fmt.Fprintf(&b, "%s: %s\n", f.name, f.value)
	}
	return b.String()
}

func (v vector) get(t testing.TB, name string) string {
	t.Helper()
	for _, f := range v.fields {
		if f.name == name {
			return f.value
		}
	}
	t.Fatalf("%s has no field %s", v.name, name)
	return ""
}

func (v vector) bytes(t testing.TB, name string) []byte {
	t.Helper()
	b, err := hex.DecodeString(v.get(t, name))
	if err != nil {
		t.Fatalf("%s: %v", v.name, err)
	}
	return b
}

func readVectors(t testing.TB, kind string) (vs []vector) {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(vectorDir, kind, "*.txt"))
	if err != nil || len(paths) == 0 {
		t.Fatalf("no vectors of kind %s: %v", kind, err)
	}
	for _, p := range paths {
		text, err := os.ReadFile(p)
		if err != nil {
			t.Fatal(err)
		}
		v := vector{name: kind + "/" + strings.TrimSuffix(filepath.Base(p), ".txt")}
		for line := range strings.Lines(string(text)) {
			line = strings.TrimSuffix(line, "\n")
			if strings.HasPrefix(line, "#") {
				continue
			}
			name, value, ok := strings.Cut(line, ":")
			if !ok {
				t.Fatalf("%s: no field: %q", p, line)
			}
			v.fields = append(v.fields, field{name, strings.TrimPrefix(value, " ")})
		}
		vs = append(vs, v)
	}
	return vs
}

// expected compares an outcome with a vector's expect.
func (v vector) expected(t testing.TB, err error) {
	t.Helper()
	switch expect := v.get(t, "expect"); {
	case expect == accept && err != nil:
		t.Errorf("%s: %v, want it accepted", v.name, err)
	case expect == reject && !errors.Is(err, ErrMalformed):
		t.Errorf("%s: %v, want ErrMalformed", v.name, err)
	case expect != accept && expect != reject:
		t.Errorf("%s expects %q", v.name, expect)
	}
}

func TestManifestVectors(t *testing.T) {
	accepted, rejected := 0, 0
	for _, v := range readVectors(t, "manifest") {
		encoded := v.bytes(t, "cbor")
		m, err := decodeManifest(encoded)
		v.expected(t, err)
		if err != nil {
			rejected++
			continue
		}
		accepted++
		if again, err := encodeManifest(m); err != nil || !bytes.Equal(again, encoded) {
			t.Errorf("%s: encoded again it is something else (%v)", v.name, err)
		}
	}
	if rejected < accepted {
		t.Errorf("%d vectors are rejected and %d accepted", rejected, accepted)
	}
}

func TestRootVectors(t *testing.T) {
	for _, v := range readVectors(t, "root") {
		plain := make([]byte, keys.DataSize)
		copy(plain, v.bytes(t, "plain"))
		encoded, err := parseRoot(plain)
		if err == nil {
			_, err = decodeManifest(encoded)
		}
		v.expected(t, err)
		if err == nil && !bytes.Equal(formatRoot(encoded), plain) {
			t.Errorf("%s: formatted again it is something else", v.name)
		}
	}
}

func TestALaterVersionIsCalledOne(t *testing.T) {
	for _, v := range readVectors(t, "manifest") {
		if v.name == "manifest/version-2" {
			if _, err := decodeManifest(v.bytes(t, "cbor")); !strings.Contains(fmt.Sprint(err), "version 2") {
				t.Errorf("%v does not name the version", err)
			}
		}
	}
}

// FuzzManifest feeds arbitrary manifests to everything that reads one: there is no panic, what is accepted is
// encoded again to the same bytes, and a network that holds nothing gives an error or what was inline.
func FuzzManifest(f *testing.F) {
	for _, v := range readVectors(f, "manifest") {
		f.Add(v.bytes(f, "cbor"))
	}
	f.Fuzz(func(t *testing.T, encoded []byte) {
		m, err := decodeManifest(encoded)
		if err != nil {
			if !errors.Is(err, ErrMalformed) {
				t.Fatal(err)
			}
			return
		}
		if again, err := encodeManifest(m); err != nil || !bytes.Equal(again, encoded) {
			t.Fatalf("encoded again it is something else (%v)", err)
		}
		if len(encoded) > roomInRoot {
			return
		}
		n := newNetwork()
		uri := putRoot(t, n, formatRoot(encoded))
		const limit = 1 << 20
		obj, err := Open(context.Background(), n, uri, GetOptions{MaxSize: limit})
		if err != nil {
			return
		}
		obj.Tag()
		out := &discard{}
		if err := obj.WriteTo(context.Background(), out); err == nil && out.n != obj.Info().Size || out.n > limit {
			t.Fatalf("%d bytes of %d came out", out.n, obj.Info().Size)
		}
	})
}

// FuzzFolderManifest looks that what is accepted as a folder is one: every file is found by its path, nothing else is,
// and every folder lists what is in it.
func FuzzFolderManifest(f *testing.F) {
	for _, v := range readVectors(f, "manifest") {
		if strings.HasPrefix(v.name, "manifest/folder-") {
			f.Add(v.bytes(f, "cbor"))
		}
	}
	f.Fuzz(func(t *testing.T, encoded []byte) {
		m, err := decodeManifest(encoded)
		if err != nil || m.Kind != kindFolder {
			return
		}
		root, err := newTree(nil, GetOptions{}, new(meter), m).object(keys.URI{Type: keys.CHK})
		if err != nil {
			t.Fatal(err)
		}
		for _, info := range root.Files() {
			o, err := root.at(info.Path)
			if err != nil || o.IsFolder() || o.Info() != info {
				t.Fatalf("%q: %v", info.Path, err)
			}
			if err := (keys.URI{Type: keys.CHK, Path: info.Path}).Check(); err != nil {
				t.Fatalf("%q cannot be named: %v", info.Path, err)
			}
			for i, c := range info.Path {
				if c != '/' {
					continue
				}
				d, err := root.at(info.Path[:i])
				if err != nil || !d.IsFolder() {
					t.Fatalf("%q: %v", info.Path[:i], err)
				}
				if in, err := d.File(info.Path[i+1:]); err != nil || in.Info().Path != info.Path {
					t.Fatalf("%q in %q: %v", info.Path, info.Path[:i], err)
				}
			}
		}
	})
}

// FuzzRoot feeds arbitrary plaintexts of root blocks.
func FuzzRoot(f *testing.F) {
	for _, v := range readVectors(f, "root") {
		f.Add(v.bytes(f, "plain"))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		plain := make([]byte, keys.DataSize)
		copy(plain, b)
		encoded, err := parseRoot(plain)
		if err == nil && !bytes.Equal(formatRoot(encoded), plain) {
			t.Fatal("formatted again it is something else")
		}
		if err != nil && !errors.Is(err, ErrMalformed) {
			t.Fatal(err)
		}
	})
}

// FuzzCompressed feeds arbitrary bytes to the decoder: never more than the declared size comes out, and no success
// that falls short of it.
func FuzzCompressed(f *testing.F) {
	data := bytes.Repeat([]byte("abc"), 1000)
	f.Add(pack(f, data), uint32(3000))
	f.Add(pack(f, data), uint32(2999))
	f.Add([]byte{}, uint32(1))
	f.Fuzz(func(t *testing.T, packed []byte, size uint32) {
		s := &stream{Size: uint64(size), Codec: codecZstd, Packed: uint64(len(packed)), Inline: packed}
		if s.checkHeld(maxContainer) != nil {
			return
		}
		got, err := readAll(context.Background(), reading{meter: new(meter)}, s, windowed)
		if err == nil && len(got) != int(size) || err != nil && !errors.Is(err, ErrMalformed) {
			t.Fatalf("%d bytes, %v, want %d", len(got), err, size)
		}
	})
}

// FuzzTable opens a file whose table of names is arbitrary and whose blocks do not exist.
func FuzzTable(f *testing.F) {
	f.Add(uint32(100_000), []byte("names"))
	f.Fuzz(func(t *testing.T, size uint32, table []byte) {
		size = size%(1<<20) + 1
		full := make([]byte, layoutOf(uint64(size)).tableSize())
		copy(full, table)
		n := newNetwork()
		b := keys.SealData(make([]byte, keys.DataSize), &crypto.Key{1})
		n.blocks[b.ID()] = b
		uri := putManifest(t, n, &manifest{Version: 1, Kind: kindFile, MIME: "a/b", Stream: &stream{Size: uint64(size), Table: full}})
		if _, err := tryGet(n, uri, GetOptions{}); err == nil {
			t.Fatal("content came out of nothing")
		}
	})
}
