package content

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"nightjar/keys"
)

var update = flag.Bool("update", false, "write testdata/vectors anew")

// TestVectorsAreThoseOfTheGenerator fails when the format changes without its vectors, or a vector without its generator.
//
//	go test ./internal/content -run Generator -update
func TestVectorsAreThoseOfTheGenerator(t *testing.T) {
	want := map[string]string{}
	for _, v := range slices.Concat(manifestVectors(t), folderVectors(t), encodingVectors(t), rootVectors(t), insertVectors(t), editionVectors(t),
		listVectors(), hintVectors(t), seekVectors()) {
		p := filepath.Join(vectorDir, filepath.FromSlash(v.name)+".txt")
		if _, ok := want[p]; ok {
			t.Fatalf("two vectors are named %s", v.name)
		}
		want[p] = v.encode()
	}
	if *update {
		writeVectors(t, want)
	}
	found, err := filepath.Glob(filepath.Join(vectorDir, "*", "*"))
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range found {
		if _, ok := want[p]; !ok {
			t.Errorf("%s has no generator", p)
		}
	}
	for p, text := range want {
		got, err := os.ReadFile(p)
		if err != nil || string(got) != text {
			t.Errorf("%s is not what the generator makes (%v)", p, err)
		}
	}
}

func writeVectors(t *testing.T, files map[string]string) {
	if err := os.RemoveAll(vectorDir); err != nil {
		t.Fatal(err)
	}
	for p, text := range files {
		if err := os.MkdirAll(filepath.Dir(p), 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(p, []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
	}
}

// Shorthand for manifests that no encoder of ours would write.
type (
	m = map[uint64]any
	l = []any
)

func marshal(t *testing.T, v any) []byte {
	t.Helper()
	b, err := encodeMode.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func manifestVector(t *testing.T, name, expect, comment string, v any) vector {
	b, raw := v.([]byte)
	if !raw {
		b = marshal(t, v)
	}
	return vector{"manifest/" + name, comment, []field{{"expect", expect}, {"cbor", hex.EncodeToString(b)}}}
}

const (
	accept = "ok"
	reject = "malformed"
)

// names is a table of the right size for a stream of that many bytes.
func names(stored uint64) []byte { return noise(int(layoutOf(stored).tableSize()), 1) }

func file1(stream any) m { return m{0: 1, 1: kindFile, 2: "text/plain", 3: stream} }

func inline(s string) m { return m{1: len(s), 4: []byte(s)} }

// manifestVectors are files, redirects and nested manifests.
func manifestVectors(t *testing.T) (vs []vector) {
	add := func(name, expect, comment string, v any) {
		vs = append(vs, manifestVector(t, name, expect, comment, v))
	}
	root := noise(64, 1)
	deep := func(levels int, size uint64) m {
		s := m{1: size}
		sizes := []uint64{size}
		for range levels {
			sizes = append(sizes, layoutOf(sizes[len(sizes)-1]).tableSize())
		}
		var build func(i int) m
		build = func(i int) m {
			if i == levels {
				return m{1: sizes[i], 5: names(sizes[i])}
			}
			return m{1: sizes[i], 6: build(i + 1)}
		}
		s[6] = build(1)
		return s
	}

	add("file-inline", accept, "a file in its root block", file1(inline("hello")))
	add("file-empty", accept, "an empty file has no place", file1(m{}))
	add("file-one-block", accept, "a table of one segment of one block", file1(m{1: 32768, 5: names(32768)}))
	add("file-two-blocks", accept, "k = 2, n = 7", file1(m{1: 32769, 5: names(32769)}))
	add("file-packed", accept, "compressed, in one block", file1(m{1: 100_000, 2: 1, 3: 30_000, 5: names(30_000)}))
	add("file-nested-table", accept, "33 MiB: two segments of 528 blocks, a table of 3 blocks", file1(deep(1, 33<<20)))
	add("file-16TiB", accept, "the largest stream: three levels of tables", file1(deep(3, MaxStream)))
	add("redirect", accept, "a root block elsewhere", m{0: 1, 1: kindRedirect, 7: root})
	add("nested-inline", accept, "a nested manifest, compressed", m{0: 1, 1: kindNested, 3: m{1: 1000, 2: 1, 3: 10, 4: noise(10, 1)}})
	add("nested-stored", accept, "a nested manifest of one block", m{0: 1, 1: kindNested, 3: m{1: 32000, 5: names(32000)}})

	add("file-redundancy", accept, "k = 20, n = 60", file1(m{1: 20 * 32768, 5: noise(32+60*32, 1), 7: 12}))
	add("file-redundancy-small", accept, "k = 2, n = 5: five eighths of 7, rounded up", file1(m{1: 32769, 5: noise(32+5*32, 1), 7: 5}))
	add("file-redundancy-nested", accept, "33 MiB, two segments of 528 blocks and four times as many in all; the table has 5 blocks", file1(m{1: 33 << 20, 6: m{1: 2 * (32 + 2112*32), 5: noise(32+32*32, 1), 7: 16}, 7: 16}))

	add("redundancy-1", reject, "less than 1.25 of the standard's 2", file1(m{1: 20 * 32768, 5: noise(32+20*32, 1), 7: 4}))
	add("redundancy-standard", reject, "the standard is absent", file1(m{1: 20 * 32768, 5: noise(32+40*32, 1), 7: 8}))
	add("redundancy-zero", reject, "a field that is zero must be absent", file1(m{1: 20 * 32768, 5: noise(32+40*32, 1), 7: 0}))
	add("redundancy-17", reject, "more than four times the data", file1(m{1: 20 * 32768, 5: noise(32+85*32, 1), 7: 17}))
	add("redundancy-256", reject, "more than a byte", file1(m{1: 20 * 32768, 5: noise(32+40*32, 1), 7: 256}))
	add("redundancy-table-shorter", reject, "a table of the standard size", file1(m{1: 20 * 32768, 5: noise(32+40*32, 1), 7: 12}))
	add("redundancy-inline", reject, "bytes without blocks", file1(m{1: 5, 4: []byte("hello"), 7: 12}))
	add("redundancy-empty", reject, "nothing without blocks", file1(m{7: 12}))
	add("redundancy-nested-other", reject, "a table of another redundancy than its stream", file1(m{1: 33 << 20, 6: m{1: 2 * (32 + 2112*32), 5: noise(32+16*32, 1)}, 7: 16}))
	add("version-0", reject, "there is no version 0", m{0: 0, 1: kindFile, 2: "text/plain", 3: inline("x")})
	add("version-2", reject, "a later version", m{0: 2, 1: kindFile, 2: "text/plain", 3: inline("x"), 99: 1})
	add("version-missing", reject, "no version", m{1: kindFile, 2: "text/plain", 3: inline("x")})
	add("kind-0", reject, "no such kind", m{0: 1, 1: 0, 2: "text/plain", 3: inline("x")})
	add("kind-5", reject, "no such kind", m{0: 1, 1: 5, 3: inline("x")})
	add("file-without-stream", reject, "a file needs a stream", m{0: 1, 1: kindFile, 2: "text/plain"})
	add("file-without-type", reject, "a file needs a MIME type", m{0: 1, 1: kindFile, 3: inline("x")})
	add("file-with-root", reject, "a field of another kind", m{0: 1, 1: kindFile, 2: "text/plain", 3: inline("x"), 7: root})
	add("file-with-types", reject, "a field of another kind", m{0: 1, 1: kindFile, 2: "text/plain", 3: inline("x"), 4: l{"text/plain"}})
	add("mime-line-feed", reject, "a type must not end a header line", m{0: 1, 1: kindFile, 2: "text/plain\r\nX: y", 3: inline("x")})
	add("mime-no-slash", reject, "not a media type", m{0: 1, 1: kindFile, 2: "text", 3: inline("x")})
	add("mime-not-ascii", reject, "not printable ASCII", m{0: 1, 1: kindFile, 2: "text/plain; a=é", 3: inline("x")})
	add("stream-two-places", reject, "inline and in blocks", file1(m{1: 5, 4: []byte("hello"), 5: names(5)}))
	add("stream-no-place", reject, "bytes that are nowhere", file1(m{1: 5}))
	add("stream-empty-with-place", reject, "no bytes that are somewhere", file1(m{4: []byte("hello")}))
	add("inline-shorter", reject, "fewer bytes than the stream has", file1(m{1: 6, 4: []byte("hello")}))
	add("inline-longer", reject, "more bytes than the stream has", file1(m{1: 4, 4: []byte("hello")}))
	add("table-shorter", reject, "a name is missing", file1(m{1: 32769, 5: names(32769)[32:]}))
	add("table-longer", reject, "n > 3k+1: a name too many", file1(m{1: 32769, 5: append(names(32769), root[:32]...)}))
	add("table-fewer-than-k", reject, "n < k: fewer names than data blocks", file1(m{1: 20 * 32768, 5: root[:64]}))
	add("table-of-nothing", reject, "an empty table", file1(m{1: 5, 5: []byte{}}))
	add("size-absurd", reject, "a stream of 2^63 bytes", file1(m{1: uint64(1) << 63, 6: m{1: uint64(1) << 54, 5: names(32768)}}))
	add("size-above-16TiB", reject, "one byte more than the largest stream", file1(deep(3, MaxStream+1)))
	add("codec-2", reject, "no such codec", file1(m{1: 5, 2: 2, 3: 5, 4: []byte("hello")}))
	add("packed-without-codec", reject, "two sizes of one thing", file1(m{1: 5, 3: 5, 4: []byte("hello")}))
	add("packed-missing", reject, "compressed into nothing", file1(m{1: 5, 2: 1}))
	add("packed-of-nothing", reject, "nothing compressed into something", file1(m{2: 1, 3: 5, 4: []byte("hello")}))
	add("packed-larger", reject, "compression that blows up", file1(m{1: 10, 2: 1, 3: 5000, 4: noise(5000, 1)}))
	add("nested-table-size", reject, "a table of another size than the stream needs", file1(m{1: 33 << 20, 6: m{1: 100_000, 5: names(100_000)}}))
	add("nested-table-packed", reject, "a compressed table", file1(m{1: 33 << 20, 6: m{1: 67680, 2: 1, 3: 100, 5: names(100)}}))
	add("nested-table-inline", reject, "a table inline in the manifest belongs in field 5", file1(m{1: 5, 6: m{1: 160, 4: noise(160, 1)}}))
	add("nested-table-cycle", reject, "tables of tables without end: the table of one block describes itself", file1(deep(5, 160)))
	add("nested-table-empty", reject, "a table of no bytes", file1(m{1: 5, 6: m{}}))
	add("redirect-short", reject, "63 bytes", m{0: 1, 1: kindRedirect, 7: root[1:]})
	add("redirect-long", reject, "65 bytes", m{0: 1, 1: kindRedirect, 7: append(bytes.Clone(root), 1)})
	add("redirect-nowhere", reject, "no root", m{0: 1, 1: kindRedirect})
	add("redirect-with-stream", reject, "a field of another kind", m{0: 1, 1: kindRedirect, 3: inline("x"), 7: root})
	add("nested-empty", reject, "a manifest of no bytes", m{0: 1, 1: kindNested, 3: m{}})
	add("nested-with-type", reject, "a field of another kind", m{0: 1, 1: kindNested, 2: "text/plain", 3: inline("x")})
	add("nested-too-large", reject, "a manifest larger than 32 MiB", m{0: 1, 1: kindNested, 3: m{1: 32<<20 + 1, 2: 1, 3: 40_000, 5: names(40_000)}})
	entry := noise(listEntry, 1)
	add("blocks-inline", accept, "a list of one block", m{0: 1, 1: kindBlocks, 3: m{1: listEntry, 4: entry}})
	add("blocks-table", accept, "a list of 2 000 blocks", m{0: 1, 1: kindBlocks, 3: m{1: 2000 * listEntry, 5: names(2000 * listEntry)}})
	add("blocks-none", reject, "a list of nothing", m{0: 1, 1: kindBlocks, 3: m{}})
	add("blocks-without-stream", reject, "no list", m{0: 1, 1: kindBlocks})
	add("blocks-half", reject, "half an entry", m{0: 1, 1: kindBlocks, 3: m{1: listEntry - 1, 4: entry[1:]}})
	add("blocks-packed", reject, "a list with a codec", m{0: 1, 1: kindBlocks, 3: m{1: listEntry, 2: 1, 3: 20, 4: entry[:20]}})
	add("blocks-with-type", reject, "a field of another kind", m{0: 1, 1: kindBlocks, 2: "text/plain", 3: m{1: listEntry, 4: entry}})
	add("nested-bomb", reject, "32 MiB out of 10 bytes", m{0: 1, 1: kindNested, 3: m{1: 32 << 20, 2: 1, 3: 10, 4: noise(10, 1)}})
	return vs
}

// insertVectors pin all of the format: with given randomness an insert gives given blocks.
func insertVectors(t *testing.T) (vs []vector) {
	for _, c := range []struct {
		name       string
		size       int
		convergent bool
		redundancy Redundancy
		salt       []byte
	}{
		{"inline", 1000, false, 0, nil}, {"one-block", 32768, false, 0, nil}, {"two-blocks", 32769, false, 0, nil}, {"gf8", 100 * 32768, false, 0, nil},
		{"gf16", 200*32768 - 1, false, 0, nil}, {"short-tail", 1030 * 32768, false, 0, nil}, {"convergent", 20 * 32768, true, 0, nil},
		{"redundancy-gf8", 60 * 32768, false, 16, nil}, {"redundancy-gf16", 70 * 32768, false, 16, nil}, {"redundancy-low", 10 * 32768, true, 5, nil},
		{"salted", 20 * 32768, false, 0, bytes.Repeat([]byte{1}, 32)}, {"salted-otherwise", 20 * 32768, false, 0, bytes.Repeat([]byte{2}, 32)},
	} {
		n := newNetwork()
		data := noise(c.size, 7)
		var salt *[32]byte
		saltText := "none"
		if c.salt != nil {
			salt, saltText = (*[32]byte)(c.salt), hex.EncodeToString(c.salt)
		}
		uri := put(t, n, data, PutOptions{Salt: salt, Convergent: c.convergent, Redundancy: c.redundancy, Random: rand.NewChaCha8([32]byte{42}), MIME: "application/octet-stream"})
		all := make([]string, 0, len(n.order))
		for _, id := range n.order {
			all = append(all, string(id.Name[:]))
		}
		slices.Sort(all)
		names := sha256.Sum256([]byte(strings.Join(all, "")))
		vs = append(vs, vector{"insert/" + c.name, "the content is that many bytes of ChaCha8 (Go's math/rand/v2) with seed 7, 0, …; keys are 32 bytes each of seed 42, 0, …, after a seed of 32 bytes", []field{
			{"expect", accept}, {"size", fmt.Sprint(c.size)}, {"convergent", fmt.Sprint(c.convergent)}, {"redundancy", fmt.Sprint(uint8(c.redundancy))}, {"salt", saltText},
			{"routing", hex.EncodeToString(uri.Routing[:])}, {"read", hex.EncodeToString(uri.Read[:])},
			{"blocks", fmt.Sprint(len(all))}, {"sha256-of-sorted-names", hex.EncodeToString(names[:])},
		}})
		if got, err := tryGet(n, uri, GetOptions{}); err != nil || !bytes.Equal(got, data) {
			t.Errorf("%s does not come back: %v", c.name, err)
		}
	}
	return vs
}

// rootVectors are plaintexts of root blocks; what the field does not give is zero.
func rootVectors(t *testing.T) (vs []vector) {
	body := marshal(t, file1(inline("hello")))
	add := func(name, expect, comment string, length uint32, body []byte) {
		plain := append([]byte{byte(length >> 24), byte(length >> 16), byte(length >> 8), byte(length)}, body...)
		vs = append(vs, vector{"root/" + name, comment, []field{{"expect", expect}, {"plain", hex.EncodeToString(plain)}}})
	}
	add("file", accept, "a manifest and zeros", uint32(len(body)), body)
	add("cut", reject, "a length that ends in the manifest", uint32(len(body)-1), body)
	add("padded-inside", reject, "a length that takes in a zero", uint32(len(body)+1), body)
	add("empty", reject, "no manifest", 0, nil)
	add("beyond", reject, "a length beyond the block", keys.DataSize-rootLength+1, body)
	add("absurd", reject, "a length of 2^32-1", 1<<32-1, body)
	add("padding", reject, "something behind the manifest", uint32(len(body)), append(bytes.Clone(body), 0, 0, 1))
	return vs
}

// editionVectors are what an insert keeps for the next one (SPEC §12).
func editionVectors(t *testing.T) (vs []vector) {
	add := func(name, expect, comment string, v any) {
		vs = append(vs, vector{"edition/" + name, comment, []field{{"expect", expect}, {"cbor", hex.EncodeToString(marshal(t, v))}}})
	}
	sum := func(b byte) []byte { return bytes.Repeat([]byte{b}, 32) }
	in := func(b byte, offset, size int) m {
		f := m{1: sum(b), 2: size, 3: 1}
		if offset > 0 {
			f[4] = offset
		}
		return f
	}
	abc := l{inline("abc")}
	own := m{1: sum(1), 2: 32768, 5: m{1: 32768, 5: names(32768)}}

	add("empty", accept, "nothing to keep", m{0: 1})
	add("packed", accept, "two files in a container, in any order, with a gap", m{0: 1, 1: abc, 2: l{in(2, 2, 1), in(1, 0, 1)}})
	add("stream", accept, "a file with a stream, and another of the same content", m{0: 1, 2: l{own, own}})

	add("version-0", reject, "there is no version 0", m{0: 0})
	add("version-2", reject, "a later version", m{0: 2})
	add("unknown-field", reject, "a field that this version does not have", m{0: 1, 3: 1})
	add("sum-short", reject, "31 bytes", m{0: 1, 1: abc, 2: l{m{1: sum(1)[1:], 2: 3, 3: 1}}})
	add("sum-long", reject, "33 bytes", m{0: 1, 1: abc, 2: l{m{1: append(sum(1), 1), 2: 3, 3: 1}}})
	add("sum-missing", reject, "no sum", m{0: 1, 1: abc, 2: l{m{2: 3, 3: 1}}})
	add("file-empty", reject, "an empty file has no place to be kept", m{0: 1, 2: l{m{1: sum(1), 2: 0}}})
	add("file-nowhere", reject, "a file without a place", m{0: 1, 2: l{m{1: sum(1), 2: 3}}})
	add("file-two-places", reject, "in a container and in a stream", m{0: 1, 1: abc, 2: l{m{1: sum(1), 2: 3, 3: 1, 5: inline("abc")}}})
	add("file-stream-size", reject, "another size than its stream's", m{0: 1, 2: l{m{1: sum(1), 2: 4, 5: inline("abc")}}})
	add("file-beyond", reject, "a file that ends beyond its container", m{0: 1, 1: abc, 2: l{in(1, 1, 3)}})
	add("overlap", reject, "a byte of two files", m{0: 1, 1: abc, 2: l{in(1, 0, 2), in(2, 1, 2)}})
	add("container-beyond", reject, "a container that is not there", m{0: 1, 2: l{in(1, 0, 3)}})
	add("container-unused", reject, "a container without files", m{0: 1, 1: l{inline("abc"), inline("xyz")}, 2: l{in(1, 0, 3), own}})
	add("container-too-large", reject, "readers would hold more than 2 MiB", m{0: 1, 1: l{m{1: 2<<20 + 1, 2: 1, 3: 30_000, 5: names(30_000)}}, 2: l{in(1, 0, 3)}})
	add("zero-field", reject, "a field that is zero must be absent", m{0: 1, 1: abc, 2: l{m{1: sum(1), 2: 3, 3: 1, 4: 0}}})
	return vs
}
