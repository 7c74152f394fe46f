package content

import (
	"bytes"
	"encoding/binary"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// total is the stored size, table included, and the decoded size of frames.
func total(frames []frame) (stored, size uint64) {
	stored = uint64(seekTableSize(len(frames)))
	for _, f := range frames {
		stored += uint64(f.stored)
		size += uint64(f.size)
	}
	return stored, size
}

// §8.1
func TestSeekTablesComeBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 50).Draw(t, "frames")
		frames := make([]frame, n)
		for i := range frames {
			frames[i] = frame{rapid.Uint32Min(1).Draw(t, "stored"), rapid.Uint32Min(1).Draw(t, "size")}
		}
		stored, size := total(frames)
		got, ok := parseSeekTable(appendSeekTable(nil, frames), stored, size)
		if !ok || !slices.Equal(got, frames) {
			t.Fatalf("%v came back as %v, %v", frames, got, ok)
		}
	})
}

// §8.1: each rule alone.
func TestWhatIsNoTrueSeekTableIsNone(t *testing.T) {
	frames := []frame{{100, 1000}, {200, 2000}, {300, 700}}
	table := appendSeekTable(nil, frames)
	stored, size := total(frames)
	put := func(at int, v uint32) []byte {
		b := bytes.Clone(table)
		binary.LittleEndian.PutUint32(b[at:], v)
		return b
	}
	end := len(table)
	checksums := bytes.Clone(table)
	checksums[end-5] = 0x80
	for name, c := range map[string]struct {
		b            []byte
		stored, size uint64
	}{
		"nothing":                    {nil, stored, size},
		"cut off":                    {table[1:], stored, size},
		"longer":                     {append(make([]byte, 1), table...), stored + 1, size},
		"another frame's magic":      {put(0, seekFrameMagic+1), stored, size},
		"another size of the frame":  {put(4, uint32(end-seekHead+1)), stored, size},
		"another footer":             {put(end-4, seekFooterMagic+1), stored, size},
		"checksums":                  {checksums, stored, size},
		"more frames":                {put(end-9, 4), stored, size},
		"fewer frames":               {put(end-9, 2), stored, size},
		"no frames":                  {appendSeekTable(nil, nil), uint64(seekTableSize(0)), 0},
		"an empty frame":             {put(12, 0), stored, size - 1000},
		"a frame of nothing":         {put(8, 0), stored - 100, size},
		"stored more than there is":  {table, stored - 1, size},
		"stored less than there is":  {table, stored + 1, size},
		"more bytes than there are":  {table, stored, size - 1},
		"fewer bytes than there are": {table, stored, size + 1},
		"larger than the stream":     {table, uint64(end - 1), size},
	} {
		if _, ok := parseSeekTable(c.b, c.stored, c.size); ok {
			t.Errorf("%s: accepted", name)
		}
	}
	if _, ok := parseSeekTable(table, stored, size); !ok {
		t.Error("the true one was refused")
	}
}

// §8.1: the limit, just below and just above.
func TestSeekTablesHaveALimit(t *testing.T) {
	for n, want := range map[int]bool{maxFrames: true, maxFrames + 1: false} {
		frames := slices.Repeat([]frame{{1, 1}}, n)
		stored, size := total(frames)
		if _, ok := parseSeekTable(appendSeekTable(nil, frames), stored, size); ok != want {
			t.Errorf("%d frames: %v, want %v", n, ok, want)
		}
	}
}

func FuzzSeekTable(f *testing.F) {
	frames := []frame{{100, 1000}, {200, 2000}}
	stored, size := total(frames)
	f.Add(appendSeekTable(nil, frames), stored, size)
	f.Add([]byte{}, uint64(0), uint64(0))
	f.Fuzz(func(t *testing.T, b []byte, stored, size uint64) {
		frames, ok := parseSeekTable(b, stored, size)
		if !ok {
			return
		}
		if !bytes.Equal(appendSeekTable(nil, frames), b) {
			t.Error("a table has two encodings")
		}
		if s, d := total(frames); s != stored || d != size {
			t.Errorf("frames of %d and %d bytes in a stream of %d and %d", s, d, stored, size)
		}
	})
}
