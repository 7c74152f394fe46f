package content

import (
	"bytes"
	"encoding/hex"
	"slices"
	"strconv"
	"testing"
)

// listVectors are lists of blocks, as bytes (SPEC §13).
func listVectors() (vs []vector) {
	add := func(name, expect, comment string, b []byte) {
		vs = append(vs, vector{"list/" + name, comment, []field{{"expect", expect}, {"bytes", hex.EncodeToString(b)}}})
	}
	e := func(what, name byte) []byte {
		l := listedAs(what, [nameSize]byte(bytes.Repeat([]byte{name}, nameSize)))
		return l[:]
	}
	add("root", accept, "a root block alone", e(3, 7))
	add("record", accept, "data blocks, a record and a root block", slices.Concat(e(1, 0), e(1, 9), e(2, 4), e(3, 1)))
	add("extremes", accept, "the least and the greatest name", slices.Concat(e(1, 0), e(1, 0xff)))
	add("kind-0", reject, "there is no kind 0", e(0, 7))
	add("kind-4", reject, "there is no kind 4", e(4, 7))
	add("kind-255", reject, "there is no kind 255", slices.Concat(e(1, 1), e(255, 7)))
	add("cut", reject, "32 bytes", e(1, 7)[:32])
	add("cut-later", reject, "an entry and a byte", append(e(1, 7), 1))
	add("twice", reject, "an entry twice", slices.Concat(e(1, 7), e(1, 7)))
	add("descending", reject, "names that descend", slices.Concat(e(1, 7), e(1, 6)))
	add("kinds-descending", reject, "a root block before a data block", slices.Concat(e(3, 1), e(1, 2)))
	return vs
}

// hintVectors are payloads of date hints (SPEC §2.4).
func hintVectors(t *testing.T) (vs []vector) {
	add := func(name, expect, comment string, v any) {
		b, raw := v.([]byte)
		if !raw {
			b = marshal(t, v)
		}
		vs = append(vs, vector{"hint/" + name, comment, []field{{"expect", expect}, {"cbor", hex.EncodeToString(b)}}})
	}
	add("first", accept, "edition 0, which is present", m{0: 1, 1: 5, 8: 0})
	add("many", accept, "edition 10 000", m{0: 1, 1: 5, 8: 10_000})
	add("last", accept, "the largest edition", m{0: 1, 1: 5, 8: uint64(1<<63 - 1)})
	add("beyond", reject, "an edition that no URI can have", m{0: 1, 1: 5, 8: uint64(1 << 63)})
	add("negative", reject, "an edition below 0", m{0: 1, 1: 5, 8: -1})
	add("version-0", reject, "there is no version 0", m{0: 0, 1: 5, 8: 1})
	add("version-2", reject, "a later version", m{0: 2, 1: 5, 8: 1})
	add("kind-1", reject, "a file's kind", m{0: 1, 1: 1, 8: 1})
	add("manifest", reject, "a manifest", file1(inline("5")))
	add("no-edition", reject, "no edition", m{0: 1, 1: 5})
	add("unknown-field", reject, "a field that this version does not have", m{0: 1, 1: 5, 8: 1, 9: 1})
	add("text", reject, "an edition as text", m{0: 1, 1: 5, 8: "1"})
	add("long", reject, "an integer that is not shortest", []byte{0xa3, 0, 1, 1, 5, 8, 0x18, 1})
	add("order", reject, "keys that do not ascend", []byte{0xa3, 1, 5, 0, 1, 8, 1})
	add("behind", reject, "something behind it", []byte{0xa3, 0, 1, 1, 5, 8, 1, 0})
	add("nothing", reject, "nothing", []byte{})
	return vs
}

// seekVectors are seek tables (SPEC §8.1) with the sizes of their streams.
func seekVectors() (vs []vector) {
	frames := []frame{{100, 1000}, {200, 2000}, {300, 700}}
	stored, size := total(frames)
	add := func(name, expect, comment string, b []byte, stored, size uint64) {
		vs = append(vs, vector{"seek/" + name, comment, []field{{"expect", expect}, {"bytes", hex.EncodeToString(b)},
			{"stored", strconv.FormatUint(stored, 10)}, {"size", strconv.FormatUint(size, 10)}}})
	}
	one := []frame{{1, 1}}
	table := appendSeekTable(nil, frames)
	with := func(at int, v ...byte) []byte {
		b := bytes.Clone(table)
		copy(b[at:], v)
		return b
	}
	end := len(table)
	add("three", accept, "three frames", table, stored, size)
	add("one", accept, "a frame of a byte", appendSeekTable(nil, one), uint64(seekTableSize(1))+1, 1)
	add("large", accept, "the largest frame", appendSeekTable(nil, []frame{{1<<32 - 1, 1<<32 - 1}}), uint64(seekTableSize(1))+1<<32-1, 1<<32-1)
	add("none", reject, "no frames", appendSeekTable(nil, nil), uint64(seekTableSize(0)), 0)
	add("magic", reject, "another skippable frame", with(0, 0x5d), stored, size)
	add("frame-size", reject, "a frame of another size", with(4, byte(end-7)), stored, size)
	add("footer", reject, "another number at the end", with(end-1, 0x8e), stored, size)
	add("checksums", reject, "with checksums", with(end-5, 0x80), stored, size)
	add("reserved", reject, "a reserved bit", with(end-5, 0x04), stored, size)
	add("count", reject, "another number of frames", with(end-9, 2), stored, size)
	add("count-absurd", reject, "2^32-1 frames", with(end-9, 0xff, 0xff, 0xff, 0xff), stored, size)
	add("frame-empty", reject, "a frame of no decoded bytes", with(12, 0, 0, 0, 0), stored, size-1000)
	add("frame-of-nothing", reject, "a frame of no stored bytes", with(8, 0, 0, 0, 0), stored-100, size)
	add("stored", reject, "one stored byte less than the stream has", table, stored+1, size)
	add("size", reject, "one byte more than the stream has", table, stored, size-1)
	add("cut", reject, "cut off in front", table[1:], stored-1, size)
	return vs
}

func TestListVectors(t *testing.T) {
	for _, v := range readVectors(t, "list") {
		v.expected(t, readList(bytes.NewReader(v.bytes(t, "bytes")), func([]listed) error { return nil }))
	}
}

// outcome is what a parser that only says yes or no would return.
func outcome(ok bool) error {
	if ok {
		return nil
	}
	return ErrMalformed
}

func TestHintVectors(t *testing.T) {
	for _, v := range readVectors(t, "hint") {
		b := v.bytes(t, "cbor")
		e, ok := decodeHint(b)
		v.expected(t, outcome(ok))
		if again, err := encodeHint(e); ok && (err != nil || !bytes.Equal(again, b)) {
			t.Errorf("%s: encoded again it is something else (%v)", v.name, err)
		}
	}
}

func TestSeekVectors(t *testing.T) {
	number := func(v vector, name string) uint64 {
		n, err := strconv.ParseUint(v.get(t, name), 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	for _, v := range readVectors(t, "seek") {
		b := v.bytes(t, "bytes")
		frames, ok := parseSeekTable(b, number(v, "stored"), number(v, "size"))
		v.expected(t, outcome(ok))
		if ok && !bytes.Equal(appendSeekTable(nil, frames), b) {
			t.Errorf("%s: written again it is something else", v.name)
		}
	}
}
