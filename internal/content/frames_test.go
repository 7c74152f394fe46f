//go:build !race

package content

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"testing"

	"nightjar/keys"

	"github.com/klauspost/compress/zstd"
)

// §8.1: with a table a place is found, and little is fetched for it; without one it is read all the same.
func TestCompressedStreamsAreReadAtAnyPlace(t *testing.T) {
	t.Parallel()
	data := words(12<<20, 1)
	packed, frames := framed(t, data, 1<<20)
	for name, c := range map[string]struct {
		packed []byte
		most   int // blocks for a hundred bytes anywhere
	}{
		"with a table":    {appendSeekTable(bytes.Clone(packed), frames), 4 + 3*int(frames[0].stored)/keys.DataSize},
		"without a table": {packed, 1000},
	} {
		n := newNetwork()
		uri := putCompressed(t, n, c.packed, uint64(len(data)))
		if got := get(t, n, uri, GetOptions{}); !bytes.Equal(got, data) {
			t.Fatalf("%s: read from the beginning, other bytes came", name)
		}
		obj := open(t, n, uri, GetOptions{})
		rng := rand.New(rand.NewPCG(5, 5))
		r := obj.NewReader(context.Background())
		for i := range 30 {
			at := maxForward + rng.IntN(len(data)-maxForward-100)
			switch i {
			case 0:
				at = len(data) - 100
			case 1, 2:
				at = 3<<20 - 50 // across frames
			case 3:
				at = 4 << 20
			}
			if i < 8 { // a reader of its own
				r.Close()
				r = obj.NewReader(context.Background())
			}
			n.mu.Lock()
			n.fetched = nil
			n.mu.Unlock()
			if _, err := r.Seek(int64(at), io.SeekStart); err != nil {
				t.Fatal(err)
			}
			got := make([]byte, 100)
			if _, err := io.ReadFull(r, got); err != nil || !bytes.Equal(got, data[at:at+100]) {
				t.Fatalf("%s, at %d: %v", name, at, err)
			}
			n.mu.Lock()
			fetched := len(n.fetched)
			n.mu.Unlock()
			if fetched > c.most {
				t.Errorf("%s, at %d: %d blocks, limit %d", name, at, fetched, c.most)
			}
		}
		// From a place to the end, whose last bytes are the table.
		r.Seek(int64(len(data)-3<<20+5), io.SeekStart)
		if rest, err := io.ReadAll(r); err != nil || !bytes.Equal(rest, data[len(data)-3<<20+5:]) {
			t.Errorf("%s: to the end: %d bytes, %v", name, len(rest), err)
		}
		r.Close()
	}
}

// Who reads from the beginning does not need the table before he is there.
func TestACompressedStreamIsReadWithoutItsEnd(t *testing.T) {
	data := words(8<<20, 2)
	packed, frames := framed(t, data, 1<<20)
	n := newNetwork()
	uri := putCompressed(t, n, appendSeekTable(packed, frames), uint64(len(data)))
	m, err := (&finder{src: n, meter: new(meter)}).root(context.Background(), uri.Routing, &uri.Read)
	if err != nil {
		t.Fatal(err)
	}
	s := newSegment(context.Background(), 0, layoutOf(m.Stream.Packed).data(0), m.Stream.Table)
	defer s.cancel()
	var keep []int
	for i := range s.k / 2 {
		keep = append(keep, i)
	}
	loseAllBut(n, s, keep)
	obj := open(t, n, uri, GetOptions{})
	r := obj.NewReader(context.Background())
	got := make([]byte, 100)
	if _, err := io.ReadFull(r, got); err != nil || !bytes.Equal(got, data[:100]) {
		t.Errorf("the beginning: %v", err)
	}
	r.Close()
	r = obj.NewReader(context.Background())
	defer r.Close()
	r.Seek(5<<20, io.SeekStart)
	if _, err := r.Read(got); !errors.Is(err, ErrNotFound) {
		t.Errorf("%v, want ErrNotFound", err)
	}
}

