package content

import (
	"encoding/hex"
	"strings"
	"testing"
)

func folder(types, containers, files l) m {
	f := m{0: 1, 1: kindFolder}
	for k, v := range map[uint64]l{4: types, 5: containers, 6: files} {
		if v != nil {
			f[k] = v
		}
	}
	return f
}

// one is a folder of files of one byte each, all in one container.
func one(paths ...string) m {
	var files l
	for i, p := range paths {
		f := m{1: p, 2: 1, 4: 1}
		if i > 0 {
			f[5] = i
		}
		files = append(files, f)
	}
	return folder(l{"text/plain"}, l{inline(strings.Repeat("x", len(paths)))}, files)
}

// folderVectors are folders.
func folderVectors(t *testing.T) (vs []vector) {
	add := func(name, expect, comment string, v any) {
		vs = append(vs, manifestVector(t, "folder-"+name, expect, comment, v))
	}
	types := l{"text/plain"}
	abc := inline("abc")
	in := func(path string, offset, size int) m {
		f := m{1: path, 2: size, 4: 1}
		if offset > 0 {
			f[5] = offset
		}
		return f
	}

	add("empty", accept, "no files", folder(nil, nil, nil))
	add("one", accept, "one file", one("index.html"))
	add("many", accept, "sorted by bytes: a dot comes before a slash", one("A", "a.txt", "a/b", "a/b.c", "aa", "ä"))
	add("order", accept, "the order in the container is free", folder(types, l{abc}, l{in("a", 2, 1), in("b", 0, 2)}))
	add("empty-file", accept, "an empty file has no place", folder(types, nil, l{m{1: "a"}}))
	add("own-stream", accept, "a large file has its own stream", folder(types, nil, l{m{1: "a", 2: 32768, 6: m{1: 32768, 5: names(32768)}}}))
	add("executable", accept, "what a file keeps", folder(types, nil, l{m{1: "a", 7: 1_700_000_000, 8: true}}))
	add("two-types", accept, "types are sorted", folder(l{"image/png", "text/plain"}, nil, l{m{1: "a", 3: 1}, m{1: "b"}}))

	for name, path := range map[string]string{
		"up": "../a", "up-inside": "a/../b", "dot": "./a", "absolute": "/a", "trailing": "a/", "double": "a//b", "backslash": `a\b`,
		"none": "", "nul": "a\x00b", "line-feed": "a\nb", "del": "a\x7f", "c1": "a\u0085", "line-separator": "a\u2028",
		"component": strings.Repeat("x", 256), "long": strings.Repeat("xxxxxxxxxxxxxxx/", 256) + "x",
	} {
		add("path-"+name, reject, "a path that is not allowed", one(path))
	}
	add("unsorted", reject, "paths must ascend", one("b", "a"))
	add("duplicate", reject, "two files of one name", one("a", "a"))
	add("clash", reject, "a is a file and a folder", one("a", "a/b"))
	add("clash-apart", reject, "a is a file and a folder, with others between", one("a", "a.b", "a.b.c", "a/b"))
	add("type-missing", reject, "a type beyond the table", folder(types, nil, l{m{1: "a", 3: 1}}))
	add("type-none", reject, "a file without a table of types", folder(nil, nil, l{m{1: "a"}}))
	add("type-unused", reject, "a type that no file has", folder(l{"image/png", "text/plain"}, nil, l{m{1: "a"}}))
	add("types-unsorted", reject, "types must ascend", folder(l{"text/plain", "image/png"}, nil, l{m{1: "a"}, m{1: "b", 3: 1}}))
	add("types-duplicate", reject, "types must differ", folder(l{"text/plain", "text/plain"}, nil, l{m{1: "a"}, m{1: "b", 3: 1}}))
	add("type-invalid", reject, "not a media type", folder(l{"text"}, nil, l{m{1: "a"}}))
	add("container-empty", reject, "a container of nothing", folder(types, l{m{}}, l{m{1: "a"}}))
	add("container-unused", reject, "a container without files", folder(types, l{abc}, l{m{1: "a"}}))
	add("containers-too-many", reject, "more containers than files", folder(types, l{abc, abc}, l{in("a", 0, 3)}))
	add("container-too-large", reject, "readers would hold more than 2 MiB", folder(types, l{m{1: 2<<20 + 1, 2: 1, 3: 30_000, 5: names(30_000)}}, l{in("a", 0, 2<<20+1)}))
	add("container-bomb", reject, "2 MiB out of 10 bytes", folder(types, l{m{1: 2 << 20, 2: 1, 3: 10, 4: noise(10, 1)}}, l{in("a", 0, 2<<20)}))
	add("container-beyond", reject, "a container that is not there", folder(types, l{abc}, l{m{1: "a", 2: 3, 4: 2}}))
	add("gap", accept, "a byte of nobody: a file that a later edition does not have", folder(types, l{abc}, l{in("a", 0, 1), in("b", 2, 1)}))
	add("gap-end", accept, "a byte of nobody at the end", folder(types, l{abc}, l{in("a", 0, 2)}))
	add("gap-begin", accept, "a byte of nobody at the beginning", folder(types, l{abc}, l{in("a", 1, 1), in("b", 2, 1)}))
	add("container-behind", reject, "a file that begins at the end of its container", folder(types, l{abc}, l{in("a", 3, 1), in("b", 0, 3)}))
	add("container-gap-unused", reject, "a container that is all gap", folder(types, l{abc, abc}, l{in("a", 0, 1), in("b", 1, 2)}))
	add("container-inside", reject, "a file inside another", folder(types, l{abc}, l{in("a", 0, 3), in("b", 1, 1)}))
	add("container-overlap", reject, "a byte of two files", folder(types, l{abc}, l{in("a", 0, 2), in("b", 1, 2)}))
	add("container-twice", reject, "two files of the same bytes", folder(types, l{abc}, l{in("a", 0, 3), in("b", 0, 3)}))
	add("file-beyond", reject, "a file that ends beyond its container", folder(types, l{abc}, l{in("a", 0, 4)}))
	add("file-absurd", reject, "a size and offset whose sum overflows", folder(types, l{abc}, l{in("a", 0, 3), m{1: "b", 2: ^uint64(0) - 2, 4: 1, 5: 3}}))
	add("file-nowhere", reject, "a file without a place", folder(types, nil, l{m{1: "a", 2: 3}}))
	add("file-two-places", reject, "in a container and in a stream", folder(types, l{abc}, l{m{1: "a", 2: 3, 4: 1, 6: inline("abc")}}))
	add("file-stream-size", reject, "another size than its stream's", folder(types, nil, l{m{1: "a", 2: 4, 6: inline("abc")}}))
	add("file-stream-offset", reject, "an offset without a container", folder(types, nil, l{m{1: "a", 2: 3, 5: 1, 6: inline("abc")}}))
	add("empty-file-place", reject, "an empty file in a container", folder(types, l{abc}, l{m{1: "a", 4: 1}, in("b", 0, 3)}))
	add("empty-file-stream", reject, "an empty file with a stream", folder(types, nil, l{m{1: "a", 6: m{}}}))
	add("modified-late", reject, "beyond the year 9999", folder(types, nil, l{m{1: "a", 7: maxModified + 1}}))
	add("unknown-field", reject, "a field that this version does not have", folder(types, nil, l{m{1: "a", 9: 1}}))
	add("with-stream", reject, "a field of another kind", m{0: 1, 1: kindFolder, 3: inline("x")})
	add("path-not-utf8", reject, "text that is not UTF-8", unhex(t, "a3 00 01 01 02 06 81 a1 01 61 ff"))
	return vs
}

