//go:build !race

package content

import (
	"bytes"
	"context"
	"errors"
	"io"
	"testing"

	"github.com/klauspost/compress/zstd"
)

func TestOnlyWhatGainsATenthIsCompressed(t *testing.T) {
	for _, c := range []struct {
		size, packed int
		want         bool
	}{{1000, 900, true}, {1000, 901, false}, {10, 9, true}, {9, 9, false}, {5, 5, false}, {5, 4, true}} {
		if got := gains(c.size, c.packed); got != c.want {
			t.Errorf("gains(%d, %d) = %v", c.size, c.packed, got)
		}
	}
	text := bytes.Repeat([]byte("a text that repeats itself, "), 20_000)
	for name, c := range map[string]struct {
		data  []byte
		o     PutOptions
		codec uint64
	}{
		"text":                    {text, PutOptions{}, codecZstd},
		"long text":               {bytes.Repeat(text, 4), PutOptions{}, codecZstd},
		"noise":                   {noise(200_000, 1), PutOptions{}, codecNone},
		"a type that is packed":   {text, PutOptions{MIME: "image/jpeg"}, codecNone},
		"a name that is packed":   {text, PutOptions{Name: "a.ZIP"}, codecNone},
		"what fits in the root":   {text[:30_000], PutOptions{}, codecNone},
		"what fits in a record":   {text[:3000], PutOptions{Target: author(3, "a")}, codecNone},
		"what compressed fits in": {text[:30_000], PutOptions{Target: author(4, "a")}, codecZstd},
	} {
		n := newNetwork()
		uri := put(t, n, c.data, c.o)
		obj := open(t, n, uri, GetOptions{})
		if obj.stream.Codec != c.codec {
			t.Errorf("%s: codec %d, want %d", name, obj.stream.Codec, c.codec)
		}
		if !bytes.Equal(content(t, obj), c.data) {
			t.Errorf("%s: other bytes came back", name)
		}
	}
}

// F3 for what zstd makes of a stream: exactly the size that was declared, within the window that was agreed.
func TestCompressedStreamsAreExactlyAsLongAsTheySay(t *testing.T) {
	data := bytes.Repeat([]byte("0123456789"), 5000)
	plain := pack(t, data)
	wide := pack(t, bytes.Repeat(noise(100, 1), 100_000), zstd.WithWindowSize(2*maxWindow))
	for name, c := range map[string]struct {
		packed []byte
		size   uint64
		ok     bool
	}{
		"as declared":              {plain, 50_000, true},
		"two frames":               {bytes.Join([][]byte{plain, plain}, nil), 100_000, true},
		"a frame and an empty one": {bytes.Join([][]byte{plain, pack(t, nil, zstd.WithZeroFrames(true))}, nil), 50_000, true},
		"shorter":                  {plain, 50_001, false},
		"longer":                   {plain, 49_999, false},
		"a byte of many":           {plain, 1, false},
		"cut":                      {plain[:len(plain)-1], 50_000, false},
		"something behind":         {append(bytes.Clone(plain), 0), 50_000, false},
		"no zstd":                  {bytes.Repeat([]byte("x"), 100), 200, false},
		"a window too wide":        {wide, 10_000_000, false},
	} {
		n := newNetwork()
		uri := putManifest(t, n, putPacked(t, n, c.packed, c.size))
		obj, err := Open(context.Background(), n, uri, GetOptions{})
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		count := &discard{}
		err = obj.WriteTo(context.Background(), count)
		if c.ok != (err == nil) || !c.ok && !errors.Is(err, ErrMalformed) {
			t.Errorf("%s: %v", name, err)
		}
		if count.n > c.size {
			t.Errorf("%s: %d bytes were written, %d declared", name, count.n, c.size)
		}
		r := obj.NewReader(context.Background())
		got, err := io.ReadAll(r)
		if uint64(len(got)) > c.size {
			t.Errorf("%s: the reader gave %d bytes, %d declared", name, len(got), c.size)
		}
		if c.ok && err != nil {
			t.Errorf("%s: reader: %v", name, err)
		}
		r.Close()
	}
}

// F3: a bomb is refused for what it says, before it is fetched; if it lies it is cut off.
func TestADecompressionBombCostsNothing(t *testing.T) {
	n := newNetwork()
	const size = 1 << 30
	var b bytes.Buffer
	z, err := zstd.NewWriter(&b)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.CopyN(z, zeros{}, size); err != nil {
		t.Fatal(err)
	}
	z.Close()
	bomb := b.Bytes()
	if len(bomb) > 200_000 {
		t.Fatalf("the bomb has %d bytes", len(bomb))
	}
	uri := put(t, n, bomb, PutOptions{MIME: "application/zstd"})
	_, s := onlySegment(t, n, uri)
	m := &manifest{Version: 1, Kind: kindFile, MIME: "text/plain", Stream: &stream{
		Size: size, Codec: codecZstd, Packed: uint64(len(bomb)), Table: append(bytes.Clone(s.key[:]), s.names...),
	}}
	honest := putManifest(t, n, m)
	n.fetched = nil
	if _, err := Open(context.Background(), n, honest, GetOptions{MaxSize: size - 1}); !errors.Is(err, ErrTooLarge) {
		t.Errorf("%v, want ErrTooLarge", err)
	}
	m.Stream.Size = 300_000
	lying := putManifest(t, n, m)
	count := &discard{}
	if err := open(t, n, lying, GetOptions{MaxSize: size - 1}).WriteTo(context.Background(), count); !errors.Is(err, ErrMalformed) {
		t.Errorf("%v, want ErrMalformed", err)
	}
	if count.n > 300_000 {
		t.Errorf("%d bytes came out", count.n)
	}
	// Held in memory, it is not even opened.
	m.Stream.Size = MaxManifest
	m.Stream.Packed, m.Stream.Table = 20_000, nil
	m.Stream.Inline = bomb[:20_000]
	m.Kind, m.MIME = kindNested, ""
	n.fetched = nil
	if _, err := Open(context.Background(), n, putManifest(t, n, m), GetOptions{}); !errors.Is(err, ErrMalformed) || len(n.fetched) != 1 {
		t.Errorf("%v after %d requests, want ErrMalformed after 1", err, len(n.fetched))
	}
}

// Less than minCompress is not compressed, whatever it is.
func TestLimitOfCompression(t *testing.T) {
	for _, n := range []int{minCompress - 1, minCompress} {
		var c compressor
		if got := c.try(make([]byte, n)); (got == nil) != (n < minCompress) {
			t.Errorf("%d bytes: compressed to %d", n, len(got))
		}
	}
}
