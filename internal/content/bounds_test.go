//go:build !race

package content

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"runtime"
	"runtime/metrics"
	"slices"
	"strings"
	"testing"

	"nightjar/crypto/erasure"
	"nightjar/keys"
)

// Here are tests at the limits of the format and of memory. The race detector would make them many times slower, and finds nothing in them that it does not
// find in smaller ones; nor does memory measured under it say anything.

// §12: the limit, from both sides. What does not fit is left out, and the rest is an edition.
func TestLimitOfAnEdition(t *testing.T) {
	table := make([]byte, layoutOf(90*keys.DataSize).tableSize()) // 5 792 bytes
	e := &Edition{}
	for i := range 2600 {
		f := keptFile{Size: 90 * keys.DataSize, Stream: &stream{Size: 90 * keys.DataSize, Table: table}}
		f.Sum[0], f.Sum[1] = byte(i), byte(i>>8)
		e.files = append(e.files, f)
	}
	within, err := e.MarshalBinary()
	if err != nil || len(within) > MaxEdition {
		t.Fatalf("%d bytes, %v", len(within), err)
	}
	if got, err := ParseEdition(within); err != nil || len(got.files) != 2600 {
		t.Fatal(err)
	}
	e.files = append(e.files, e.files[:100]...)
	e.containers = []stream{{Size: 3, Inline: []byte("abc")}, {Size: 3, Inline: []byte("xyz")}}
	e.files[7] = keptFile{Sum: [32]byte{9}, Size: 3, Container: 2}
	e.files[2690] = keptFile{Sum: [32]byte{8}, Size: 3, Container: 1}
	less, err := e.MarshalBinary()
	if err != nil || len(less) > MaxEdition {
		t.Fatalf("%d bytes, %v", len(less), err)
	}
	got, err := ParseEdition(less)
	if err != nil {
		t.Fatal(err)
	}
	if len(got.files) >= 2700 || len(got.containers) != 1 || got.files[7].Container != 1 {
		t.Errorf("%d files and %d containers are left", len(got.files), len(got.containers))
	}
	if _, err := ParseEdition(append(less, make([]byte, MaxEdition+1-len(less))...)); !errors.Is(err, ErrMalformed) || !strings.Contains(err.Error(), "larger") {
		t.Errorf("too large: %v", err)
	}
}

func TestLimitOfTheEncodedManifest(t *testing.T) {
	const files, length = 8300, 4000
	components := strings.Repeat(strings.Repeat("x", keys.MaxComponent)+"/", 16)
	// path is none that ends in a slash: (length-6) mod 256 is 154, and at most 100 are added.
	path := func(i, more int) string { return fmt.Sprintf("%05d/", i) + components[:length-6+more] }
	base := len(marshal(t, folderOf(files, func(i int) string { return path(i, 0) })))
	sized := func(size int) *manifest {
		more := size - base
		return folderOf(files, func(i int) string { return path(i, more/files+min(1, more%files/(i+1))) })
	}
	beyond := sized(MaxManifest + 1)
	within, tooLong := marshal(t, sized(MaxManifest)), marshal(t, beyond)
	if len(within) != MaxManifest || len(tooLong) != MaxManifest+1 {
		t.Fatalf("the examples have %d and %d bytes", len(within), len(tooLong))
	}
	if _, err := decodeManifest(within); err != nil {
		t.Errorf("%d bytes: %v", MaxManifest, err)
	}
	if _, err := decodeManifest(tooLong); !errors.Is(err, ErrMalformed) {
		t.Errorf("%d bytes: %v, want ErrMalformed", MaxManifest+1, err)
	}
	if _, err := encodeManifest(beyond); !errors.Is(err, ErrTooLarge) {
		t.Errorf("writing %d bytes: %v, want ErrTooLarge", MaxManifest+1, err)
	}
}

// A list comes back whatever its length: about a batch, and two.
func TestListsComeBack(t *testing.T) {
	for _, count := range []int{1, 2, 1000, listBatch - 1, listBatch, listBatch + 1, 2*listBatch + 3} {
		rng := rand.New(rand.NewChaCha8([32]byte{byte(count)}))
		all := make([]listed, count)
		for i := range all {
			all[i][0] = byte(1 + i%3)
			for j := 1; j < 9; j++ {
				all[i][j] = byte(rng.Uint32())
			}
		}
		var batches [][]listed
		for part := range slices.Chunk(all, listBatch) {
			slices.SortFunc(part, func(a, b listed) int { return bytes.Compare(a[:], b[:]) })
			batches = append(batches, part)
		}
		i := 0
		r := &batchReader{next: func() ([]listed, error, bool) {
			if i == len(batches) {
				return nil, nil, false
			}
			i++
			return batches[i-1], nil, true
		}}
		var got []listed
		if err := readList(r, func(b []listed) error { got = append(got, b...); return nil }); err != nil || !slices.Equal(got, all) {
			t.Errorf("%d entries: %d came back: %v", count, len(got), err)
		}
	}
}

