package wire

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"flag"
	"fmt"
	"math/big"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"nightjar/keys"
)

var update = flag.Bool("update", false, "write testdata/vectors anew")

// vectorDir holds the vectors: SPEC.md §9.
const vectorDir = "testdata/vectors"

// vector is one scenario.
type vector struct {
	name, comment, expect, is string
	raw                       []byte // without the fill
	fill                      int
	text                      string // of a reference
}

func (v vector) encode() string {
	var b strings.Builder
	fmt.Fprintf(&b, "# %s\nexpect: %s\n", v.comment, v.expect)
	if v.is != "" {
		fmt.Fprintf(&b, "is: %s\n", v.is)
	}
	if v.text != "" {
		fmt.Fprintf(&b, "text: %q\n", v.text)
	} else {
		fmt.Fprintf(&b, "hex: %s\n", hex.EncodeToString(v.raw))
	}
	if v.fill > 0 {
		fmt.Fprintf(&b, "fill: %d\n", v.fill)
	}
	return b.String()
}

// TestVectorsAreThoseOfTheGenerator fails when the format changes without its vectors, or a vector without its generator.
//
//	go test ./routing/wire -run Generator -update
func TestVectorsAreThoseOfTheGenerator(t *testing.T) {
	want := map[string]string{}
	accepting := 0
	for _, v := range slices.Concat(messageVectors(t), repairVectors(), leaseVectors(), blockVectors(), descriptorVectors(), refVectors(t)) {
		p := filepath.Join(vectorDir, filepath.FromSlash(v.name)+".txt")
		if _, ok := want[p]; ok {
			t.Fatalf("two vectors are named %s", v.name)
		}
		want[p] = v.encode()
		if v.expect == "ok" {
			accepting++
		}
	}
	if 2*accepting > len(want) {
		t.Errorf("%d of %d vectors accept", accepting, len(want))
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
		if got, err := os.ReadFile(p); err != nil || string(got) != text {
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

// The bytes below are put together by hand, from SPEC.md, and not by Append.

func cat(parts ...any) []byte {
	var b []byte
	for _, p := range parts {
		switch p := p.(type) {
		case int:
			b = append(b, byte(p))
		case string:
			b = append(b, p...)
		case []byte:
			b = append(b, p...)
		default:
			panic(fmt.Sprintf("%T", p))
		}
	}
	return b
}

func u16(n uint16) []byte { return binary.BigEndian.AppendUint16(nil, n) }
func u32(n uint32) []byte { return binary.BigEndian.AppendUint32(nil, n) }
func u64(n uint64) []byte { return binary.BigEndian.AppendUint64(nil, n) }

// zeroName is the name of the data block of 32 768 zero bytes.
func zeroName() []byte {
	name := sha256.Sum256(make([]byte, keys.DataSize))
	return name[:]
}

var (
	name1  = bytes.Repeat([]byte{0xab}, 32)
	onion1 = bytes.Repeat([]byte{0xcd}, 32)
	tcp4   = cat(1, 4, 192, 0, 2, 1, u16(4001))
	quic6  = cat(2, 16, 0x20, 0x01, 0x0d, 0xb8, make([]byte, 11), 1, u16(443))
	named4 = cat(0, 5, "obfs4", 4, 198, 51, 100, 7, u16(9))
)

// sign puts a descriptor together from its parts and signs it with the test identity.
func sign(version int, issued uint64, count int, addrs ...[]byte) []byte {
	key := testIdentity(1)
	body := cat(version, []byte(key.Public().(ed25519.PublicKey)), u64(issued), onion1, count, bytes.Join(addrs, nil))
	return cat(body, ed25519.Sign(key, cat("nightjar descriptor v2", body)))
}

const someHour = 1_700_000_000 / 3600 * 3600

func messageVectors(t *testing.T) []vector {
	plain, full := sign(2, someHour, 0), sign(2, someHour, 3, tcp4, quic6, named4)
	id := hex.EncodeToString(testIdentity(1).Public().(ed25519.PublicKey))
	onion := hex.EncodeToString(onion1)
	good := []vector{
		{name: "hello", comment: "no addresses", is: "Hello version 4 purpose 0 " + id + " 1699999200 " + onion + " []", raw: cat(1, 4, 0, plain)},
		{name: "hello-later-version", comment: "§4.3: a parser accepts any version", is: "Hello version 9 purpose 1 " + id + " 1699999200 " + onion + " []", raw: cat(1, 9, 1, plain)},
		{name: "ping", comment: "§4.3", is: "Ping 72623859790382856", raw: cat(2, u64(0x0102030405060708))},
		{name: "pong", comment: "§4.3", is: "Pong 18446744073709551615", raw: cat(3, u64(1<<64-1))},
		{name: "near", comment: "§4.2", is: "Near 4294967295 9223372036854775808", raw: cat(4, u32(1<<32-1), u64(1<<63))},
		{name: "nodes-none", comment: "§4.2", is: "Nodes 1 0", raw: cat(5, u32(1), 0)},
		{name: "nodes-two", comment: "§4.2", is: "Nodes 1 2", raw: cat(5, u32(1), 2, plain, full)},
		{name: "get", comment: "§4.1", is: "Get 1 htl 18 class 1 rotation 3 kind 1 " + hex.EncodeToString(name1), raw: cat(0x10, u32(1), 18, 1, 3, 1, name1)},
		{name: "get-record", comment: "§4.1: all least values", is: "Get 0 htl 0 class 0 rotation 0 kind 2 " + hex.EncodeToString(make([]byte, 32)), raw: cat(0x10, u32(0), 0, 0, 0, 2, make([]byte, 32))},
		{name: "stored", comment: "§4.1", is: "Stored 5 1", raw: cat(0x13, u32(5), 1)},
		{name: "stored-three", comment: "§4.1", is: "Stored 5 3", raw: cat(0x13, u32(5), 3)},
		{name: "fail-not-found", comment: "§4.1", is: "Fail 5 1", raw: cat(0x14, u32(5), 1)},
		{name: "fail-failed", comment: "§4.1", is: "Fail 5 3", raw: cat(0x14, u32(5), 3)},
		{name: "cancel", comment: "§4.1", is: "Cancel 5", raw: cat(0x15, u32(5))},
		{name: "ask-key", comment: "§4.4", is: "AskKey 5 " + hex.EncodeToString(name1), raw: cat(0x21, u32(5), name1)},
		{name: "key", comment: "§4.4: a parser does not look into the key", is: "Key 5", raw: cat(0x22, u32(5), make([]byte, 1216))},
		{name: "cell-relay", comment: "§4.4", is: "Cell 16909060 3", raw: cat(0x20, u32(0x01020304), 3, 0, 0, 0, make([]byte, 2104))},
		{name: "cell-pad", comment: "§4.4", is: "Cell 0 0", raw: cat(0x20, u32(0), 0, 0, 0, 0, make([]byte, 2104))},
		{name: "root", comment: "§4.5", is: "Root abababababababababababababababab", raw: cat(0x30, name1[:16])},
		{name: "digests", comment: "§4.5", is: "Digests 12370169555311111083", raw: cat(0x31, bytes.Repeat(name1, 64))},
		{name: "list-none", comment: "§4.5", is: "List 255 false []", raw: cat(0x32, 255, 0)},
		{name: "list-two", comment: "§4.5", is: "List 171 true [{12370169555311111083 7 9} {12370169555311111084 0 0}]", raw: cat(0x32, 0xab, 1, name1[:8], u32(7), u32(9), name1[:7], 0xac, u32(0), u32(0))},
		{name: "relays-none", comment: "§4.5", is: "Relays 0", raw: cat(0x33, 0)},
		{name: "relays-two", comment: "§4.5", is: "Relays 2", raw: cat(0x33, 2, plain, full)},
	}
	var out []vector
	for _, v := range good {
		v.expect = "ok"
		out = append(out, v,
			vector{name: v.name + "-short", comment: "§8.2: a byte is missing", expect: "malformed", raw: v.raw[:len(v.raw)-1]},
			vector{name: v.name + "-long", comment: "§8.2: a byte too many", expect: "malformed", raw: cat(v.raw, 0)})
	}
	badSig := bytes.Clone(plain)
	badSig[len(badSig)-1] ^= 1
	for _, v := range []vector{
		{name: "empty", comment: "§8.1", raw: nil},
		{name: "type-zero", comment: "§8.1", raw: cat(0, u32(1))},
		{name: "type-unknown", comment: "§8.1", raw: cat(0x16, u32(1))},
		{name: "type-high", comment: "§8.1", raw: cat(0x90, u32(1), 18, 1, 3, 1, name1)},
		{name: "too-large", comment: "§8.1: 32 833 bytes", raw: cat(0x11), fill: MaxMessage},
		{name: "get-htl", comment: "§8.3", raw: cat(0x10, u32(1), 19, 1, 3, 1, name1)},
		{name: "get-class", comment: "§8.3", raw: cat(0x10, u32(1), 18, 2, 3, 1, name1)},
		{name: "get-rotation", comment: "§8.3", raw: cat(0x10, u32(1), 18, 1, 4, 1, name1)},
		{name: "get-kind-zero", comment: "§8.3", raw: cat(0x10, u32(1), 18, 1, 3, 0, name1)},
		{name: "get-kind", comment: "§8.3", raw: cat(0x10, u32(1), 18, 1, 3, 3, name1)},
		{name: "stored-none", comment: "§8.3", raw: cat(0x13, u32(5), 0)},
		{name: "stored-four", comment: "§8.3", raw: cat(0x13, u32(5), 4)},
		{name: "fail-zero", comment: "§8.3", raw: cat(0x14, u32(5), 0)},
		{name: "fail-four", comment: "§8.3", raw: cat(0x14, u32(5), 4)},
		{name: "nodes-seventeen", comment: "§8.4", raw: cat(5, u32(1), 17, bytes.Repeat(plain, 17))},
		{name: "nodes-fewer", comment: "§8.2: three announced, two there", raw: cat(5, u32(1), 3, plain, full)},
		{name: "nodes-more", comment: "§8.2: one announced, two there", raw: cat(5, u32(1), 1, plain, full)},
		{name: "nodes-many-announced", comment: "§8.4: 255 announced, none there", raw: cat(5, u32(1), 255)},
		{name: "nodes-signature", comment: "§8.5: the second signature is wrong", raw: cat(5, u32(1), 2, plain, badSig)},
		{name: "hello-purpose", comment: "§8.7", raw: cat(1, 2, 2, plain)},
		{name: "cell-command", comment: "§8.7", raw: cat(0x20, u32(1), 5, 0, 0, 0, make([]byte, 2104))},
		{name: "cell-not-zero", comment: "§8.7", raw: cat(0x20, u32(1), 3, 0, 1, 0, make([]byte, 2104))},
		{name: "list-bucket", comment: "§8.8: an item of another bucket", raw: cat(0x32, 0xac, 0, name1[:8], u32(7), u32(9))},
		{name: "list-order", comment: "§8.8: descending", raw: cat(0x32, 0xab, 0, name1[:7], 0xac, u64(0), name1[:8], u64(7))},
		{name: "list-twice", comment: "§8.8: one relay twice", raw: cat(0x32, 0xab, 0, name1[:8], u64(7), name1[:8], u64(7))},
		{name: "list-flag", comment: "§8.8: reply is 0 or 1", raw: cat(0x32, 0xab, 2)},
		{name: "list-many", comment: "§8.8: 2 049 items", raw: cat(0x32, 0, 0), fill: 2049 * 16},
		{name: "relays-seventeen", comment: "§8.4", raw: cat(0x33, 17, bytes.Repeat(plain, 17))},
		{name: "relays-fewer", comment: "§8.2: three announced, two there", raw: cat(0x33, 3, plain, full)},
		{name: "relays-more", comment: "§8.2: one announced, two there", raw: cat(0x33, 1, plain, full)},
		{name: "relays-version", comment: "§8.5: a descriptor of another version", raw: cat(0x33, 1, sign(1, someHour, 0))},
		{name: "relays-five-addresses", comment: "§8.5", raw: cat(0x33, 1, sign(2, someHour, 5, tcp4, tcp4, tcp4, tcp4, tcp4))},
		{name: "hello-signature", comment: "§8.5", raw: cat(1, 2, 0, badSig)},
		{name: "hello-two", comment: "§8.2: two descriptors", raw: cat(1, 2, 0, plain, plain)},
	} {
		v.expect = "malformed"
		out = append(out, v)
	}
	for _, v := range []vector{
		{name: "relays-signature", comment: "§8.9: the second signature is wrong", raw: cat(0x33, 2, plain, badSig)},
		{name: "relays-time", comment: "§8.9: a second past the hour", raw: cat(0x33, 1, sign(2, someHour+1, 0))},
		{name: "relays-address", comment: "§8.9: 0.0.0.0", raw: cat(0x33, 1, sign(2, someHour, 1, cat(1, 4, 0, 0, 0, 0, u16(1))))},
	} {
		v.expect = "bad descriptor"
		out = append(out, v)
	}
	for i := range out {
		out[i].name = "message/" + out[i].name
	}
	return out
}

func blockVectors() []vector {
	data, put := cat(0x11, u32(7), 1, zeroName()), cat(0x12, u32(7), 18, 1, 0, 1, zeroName())
	wrong := zeroName()
	wrong[31] ^= 1
	hash := hex.EncodeToString(zeroName())
	out := []vector{
		{name: "data", comment: "§4.1: the block of zeros", expect: "ok", is: "Data 7 kind 1 " + hash, raw: data, fill: keys.DataSize},
		{name: "put", comment: "§4.1: the block of zeros", expect: "ok", is: "Put 7 htl 18 class 1 rotation 0 kind 1 " + hash, raw: put, fill: keys.DataSize},
		{name: "data-wrong-name", comment: "§8: the hash differs in one bit", expect: "bad block", raw: cat(0x11, u32(7), 1, wrong), fill: keys.DataSize},
		{name: "put-wrong-name", comment: "§8: the hash differs in one bit", expect: "bad block", raw: cat(0x12, u32(7), 0, 0, 0, 1, wrong), fill: keys.DataSize},
		{name: "data-wrong-byte", comment: "§8: the first byte of the block is not zero", expect: "bad block", raw: cat(data, 1), fill: keys.DataSize - 1},
		{name: "data-record-forged", comment: "§8: a record that nobody has signed", expect: "bad block", raw: cat(0x11, u32(7), 2, name1), fill: 1024},
		{name: "put-record-identity", comment: "§8: under the identity point every signature of zeros would verify", expect: "bad block", raw: cat(0x12, u32(7), 1, 0, 0, 2, 1, make([]byte, 31)), fill: 1024},
	}
	for _, v := range []vector{
		{name: "data-short", comment: "§8.2", raw: data, fill: keys.DataSize - 1},
		{name: "data-long", comment: "§8.2", raw: data, fill: keys.DataSize + 1},
		{name: "data-no-block", comment: "§8.2", raw: data},
		{name: "data-no-name", comment: "§8.2", raw: data[:6]},
		{name: "data-kind", comment: "§8.3", raw: cat(0x11, u32(7), 3, zeroName()), fill: keys.DataSize},
		{name: "data-record-empty", comment: "§3: a record has at least one byte", raw: cat(0x11, u32(7), 2, name1)},
		{name: "data-record-long", comment: "§3: a record has at most 4 096 bytes", raw: cat(0x11, u32(7), 2, name1), fill: keys.MaxRecordSize + 1},
		{name: "data-record-size-of-data", comment: "§3", raw: cat(0x11, u32(7), 2, name1), fill: keys.DataSize},
		{name: "put-short", comment: "§8.2", raw: put, fill: keys.DataSize - 1},
		{name: "put-long", comment: "§8.2", raw: put, fill: keys.DataSize + 1},
		{name: "put-no-block", comment: "§8.2", raw: put},
		{name: "put-htl", comment: "§8.3", raw: cat(0x12, u32(7), 19, 1, 0, 1, zeroName()), fill: keys.DataSize},
		{name: "put-class", comment: "§8.3", raw: cat(0x12, u32(7), 18, 2, 0, 1, zeroName()), fill: keys.DataSize},
		{name: "put-rotation", comment: "§8.3", raw: cat(0x12, u32(7), 18, 1, 4, 1, zeroName()), fill: keys.DataSize},
		{name: "put-record-long", comment: "§3", raw: cat(0x12, u32(7), 18, 1, 0, 2, name1), fill: keys.MaxRecordSize + 1},
	} {
		v.expect = "malformed"
		out = append(out, v)
	}
	for i := range out {
		out[i].name = "block/" + out[i].name
	}
	return out
}

func descriptorVectors() []vector {
	id := hex.EncodeToString(testIdentity(1).Public().(ed25519.PublicKey))
	onion := hex.EncodeToString(onion1)
	long := cat(0, 16, "abcdefghij_01234", 16, 0xfd, make([]byte, 14), 9, u16(65535))
	out := []vector{
		{name: "no-address", comment: "§5: a node that does not listen", is: id + " 1699999200 " + onion + " []", raw: sign(2, someHour, 0)},
		{name: "three-addresses", comment: "§5", is: id + " 1699999200 " + onion + " [tcp/192.0.2.1:4001 quic/[2001:db8::1]:443 obfs4/198.51.100.7:9]", raw: sign(2, someHour, 3, tcp4, quic6, named4)},
		{name: "largest", comment: "§5: 290 bytes", is: id + " 15461882262000 " + onion + " [abcdefghij_01234/[fd00::9]:65535 abcdefghij_01234/[fd00::9]:65535 abcdefghij_01234/[fd00::9]:65535 abcdefghij_01234/[fd00::9]:65535]",
			raw: sign(2, (1<<32-1)*3600, 4, long, long, long, long)},
		{name: "loopback", comment: "§5: networks on one machine", is: id + " 0 " + onion + " [tcp/127.0.0.1:1]", raw: sign(2, 0, 1, cat(1, 4, 127, 0, 0, 1, u16(1)))},
	}
	for i := range out {
		out[i].expect = "ok"
	}
	good := sign(2, someHour, 1, tcp4)
	flip := func(i int) []byte {
		b := bytes.Clone(good)
		b[i] ^= 1
		return b
	}
	mapped := cat(1, 16, make([]byte, 10), 0xff, 0xff, 192, 0, 2, 1, u16(1))
	for _, v := range []vector{
		{name: "empty", comment: "too short", raw: nil},
		{name: "short", comment: "a byte is missing", raw: good[:len(good)-1]},
		{name: "head-only", comment: "no signature", raw: good[:74]},
		{name: "version-zero", comment: "another version", raw: sign(0, someHour, 0)},
		{name: "version-one", comment: "another version", raw: sign(1, someHour, 0)},
		{name: "not-the-hour", comment: "a second past the hour", raw: sign(2, someHour+1, 0)},
		{name: "five-addresses", comment: "one too many", raw: sign(2, someHour, 5, tcp4, tcp4, tcp4, tcp4, tcp4)},
		{name: "fewer-addresses", comment: "two announced, one there", raw: sign(2, someHour, 2, tcp4)},
		{name: "more-addresses", comment: "one announced, two there: the second is read as signature", raw: sign(2, someHour, 1, tcp4, tcp4)},
		{name: "changed-id", comment: "the signature is another's", raw: flip(1)},
		{name: "changed-time", comment: "the signature is over another time", raw: cat(good[:33], u64(someHour+3600), good[41:])},
		{name: "changed-onion", comment: "the signature is over another onion key", raw: flip(50)},
		{name: "changed-port", comment: "the signature is over another port", raw: flip(len(good) - 65)},
		{name: "changed-signature", comment: "one bit", raw: flip(len(good) - 64)},
		{name: "signature-not-reduced", comment: "S + ℓ in place of S: RFC 8032 forbids it", raw: addOrder(good)},
		{name: "no-label", comment: "signed without the label", raw: cat(good[:len(good)-64], ed25519.Sign(testIdentity(1), good[:len(good)-64]))},
		{name: "transport-code", comment: "no such transport", raw: sign(2, someHour, 1, cat(3, 4, 192, 0, 2, 1, u16(1)))},
		{name: "transport-spelled-out", comment: "tcp has a code: one address would have two spellings", raw: sign(2, someHour, 1, cat(0, 3, "tcp", 4, 192, 0, 2, 1, u16(1)))},
		{name: "transport-empty", comment: "no name", raw: sign(2, someHour, 1, cat(0, 0, 4, 192, 0, 2, 1, u16(1)))},
		{name: "transport-upper-case", comment: "names are lower case", raw: sign(2, someHour, 1, cat(0, 2, "WS", 4, 192, 0, 2, 1, u16(1)))},
		{name: "transport-slash", comment: "names have no slash", raw: sign(2, someHour, 1, cat(0, 3, "a/b", 4, 192, 0, 2, 1, u16(1)))},
		{name: "transport-long", comment: "17 bytes", raw: sign(2, someHour, 1, cat(0, 17, "abcdefghijklmnopq", 4, 192, 0, 2, 1, u16(1)))},
		{name: "transport-name-past-the-end", comment: "255 bytes announced", raw: sign(2, someHour, 1, cat(0, 255, "a"))},
		{name: "ip-length", comment: "5 bytes", raw: sign(2, someHour, 1, cat(1, 5, 192, 0, 2, 1, 9, u16(1)))},
		{name: "ip-none", comment: "0 bytes", raw: sign(2, someHour, 1, cat(1, 0, u16(1)))},
		{name: "ip-mapped", comment: "IPv4 in IPv6", raw: sign(2, someHour, 1, mapped)},
		{name: "ip-unspecified", comment: "0.0.0.0", raw: sign(2, someHour, 1, cat(1, 4, 0, 0, 0, 0, u16(1)))},
		{name: "ip-unspecified-v6", comment: "::", raw: sign(2, someHour, 1, cat(1, 16, make([]byte, 16), u16(1)))},
		{name: "ip-multicast", comment: "224.0.0.1", raw: sign(2, someHour, 1, cat(1, 4, 224, 0, 0, 1, u16(1)))},
		{name: "port-zero", comment: "nobody listens there", raw: sign(2, someHour, 1, cat(1, 4, 192, 0, 2, 1, u16(0)))},
	} {
		v.expect, v.comment = "bad descriptor", "§8.5: "+v.comment
		out = append(out, v)
	}
	for i := range out {
		out[i].name = "descriptor/" + out[i].name
	}
	return out
}

// addOrder adds the order of the base point to the S of a signature.
func addOrder(descriptor []byte) []byte {
	b := bytes.Clone(descriptor)
	s := b[len(b)-32:]
	slices.Reverse(s)
	order, _ := new(big.Int).SetString("27742317777372353535851937790883648493", 10)
	order.Add(order, new(big.Int).Lsh(big.NewInt(1), 252))
	new(big.Int).Add(order, new(big.Int).SetBytes(s)).FillBytes(s)
	slices.Reverse(s)
	return b
}

func refVectors(t *testing.T) []vector {
	d, _, err := ParseDescriptor(sign(2, someHour, 2, tcp4, quic6))
	if err != nil {
		t.Fatal(err)
	}
	one, _, err := ParseDescriptor(sign(2, someHour, 1, tcp4))
	if err != nil {
		t.Fatal(err)
	}
	ref := d.Ref()
	out := []vector{
		{name: "two-addresses", comment: "§6", expect: "ok", text: ref},
		{name: "one-address", comment: "§6", expect: "ok", text: one.Ref()},
	}
	last := one.Ref()[len(one.Ref())-1]
	for _, v := range []vector{
		{name: "empty", comment: "no text", text: " "},
		{name: "prefix-only", comment: "no descriptor", text: RefPrefix},
		{name: "no-prefix", comment: "another prefix", text: ref[len(RefPrefix):]},
		{name: "prefix-upper-case", comment: "another prefix", text: "NIGHTJAR-PEER:" + ref[len(RefPrefix):]},
		{name: "short", comment: "a character is missing", text: ref[:len(ref)-1]},
		{name: "long", comment: "a character too many", text: ref + "A"},
		{name: "more-bytes", comment: "a group of characters too many", text: ref + "AAAA"},
		{name: "line-break", comment: "a line break inside", text: ref[:50] + "\n" + ref[50:]},
		{name: "space", comment: "a space inside", text: ref[:50] + " " + ref[50:]},
		{name: "padding", comment: "padding", text: one.Ref() + "="},
		{name: "standard-alphabet", comment: "+ is of another alphabet", text: ref[:50] + "+" + ref[51:]},
		{name: "unused-bits", comment: "an unused bit is set", text: one.Ref()[:len(one.Ref())-1] + string(last+1)},
		{name: "changed", comment: "one character differs", text: ref[:60] + flipped(ref[60]) + ref[61:]},
	} {
		v.expect, v.comment = "bad descriptor", "§8.6: "+v.comment
		out = append(out, v)
	}
	for i := range out {
		out[i].name = "ref/" + out[i].name
	}
	return out
}

func flipped(c byte) string {
	if c == 'A' {
		return "B"
	}
	return "A"
}