func unhex(t *testing.T, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.ReplaceAll(s, " ", ""))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// encodingVectors say the same as {0: 1, 1: 3, 7: root} in other words, or nothing.
func encodingVectors(t *testing.T) (vs []vector) {
	root := "58 40" + strings.Repeat("11", 64)
	for _, c := range []struct{ name, expect, comment, hex string }{
		{"deterministic", accept, "as it must be", "a3 00 01 01 03 07" + root},
		{"trailing", reject, "a byte behind the manifest", "a3 00 01 01 03 07" + root + "00"},
		{"truncated", reject, "the last byte is missing", "a3 00 01 01 03 07" + root[:len(root)-2]},
		{"nothing", reject, "no bytes at all", ""},
		{"not-a-map", reject, "a list", "83 01 03 01"},
		{"null", reject, "null", "f6"},
		{"key-order", reject, "keys out of order", "a3 01 03 00 01 07" + root},
		{"key-twice", reject, "a key twice", "a4 00 01 01 03 01 03 07" + root},
		{"key-text", reject, "a text for a key", "a4 00 01 01 03 07" + root + "61 61 01"},
		{"key-unknown", reject, "a field that this version does not have", "a4 00 01 01 03 07" + root + "08 01"},
		{"integer-long", reject, "an integer in two bytes that fits in one", "a3 00 18 01 01 03 07" + root},
		{"length-long", reject, "a length in two bytes that fits in one", "a3 00 01 01 03 07 59 00 40" + root[5:]},
		{"map-indefinite", reject, "a map of indefinite length", "bf 00 01 01 03 07" + root + "ff"},
		{"bytes-indefinite", reject, "a byte string of indefinite length", "a3 00 01 01 03 07 5f" + root + "ff"},
		{"tag", reject, "a tag", "d9 d9f7 a3 00 01 01 03 07" + root},
		{"float", reject, "a number with a point", "a3 00 f9 3c00 01 03 07" + root},
		{"negative", reject, "a negative version", "a3 00 20 01 03 07" + root},
		{"zero-field", reject, "a field that is zero must be absent", "a4 00 01 01 03 02 60 07" + root},
		{"null-field", reject, "a field that is null must be absent", "a4 00 01 01 03 03 f6 07" + root},
		{"text-for-bytes", reject, "text where bytes belong", "a3 00 01 01 03 07 78 40" + strings.Repeat("41", 64)},
		{"list-for-bytes", reject, "a list of numbers where bytes belong", "a3 00 01 01 03 07 98 40" + strings.Repeat("01", 64)},
		{"length-absurd", reject, "a byte string of 2^63 bytes", "a3 00 01 01 03 07 5b 8000000000000000 11"},
		{"list-absurd", reject, "a list of 2^32 files", "a3 00 01 01 02 06 9b 0000000100000000"},
		{"deep", reject, "lists in lists", "a3 00 01 01 02 06" + strings.Repeat("81", 40) + "00"},
	} {
		vs = append(vs, manifestVector(t, "cbor-"+c.name, c.expect, c.comment, unhex(t, c.hex)))
	}
	return vs
}
