package content

import (
	"encoding/binary"
	"slices"
)

// The seek table of a compressed stream (SPEC §8.1): a skippable frame at its end, in the zstd seekable format
// (facebook/zstd, contrib/seekable_format/zstd_seekable_compression_format.md, version 0.1.0).
const (
	seekFrameMagic  = 0x184D2A5E // of the skippable frame
	seekFooterMagic = 0x8F92EAB1 // the last four bytes
	seekHead        = 8          // magic and size of the skippable frame
	seekEntry       = 8          // stored and decoded size of a frame
	seekFooter      = 9          // number of frames, descriptor, magic
	// maxFrames bounds a seek table, and the memory of whoever reads it, to 8 MiB: 1 to 2 TiB of frames of 1 to 2 MiB.
	// A stream of more frames has no table.
	maxFrames = 1 << 20
)

// frame is one zstd frame of a compressed stream.
type frame struct {
	stored uint32 // bytes, encoded
	size   uint32 // bytes, decoded
}

// seekTableSize is the size of the table of that many frames.
func seekTableSize(frames int) int { return seekHead + frames*seekEntry + seekFooter }

// appendSeekTable appends the table of at most maxFrames frames.
func appendSeekTable(b []byte, frames []frame) []byte {
	b = slices.Grow(b, seekTableSize(len(frames)))
	b = binary.LittleEndian.AppendUint32(b, seekFrameMagic)
	b = binary.LittleEndian.AppendUint32(b, uint32(seekTableSize(len(frames))-seekHead))
	for _, f := range frames {
		b = binary.LittleEndian.AppendUint32(b, f.stored)
		b = binary.LittleEndian.AppendUint32(b, f.size)
	}
	b = binary.LittleEndian.AppendUint32(b, uint32(len(frames)))
	b = append(b, 0) // descriptor: no checksums
	return binary.LittleEndian.AppendUint32(b, seekFooterMagic)
}

// seekFooterFrames reads the end of a compressed stream: how many frames its seek table has, or that it has none.
func seekFooterFrames(tail []byte) (frames int, ok bool) {
	if len(tail) < seekFooter {
		return 0, false
	}
	tail = tail[len(tail)-seekFooter:]
	n := binary.LittleEndian.Uint32(tail)
	if binary.LittleEndian.Uint32(tail[5:]) != seekFooterMagic || tail[4] != 0 || n == 0 || n > maxFrames {
		return 0, false
	}
	return int(n), true
}

// parseSeekTable reads a seek table that is all of b, of a stream of that stored and decoded size. What is no true table is
// none, and the stream is then read from its beginning: nothing forbids a skippable frame that looks a little like one.
func parseSeekTable(b []byte, stored, size uint64) ([]frame, bool) {
	n, ok := seekFooterFrames(b)
	if !ok || len(b) != seekTableSize(n) || uint64(len(b)) > stored {
		return nil, false
	}
	if binary.LittleEndian.Uint32(b) != seekFrameMagic || binary.LittleEndian.Uint32(b[4:]) != uint32(len(b)-seekHead) {
		return nil, false
	}
	stored -= uint64(len(b))
	frames := make([]frame, n)
	for i := range frames {
		e := b[seekHead+i*seekEntry:]
		f := frame{binary.LittleEndian.Uint32(e), binary.LittleEndian.Uint32(e[4:])}
		if f.stored == 0 || f.size == 0 || uint64(f.stored) > stored || uint64(f.size) > size {
			return nil, false
		}
		stored -= uint64(f.stored)
		size -= uint64(f.size)
		frames[i] = f
	}
	return frames, stored == 0 && size == 0
}