// §12: MaxFiles and MaxEdition, just within and just beyond.
func TestLimitsOfEditions(t *testing.T) {
	const all = MaxFiles + 1
	for n, want := range map[int]bool{MaxFiles: true, all: false} {
		body := editionBody{Version: 1, Containers: []stream{{Size: all, Table: make([]byte, layoutOf(all).tableSize())}}}
		for i := range n {
			body.Files = append(body.Files, keptFile{Size: 1, Container: 1, Offset: uint64(i)})
		}
		if _, err := ParseEdition(marshal(t, body)); (err == nil) != want || err != nil && !errors.Is(err, ErrMalformed) {
			t.Errorf("%d files: %v", n, err)
		}
	}
	sized := func(size int) *Edition {
		e := &Edition{}
		for i := range MaxEdition / maxInline {
			e.files = append(e.files, keptFile{Sum: [32]byte{byte(i), byte(i >> 8)}, Size: maxInline, Stream: &stream{Size: maxInline, Inline: make([]byte, maxInline)}})
		}
		inline := func(n int) {
			e.files[0].Size = uint64(n)
			e.files[0].Stream = &stream{Size: uint64(n), Inline: make([]byte, n)}
		}
		inline(1000)
		inline(1000 + size - len(marshal(t, editionBody{Version: 1, Files: e.files})))
		return e
	}
	within, beyond := sized(MaxEdition), sized(MaxEdition+1)
	if b := marshal(t, editionBody{Version: 1, Files: beyond.files}); len(b) != MaxEdition+1 {
		t.Fatalf("the example has %d bytes", len(b))
	} else if _, err := ParseEdition(b); !errors.Is(err, ErrMalformed) {
		t.Errorf("read, one byte more: %v, want ErrMalformed", err)
	}
	b, err := within.MarshalBinary()
	if err != nil || len(b) != MaxEdition {
		t.Fatalf("%d bytes, %v", len(b), err)
	}
	if e, err := ParseEdition(b); err != nil || len(e.files) != len(within.files) {
		t.Error(err)
	}
	b, err = beyond.MarshalBinary()
	if err != nil || len(b) > MaxEdition {
		t.Fatalf("%d bytes, %v", len(b), err)
	}
	if e, err := ParseEdition(b); err != nil || len(e.files) >= len(beyond.files) {
		t.Errorf("written, one byte more: %v, or nothing was left out", err)
	}
}

// 100 000 files, and one more.
func TestTheLargestFolder(t *testing.T) {
	files := make([]memFile, MaxFiles)
	for i := range files {
		files[i] = file(fmt.Sprintf("d%03d/file-%06d.txt", i/500, i), []byte{byte(i), byte(i >> 8), byte(i >> 16)})
	}
	n := newNetwork()
	root := open(t, n, putFolder(t, n, PutOptions{}, files...), GetOptions{})
	if len(root.files) != MaxFiles {
		t.Fatalf("%d files", len(root.files))
	}
	for _, i := range []int{0, 77_777, MaxFiles - 1} {
		o, err := root.File(files[i].info.Path)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(content(t, o), files[i].data) {
			t.Errorf("file %d: other bytes came back", i)
		}
	}
	files = append(files, file("one more", nil))
	if _, err := PutFolder(context.Background(), newNetwork(), &memFolder{files}, PutOptions{}); !errors.Is(err, ErrTooLarge) {
		t.Errorf("%v, want ErrTooLarge", err)
	}
}

// thinned is a disk that has lost blocks, and takes what is inserted without keeping it.
type thinned struct {
	*disk
	gone map[keys.ID]bool
}

func (d thinned) Fetch(ctx context.Context, id keys.ID, top bool) (keys.Block, error) {
	if d.gone[id] {
		d.watch()
		return keys.Block{}, ErrNotFound
	}
	return d.disk.Fetch(ctx, id, top)
}

func (d thinned) Insert(context.Context, keys.Block, bool) error {
	d.watch()
	return nil
}

