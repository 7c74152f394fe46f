package content

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"testing"

	"nightjar/crypto/erasure"
	"nightjar/keys"
)

// fileOf is a file manifest around a stream.
func fileOf(s *stream) *manifest {
	return &manifest{Version: 1, Kind: kindFile, MIME: "text/plain", Stream: s}
}

// tabled is a stream of any size with as many tables as it needs.
func tabled(size uint64, direct int) *stream {
	s := &stream{Size: size}
	if t := layoutOf(size).tableSize(); t <= uint64(direct) {
		s.Table = make([]byte, t)
	} else {
		s.Nested = tabled(t, direct)
	}
	return s
}

// chain is a stream with exactly so many tables below it that are streams.
func chain(levels int, size uint64) *stream {
	if levels == 0 {
		return tabled(size, maxDirectTable)
	}
	return &stream{Size: size, Nested: chain(levels-1, layoutOf(size).tableSize())}
}

func folderOf(files int, path func(i int) string) *manifest {
	m := &manifest{Version: 1, Kind: kindFolder, MIMEs: []string{"text/plain"}}
	for i := range files {
		m.Files = append(m.Files, entry{Path: path(i)})
	}
	return m
}

// manyTypes is a folder with so many MIME types.
func manyTypes(n int) *manifest {
	m := folderOf(n, func(i int) string { return fmt.Sprintf("%06d", i) })
	m.MIMEs = nil
	for i := range n {
		m.MIMEs = append(m.MIMEs, fmt.Sprintf("a/%06d", i))
		m.Files[i].MIME = uint64(i)
	}
	return m
}

// contained is a folder of one file in one container, decoded and stored in so many bytes.
func contained(size, packed uint64) *manifest {
	m := folderOf(1, func(int) string { return "a" })
	m.Files[0].Size, m.Files[0].Container = size, 1
	m.Containers = []stream{{Size: size, Codec: codecZstd, Packed: packed, Table: make([]byte, layoutOf(packed).tableSize())}}
	return m
}

func nestedOf(size, packed uint64) *manifest {
	s := tabled(packed, maxDirectTable)
	s.Size, s.Codec, s.Packed = size, codecZstd, packed
	return &manifest{Version: 1, Kind: kindNested, Stream: s}
}

func packedFile(size, packed uint64) *manifest {
	return fileOf(&stream{Size: size, Codec: codecZstd, Packed: packed, Table: make([]byte, layoutOf(packed).tableSize())})
}

func inlineFile(n int) *manifest { return fileOf(&stream{Size: uint64(n), Inline: make([]byte, n)}) }

// directFile is a file whose table is in the manifest, however large.
func directFile(blocks uint64) *manifest {
	s := &stream{Size: blocks * keys.DataSize}
	s.Table = make([]byte, layoutOf(s.Size).tableSize())
	return fileOf(s)
}

func pathed(p string) *manifest { return folderOf(1, func(int) string { return p }) }

func typed(t string) *manifest {
	m := inlineFile(1)
	m.MIME = t
	return m
}

func dated(s uint64) *manifest {
	m := pathed("a")
	m.Files[0].Modified = s
	return m
}

// Redirects cannot be endless, because a CHK cannot name itself; but a chain can be long.
func TestLimitOfRedirects(t *testing.T) {
	n := newNetwork()
	uri := put(t, n, []byte("the end"), PutOptions{})
	for i := range maxRedirects + 1 {
		uri = putManifest(t, n, &manifest{Version: 1, Kind: kindRedirect, Root: append(bytes.Clone(uri.Routing[:]), uri.Read[:]...)})
		got, err := tryGet(n, uri, GetOptions{})
		if i < maxRedirects && (err != nil || string(got) != "the end") {
			t.Errorf("%d redirects: %v", i+1, err)
		}
		if i == maxRedirects && !errors.Is(err, ErrMalformed) {
			t.Errorf("%d redirects: %v, want ErrMalformed", i+1, err)
		}
	}
}

func TestLimitOfNestedManifests(t *testing.T) {
	n := newNetwork()
	inner := marshal(t, inlineFile(3))
	for i := range maxNestedManifests + 1 {
		m := &manifest{Version: 1, Kind: kindNested, Stream: &stream{Size: uint64(len(inner)), Inline: inner}}
		got, err := tryGet(n, putManifest(t, n, m), GetOptions{})
		if i < maxNestedManifests && (err != nil || len(got) != 3) {
			t.Errorf("%d nested: %v", i+1, err)
		}
		if i == maxNestedManifests && !errors.Is(err, ErrMalformed) {
			t.Errorf("%d nested: %v, want ErrMalformed", i+1, err)
		}
		inner = marshal(t, m)
	}
}

func TestMaxSizeIsLookedAtBeforeContentIsFetched(t *testing.T) {
	n := newNetwork()
	data := noise(300_000, 1)
	uri := put(t, n, data, PutOptions{})
	n.fetched = nil
	if _, err := Open(context.Background(), n, uri, GetOptions{MaxSize: 299_999}); !errors.Is(err, ErrTooLarge) || len(n.fetched) != 1 {
		t.Errorf("%v after %d requests, want ErrTooLarge after 1", err, len(n.fetched))
	}
	if got := get(t, n, uri, GetOptions{MaxSize: 300_000}); !bytes.Equal(got, data) {
		t.Error("other bytes came back")
	}
	uri = putFolder(t, n, PutOptions{}, file("small", data[:100]), file("large", data))
	root := open(t, n, uri, GetOptions{MaxSize: 1000})
	if _, err := root.File("large"); !errors.Is(err, ErrTooLarge) {
		t.Errorf("%v, want ErrTooLarge", err)
	}
	if _, err := root.File("small"); err != nil {
		t.Error(err)
	}
	uri.Path = "large"
	if _, err := Open(context.Background(), n, uri, GetOptions{MaxSize: 1000}); !errors.Is(err, ErrTooLarge) {
		t.Errorf("%v, want ErrTooLarge", err)
	}
}

// The format's segments and the code agree about what is possible.
func TestEverySegmentHasACode(t *testing.T) {
	for k := 1; k <= maxData; k++ {
		if n := erasure.Total(k); n <= k || n > erasure.MaxTotal {
			t.Fatalf("k=%d: n=%d", k, n)
		}
	}
	for _, k := range []int{1, 16, 17, 128, 129, maxData} {
		if _, err := erasure.New(k, erasure.Total(k)); err != nil {
			t.Errorf("k=%d: %v", k, err)
		}
	}
}
