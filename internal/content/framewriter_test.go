//go:build !race

package content

import (
	"bytes"
	"io"
	"testing"

	"github.com/klauspost/compress/zstd"
	"pgregory.net/rapid"
)

// packedBy is what a stream of these chunks is stored as.
func packedBy(t rapid.TB, c *compressor, chunks ...[]byte) []byte {
	t.Helper()
	var b bytes.Buffer
	w := c.into(&b)
	for _, chunk := range chunks {
		if _, err := w.Write(chunk); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// §8: any zstd decoder reads what is written, and each frame alone is what its place in the table says.
func TestLongStreamsAreFramesWithATable(t *testing.T) {
	plain, err := zstd.NewReader(nil, zstd.WithDecoderMaxWindow(maxWindow))
	if err != nil {
		t.Fatal(err)
	}
	defer plain.Close()
	for _, c := range []struct{ size, frames int }{
		{0, 0}, {1, 1}, {frameSize - 1, 1}, {frameSize, 1}, {frameSize + 1, 2}, {2 * frameSize, 2}, {3*frameSize + 7, 4},
	} {
		data := mixed(c.size, 1)
		packed := packedBy(t, new(compressor), data)
		if got, err := plain.DecodeAll(packed, nil); err != nil || !bytes.Equal(got, data) {
			t.Fatalf("%d bytes: a decoder that knows no tables: %v", c.size, err)
		}
		if limit := c.size + c.size/maxGrowth + 1024; len(packed) > limit {
			t.Errorf("%d bytes are stored in %d, limit %d", c.size, len(packed), limit)
		}
		n, has := seekFooterFrames(packed)
		if c.frames < 2 {
			if has {
				t.Errorf("%d bytes: a table for %d frames", c.size, n)
			}
			continue
		}
		if n != c.frames {
			t.Fatalf("%d bytes: a table of %d frames, want %d", c.size, n, c.frames)
		}
		frames, ok := parseSeekTable(packed[len(packed)-seekTableSize(n):], uint64(len(packed)), uint64(c.size))
		if !ok {
			t.Fatalf("%d bytes: the table is not true", c.size)
		}
		for i, f := range frames {
			got, err := plain.DecodeAll(packed[:f.stored], nil)
			if err != nil || !bytes.Equal(got, data[:f.size]) {
				t.Fatalf("%d bytes: frame %d is not what the table says: %v", c.size, i, err)
			}
			packed, data = packed[f.stored:], data[f.size:]
		}
	}
}

// §8: noise behind what shrinks stays within what readers accept.
func TestWhatDoesNotShrinkGrowsLittle(t *testing.T) {
	data := append(bytes.Repeat([]byte("text "), 100_000), noise(5<<20, 1)...)
	n := newNetwork()
	uri := put(t, n, data, PutOptions{})
	obj := open(t, n, uri, GetOptions{})
	if obj.stream.Codec != codecZstd {
		t.Fatal("the beginning did not decide")
	}
	if !bytes.Equal(content(t, obj), data) {
		t.Error("other bytes came back")
	}
}

// F11 for zstd: what was compressed before, and in what pieces content comes, makes no difference.
func TestFramesFollowFromTheirContentAlone(t *testing.T) {
	t.Parallel()
	used := new(compressor)
	rapid.Check(t, func(t *rapid.T) {
		data := mixed(rapid.SampledFrom([]int{0, 1, 100_000, frameSize, frameSize + 1, 2*frameSize + 5}).Draw(t, "size"), rapid.Byte().Draw(t, "seed"))
		want := packedBy(t, new(compressor), data)
		var b bytes.Buffer
		w := used.into(&b)
		cut := rapid.IntRange(0, len(data)).Draw(t, "cut")
		if _, err := w.Write(data[:cut]); err != nil {
			t.Fatal(err)
		}
		step := rapid.SampledFrom([]int{1000, 32768, 1 << 20}).Draw(t, "step")
		if _, err := io.Copy(w, steps{bytes.NewReader(data[cut:]), step}); err != nil {
			t.Fatal(err)
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(b.Bytes(), want) {
			t.Fatal("the same content was stored as other bytes")
		}
		used.try(data)
	})
}

// steps gives at most so many bytes at a time.
type steps struct {
	r io.Reader
	n int
}

func (s steps) Read(p []byte) (int, error) { return s.r.Read(p[:min(len(p), s.n)]) }

// §8.1: a stream of more frames than a table may have has none. The frames are counted, not written.
func TestAStreamOfTooManyFramesHasNoTable(t *testing.T) {
	for count, want := range map[int]bool{maxFrames - 1: true, maxFrames: false} {
		var b bytes.Buffer
		c := new(compressor)
		w := c.into(&b)
		w.frames = make([]frame, count)
		c.frame = make([]byte, frameSize)
		w.fill = 1
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		if _, has := seekFooterFrames(b.Bytes()); has != want {
			t.Errorf("%d frames: a table: %v, want %v", count+1, has, want)
		}
	}
}