// Who reads from the beginning and who seeks see the same bytes, or one of them an error: each lie alone.
func TestAnUntrueSeekTableIsMalformed(t *testing.T) {
	t.Parallel()
	data := words(6<<20, 3)
	packed, frames := framed(t, data, 2<<20)
	lie := func(change func(f []frame)) []byte {
		f := append([]frame(nil), frames...)
		change(f)
		return appendSeekTable(bytes.Clone(packed), f)
	}
	inner, innerFrames := framed(t, words(6<<20, 4), 2<<20)
	// A frame inside a skippable one: from the beginning it is passed over, by the table it is what is read.
	hidden := append([]byte{0x50, 0x2A, 0x4D, 0x18}, byte(len(inner)), byte(len(inner)>>8), byte(len(inner)>>16), 0)
	hidden = append(append(hidden, inner...), packed...)
	hiddenFrames := append([]frame(nil), innerFrames...)
	hiddenFrames[0].stored += 8
	hiddenFrames[2].stored += uint32(len(packed))
	streamed := pack(t, data[:3<<20]) // its header does not say how much it holds
	second, secondFrames := framed(t, data[3<<20:], 3<<20)
	for name, b := range map[string][]byte{
		"sizes":          lie(func(f []frame) { f[0].size++; f[1].size-- }),
		"stored sizes":   lie(func(f []frame) { f[0].stored++; f[1].stored-- }),
		"one frame less": appendSeekTable(bytes.Clone(packed), []frame{frames[0], {frames[1].stored + frames[2].stored, frames[1].size + frames[2].size}}),
		"hidden frames":  appendSeekTable(hidden, hiddenFrames),
		"without sizes":  appendSeekTable(append(bytes.Clone(streamed), second...), []frame{{uint32(len(streamed)), 3 << 20}, secondFrames[0]}),
	} {
		n := newNetwork()
		uri := putCompressed(t, n, b, uint64(len(data)))
		if _, err := tryGet(n, uri, GetOptions{}); !errors.Is(err, ErrMalformed) {
			t.Errorf("%s: read from the beginning: %v, want ErrMalformed", name, err)
		}
		// A reader who seeks must not see anything else.
		r := open(t, n, uri, GetOptions{}).NewReader(context.Background())
		r.Seek(5<<20, io.SeekStart)
		got := make([]byte, 100)
		if _, err := io.ReadFull(r, got); err == nil && !bytes.Equal(got, data[5<<20:][:100]) && name != "hidden frames" {
			t.Errorf("%s: other bytes at the same place", name)
		}
		r.Close()
	}
}

// A walker in pieces of any size takes down the frames that there are.
func TestWalkerTakesFramesDown(t *testing.T) {
	data := words(3<<20, 5)
	packed, frames := framed(t, data, 700_000)
	enc, err := zstd.NewWriter(nil, zstd.WithEncoderCRC(true))
	if err != nil {
		t.Fatal(err)
	}
	defer enc.Close()
	for _, b := range [][]byte{bytes.Repeat([]byte("a"), 300_000), []byte("short"), noise(400, 1)} { // RLE blocks, small headers, checksums
		before := len(packed)
		packed = enc.EncodeAll(b, packed)
		frames = append(frames, frame{uint32(len(packed) - before), uint32(len(b))})
	}
	frames[len(frames)-2].size = 0 // too short for a header that says so
	packed = append(packed, 0x5F, 0x2A, 0x4D, 0x18, 3, 0, 0, 0, 1, 2, 3)
	for _, piece := range []int{1, 2, 7, 100, 1 << 20} {
		var seen []frame
		w := &walker{r: pieces{bytes.NewReader(packed), piece}, check: func(f []frame) error { seen = f; return nil }}
		if got, err := io.ReadAll(w); err != nil || !bytes.Equal(got, packed) {
			t.Fatalf("in pieces of %d: %v", piece, err)
		}
		if fmt.Sprint(seen) != fmt.Sprint(frames) {
			t.Errorf("in pieces of %d: %v, want %v", piece, seen, frames)
		}
	}
}

// pieces gives at most n bytes at a time.
type pieces struct {
	r io.Reader
	n int
}

func (p pieces) Read(b []byte) (int, error) { return p.r.Read(b[:min(len(b), p.n)]) }

// A walker neither panics nor changes what passes, whatever that is.
func FuzzWalker(f *testing.F) {
	enc, err := zstd.NewWriter(nil)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(enc.EncodeAll([]byte("hello hello hello"), nil), uint8(3))
	f.Add([]byte{0x50, 0x2A, 0x4D, 0x18, 255, 255, 255, 255, 1}, uint8(1))
	f.Fuzz(func(t *testing.T, b []byte, piece uint8) {
		w := &walker{r: pieces{bytes.NewReader(b), int(piece) + 1}, check: func([]frame) error { return nil }}
		if got, err := io.ReadAll(w); err != nil || !bytes.Equal(got, b) {
			t.Errorf("%d of %d bytes passed: %v", len(got), len(b), err)
		}
		w = &walker{r: bytes.NewReader(b), table: []frame{{17, 17}}}
		if _, err := io.ReadAll(w); err != nil && !errors.Is(err, ErrMalformed) {
			t.Error(err)
		}
	})
}