// F5 for Keep: a segment's data and some check blocks.
func TestKeepingIsBoundedInMemory(t *testing.T) {
	if _, err := erasure.New(maxData, 2*maxData); err != nil { // the library's tables are not ours to bound
		t.Fatal(err)
	}
	d := thinned{newDisk(t), map[keys.ID]bool{}}
	uri, err := PutFile(context.Background(), d.disk, io.LimitReader(rand.NewChaCha8([32]byte{1}), 70<<20), PutOptions{})
	if err != nil {
		t.Fatal(err)
	}
	rng := rand.New(rand.NewPCG(1, 1))
	for id := range d.at {
		d.gone[id] = id.Name != uri.Routing && rng.IntN(10) < 4
	}
	runtime.GC()
	before := []metrics.Sample{{Name: "/gc/heap/live:bytes"}}
	metrics.Read(before)
	d.peak = 0
	h, err := Keep(context.Background(), d, d, uri, KeepOptions{})
	if err != nil || h.Lost != 0 || h.Repaired != h.Missing || h.Count != 4 {
		t.Fatalf("%+v, %v", h, err)
	}
	limit := uint64(2*maxData+2*defaultParallel)*keys.DataSize + 24<<20
	if got := d.peak - min(d.peak, before[0].Value.Uint64()); got > limit {
		t.Errorf("keeping holds %d MiB, limit %d MiB", got>>20, limit>>20)
	}
}

// F3: every limit of limits.go, at its edge.
func TestLimitsOfManifests(t *testing.T) {
	name := func(n int) string { return strings.Repeat("x", n) }
	depth16 := strings.Repeat(name(255)+"/", 15)
	// The largest k whose table is carried by the manifest.
	direct := uint64(maxDirectTable-keySize) / (2 * nameSize)
	for what, pair := range map[string][2]*manifest{
		"MaxStream":                 {fileOf(tabled(MaxStream, maxDirectTable)), fileOf(tabled(MaxStream+1, maxDirectTable))},
		"MaxFiles":                  {folderOf(MaxFiles, func(i int) string { return fmt.Sprintf("%06d", i) }), folderOf(MaxFiles+1, func(i int) string { return fmt.Sprintf("%06d", i) })},
		"maxMIMEs":                  {manyTypes(maxMIMEs), manyTypes(maxMIMEs + 1)},
		"maxMIME":                   {typed("a/" + name(maxMIME-2)), typed("a/" + name(maxMIME-1))},
		"keys.MaxComponent":         {pathed(name(keys.MaxComponent)), pathed(name(keys.MaxComponent + 1))},
		"keys.MaxPath":              {pathed(depth16 + name(255) + "/"[:0]), pathed(depth16 + name(255) + "/x")},
		"maxModified":               {dated(maxModified), dated(maxModified + 1)},
		"maxInline":                 {inlineFile(maxInline), inlineFile(maxInline + 1)},
		"maxDirectTable":            {directFile(direct), directFile(direct + 1)},
		"maxContainer":              {contained(maxContainer, 10_000), contained(maxContainer+1, 10_000)},
		"maxRatio of a container":   {contained(1024*1024, 1024), contained(1024*1025, 1024)},
		"maxRatio of a manifest":    {nestedOf(2000*1024, 2000), nestedOf(2001*1024, 2000)},
		"MaxManifest, decoded":      {nestedOf(MaxManifest, MaxManifest/2), nestedOf(MaxManifest+1, MaxManifest/2)},
		"maxTableDepth":             {fileOf(chain(maxTableDepth, 160)), fileOf(chain(maxTableDepth+1, 160))},
		"maxGrowth":                 {packedFile(1024*100, 1024*100+100+1024), packedFile(1024*100, 1024*100+100+1025)},
		"n, too few or many names":  {directFile(3), fileOf(&stream{Size: 3 * keys.DataSize, Table: make([]byte, keySize+9*nameSize)})},
		"k, more than the size has": {directFile(3), fileOf(&stream{Size: 3 * keys.DataSize, Table: directFile(4).Stream.Table})},
	} {
		for i, m := range pair {
			encoded, err := encodeMode.Marshal(m)
			if err != nil {
				t.Fatal(what, err)
			}
			_, err = decodeManifest(encoded)
			if i == 0 && err != nil {
				t.Errorf("%s: just within: %v", what, err)
			}
			if i == 1 && !errors.Is(err, ErrMalformed) {
				t.Errorf("%s: just beyond: %v, want ErrMalformed", what, err)
			}
		}
	}
}
