package wire

import (
	"bytes"
	"encoding/hex"
)

// repairVectors are those of §4.6. Copy is among the blocks too: its block must verify.
func repairVectors() []vector {
	name, mark := hex.EncodeToString(name1), hex.EncodeToString(onion1)
	span := cat(u64(1<<63), u64(5)) // across the zero of the ring
	part := func(last uint64) []byte { return cat(u64(last), onion1) }
	data, record := cat(3, 1, name1), cat(0, 2, name1, u64(7))
	good := []vector{
		{name: "compare", comment: "§4.6: across the zero of the ring", is: "Compare 9 {9223372036854775808 5} " + mark, raw: cat(0x40, u32(9), span, onion1)},
		{name: "compare-all", comment: "§4.6: the whole ring", is: "Compare 9 {6 5} " + mark, raw: cat(0x40, u32(9), u64(6), u64(5), onion1)},
		{name: "parts-none", comment: "§4.6: the marks are equal", is: "Parts 9 {9223372036854775808 5}", raw: cat(0x41, u32(9), span, 0)},
		{name: "parts-two", comment: "§4.6", is: "Parts 9 {9223372036854775808 5} {0 " + mark + "} {5 " + mark + "}", raw: cat(0x41, u32(9), span, 2, part(0), part(5))},
		{name: "held-none", comment: "§4.6", is: "Held 9 {9223372036854775808 5}", raw: cat(0x42, u32(9), span, u16(0))},
		{name: "held-two", comment: "§4.6: a record has a version", is: "Held 9 {9223372036854775808 5} {3 1 " + name + " 0} {0 2 " + name + " 7}", raw: cat(0x42, u32(9), span, u16(2), data, record)},
		{name: "want", comment: "§4.6", is: "Want 9 rotation 3 kind 2 " + name, raw: cat(0x43, u32(9), 3, 2, name1)},
		{name: "refuse-not-found", comment: "§4.6", is: "Refuse 9 1", raw: cat(0x45, u32(9), 1)},
		{name: "refuse-overload", comment: "§4.6", is: "Refuse 9 2", raw: cat(0x45, u32(9), 2)},
	}
	var out []vector
	for _, v := range good {
		v.expect = "ok"
		out = append(out, v,
			vector{name: v.name + "-short", comment: "§8.2: a byte is missing", expect: "malformed", raw: v.raw[:len(v.raw)-1]},
			vector{name: v.name + "-long", comment: "§8.2: a byte too many", expect: "malformed", raw: cat(v.raw, 0)})
	}
	for _, v := range []vector{
		{name: "parts-seventeen", comment: "§8.10", raw: cat(0x41, u32(9), u64(0), u64(5), 17, bytes.Repeat(part(5), 17))},
		{name: "parts-order", comment: "§8.10: the second ends before the first", raw: cat(0x41, u32(9), span, 2, part(5), part(0))},
		{name: "parts-twice", comment: "§8.10: the second is empty", raw: cat(0x41, u32(9), span, 2, part(5), part(5))},
		{name: "parts-outside", comment: "§8.10: the first ends outside the span", raw: cat(0x41, u32(9), span, 2, part(6), part(5))},
		{name: "parts-end", comment: "§8.10: the last ends before the span does", raw: cat(0x41, u32(9), span, 1, part(4))},
		{name: "parts-fewer", comment: "§8.2: three announced, two there", raw: cat(0x41, u32(9), span, 3, part(0), part(5))},
		{name: "held-many", comment: "§8.11: 257 items", raw: cat(0x42, u32(9), span, u16(257), bytes.Repeat(data, 257))},
		{name: "held-many-announced", comment: "§8.2: 65 535 announced, none there", raw: cat(0x42, u32(9), span, u16(65535))},
		{name: "held-fewer", comment: "§8.2: two announced, one there", raw: cat(0x42, u32(9), span, u16(2), data)},
		{name: "held-rotation", comment: "§8.3", raw: cat(0x42, u32(9), span, u16(1), 4, 1, name1)},
		{name: "held-kind", comment: "§8.3", raw: cat(0x42, u32(9), span, u16(1), 0, 3, name1)},
		{name: "held-no-version", comment: "§8.2: a record without its version", raw: cat(0x42, u32(9), span, u16(1), record[:34])},
		{name: "want-rotation", comment: "§8.3", raw: cat(0x43, u32(9), 4, 1, name1)},
		{name: "want-kind", comment: "§8.3", raw: cat(0x43, u32(9), 0, 0, name1)},
		{name: "refuse-zero", comment: "§8.3", raw: cat(0x45, u32(9), 0)},
		{name: "refuse-failed", comment: "§8.3: no such reason here", raw: cat(0x45, u32(9), 3)},
		{name: "copy-no-block", comment: "§8.2", raw: cat(0x44, u32(9), 1, zeroName())},
		{name: "copy-no-name", comment: "§8.2", raw: cat(0x44, u32(9), 1)},
		{name: "copy-short", comment: "§8.2", raw: cat(0x44, u32(9), 1, zeroName()), fill: 32767},
		{name: "copy-long", comment: "§8.2", raw: cat(0x44, u32(9), 1, zeroName()), fill: 32769},
		{name: "copy-kind", comment: "§8.3", raw: cat(0x44, u32(9), 3, zeroName()), fill: 32768},
		{name: "copy-record-long", comment: "§8.2", raw: cat(0x44, u32(9), 2, name1), fill: 4097},
	} {
		v.expect = "malformed"
		out = append(out, v)
	}
	out = append(out,
		vector{name: "copy", comment: "§4.6: the block of zeros", expect: "ok", is: "Copy 9 kind 1 " + hex.EncodeToString(zeroName()), raw: cat(0x44, u32(9), 1, zeroName()), fill: 32768},
		vector{name: "copy-wrong-byte", comment: "§8: the first byte of the block is not zero", expect: "bad block", raw: cat(0x44, u32(9), 1, zeroName(), 1), fill: 32767},
		vector{name: "copy-record-forged", comment: "§8: a record that nobody has signed", expect: "bad block", raw: cat(0x44, u32(9), 2, name1), fill: 1024},
	)
	for i := range out {
		out[i].name = "repair/" + out[i].name
	}
	return out
}
