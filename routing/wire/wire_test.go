package wire

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"nightjar/crypto"
	"nightjar/crypto/onion"
	"nightjar/keys"
)

func testIdentity(seed byte) ed25519.PrivateKey {
	return ed25519.NewKeyFromSeed(bytes.Repeat([]byte{seed}, ed25519.SeedSize))
}

func testDescriptor(t testing.TB, seed byte, addrs ...Addr) Descriptor {
	t.Helper()
	d, err := NewDescriptor(testIdentity(seed), 1_700_000_000, [32]byte{1}, addrs)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func testBlock(seed byte) keys.Block {
	buf := make([]byte, keys.DataSize)
	buf[0] = seed
	return keys.SealData(buf, &crypto.Key{seed})
}

var compareBlocks = cmp.Comparer(func(a, b keys.Block) bool {
	return a.ID() == b.ID() && bytes.Equal(a.Data(), b.Data())
})

func TestSpecEveryMessageRoundTrips(t *testing.T) {
	block := testBlock(1)
	for _, m := range []Message{
		Hello{Version: Version, Self: testDescriptor(t, 1, "tcp/127.0.0.1:4001", "quic/[2001:db8::1]:4002", "obfs4/192.0.2.1:9")},
		Ping{Nonce: 1<<63 + 5}, Pong{Nonce: 7},
		Near{Req: 9, Target: 1<<63 + 1},
		Nodes{Req: 10}, Nodes{Req: 10, Nodes: []Descriptor{testDescriptor(t, 2), testDescriptor(t, 3, "tcp/10.0.0.1:1")}},
		Get{Req: 1<<32 - 1, HTL: MaxHTL, Class: Bulk, Rotation: 3, ID: block.ID()},
		Get{ID: keys.ID{Kind: keys.KindRecord, Name: [32]byte{31: 1}}},
		Data{Req: 3, Block: block},
		Put{Req: 4, HTL: 1, Class: Interactive, Rotation: 1, Block: block},
		Stored{Req: 5, Copies: MaxCopies}, Fail{Req: 6, Reason: Overload}, Cancel{Req: 7},
		Hello{Version: Version, Purpose: ForCircuits, Self: testDescriptor(t, 1)},
		Cell{Circ: 1<<32 - 2, Cmd: Destroy, Body: &[onion.BodySize]byte{1, onion.BodySize - 1: 2}},
		AskKey{Req: 11, Hash: [32]byte{1, 31: 2}}, Key{Req: 12, Key: &[onion.KeySize]byte{1, onion.KeySize - 1: 2}},
		Root{Hash: [16]byte{1, 15: 2}}, Digests{Buckets: &[Buckets]uint64{1, Buckets - 1: 2}},
		List{Bucket: 3, Reply: true, Items: []Listed{{3 << 56, 1, 2}, {3<<56 + 1, 1<<32 - 1, 1<<32 - 1}}}, List{},
		Relays{}, Relays{Nodes: []Claim{testDescriptor(t, 2).Claim(), testDescriptor(t, 3, "tcp/10.0.0.1:1").Claim()}},
		Compare{Req: 13, Span: Span{1 << 63, 3}, Mark: Mark{1, 31: 2}}, Parts{Span: Span{5, 4}},
		Parts{Req: 14, Span: Span{1 << 63, 3}, Parts: []Part{{1<<64 - 1, Mark{1}}, {3, Mark{31: 2}}}}, Held{Req: 15, Span: Span{7, 7}},
		Held{Req: 16, Span: Span{0, 1<<64 - 1}, Items: []Item{{ID: block.ID(), Rotation: 3}, {ID: keys.ID{Kind: keys.KindRecord}, Version: 1<<64 - 1}}},
		Want{Req: 17, Rotation: 2, ID: block.ID()}, Copy{Req: 18, Block: block}, Refuse{Req: 19, Reason: NotFound},
		Lease{Rotation: 3, ID: leaseRecord().ID()}, Lease{Own: true, ID: leaseRecord().ID()}, Push{Block: leaseRecord()},
	} {
		b := Append([]byte("prefix"), m)[6:]
		got, err := Parse(bytes.Clone(b))
		if err != nil {
			t.Fatalf("%T: %v", m, err)
		}
		if diff := cmp.Diff(m, got, compareBlocks); diff != "" {
			t.Errorf("%T: %s", m, diff)
		}
		if len(b) != Size(m) {
			t.Errorf("%T has %d bytes, Size says %d", m, len(b), Size(m))
		}
		if len(b) > MaxMessage {
			t.Errorf("%T has %d bytes, more than MaxMessage", m, len(b))
		}
	}
}

func TestSpecEveryTruncationAndExtensionIsRefused(t *testing.T) {
	block := testBlock(1)
	for _, m := range []Message{
		Hello{Version: Version, Self: testDescriptor(t, 1, "tcp/127.0.0.1:4001", "x/[::1]:2")},
		Ping{}, Pong{}, Near{}, Nodes{Nodes: []Descriptor{testDescriptor(t, 2, "quic/10.0.0.1:1")}},
		Get{ID: block.ID()}, Stored{Copies: 1}, Fail{Reason: Failed}, Cancel{},
		Cell{Body: new([onion.BodySize]byte)}, AskKey{}, Key{Key: new([onion.KeySize]byte)}, Root{}, Digests{Buckets: new([Buckets]uint64)},
		Relays{Nodes: []Claim{testDescriptor(t, 2, "quic/10.0.0.1:1").Claim()}},
		Compare{}, Parts{Parts: []Part{{}}}, Held{Items: []Item{{ID: block.ID()}, {ID: keys.ID{Kind: keys.KindRecord}}}}, Want{ID: block.ID()}, Refuse{Reason: Overload}, Lease{Own: true, ID: leaseRecord().ID()},
	} {
		b := Append(nil, m)
		for n := range b {
			if got, err := Parse(b[:n:n]); !errors.Is(err, ErrMalformed) || got != nil {
				t.Errorf("%T cut to %d of %d bytes: %v, %v", m, n, len(b), got, err)
			}
		}
		if _, err := Parse(append(b, 0)); !errors.Is(err, ErrMalformed) {
			t.Errorf("%T with a byte too many: %v", m, err)
		}
	}
	for _, m := range []Message{Data{Block: block}, Put{Block: block}} {
		b := Append(nil, m)
		for _, n := range []int{1, 5, sizeData - 1, sizeData, sizePut, len(b) - 1} {
			if _, err := Parse(bytes.Clone(b[:n])); !errors.Is(err, ErrMalformed) {
				t.Errorf("%T cut to %d bytes: %v", m, n, err)
			}
		}
		if _, err := Parse(append(bytes.Clone(b), 0)); !errors.Is(err, ErrMalformed) {
			t.Errorf("%T with a byte too many: %v", m, err)
		}
	}
}

func TestSpecBadBlockNamesItsRequest(t *testing.T) {
	for _, m := range []Message{Data{Req: 77, Block: testBlock(1)}, Put{Req: 77, Block: testBlock(1)}} {
		b := Append(nil, m)
		b[len(b)-1] ^= 1
		_, err := Parse(b)
		var bad *BadBlockError
		_, isPut := m.(Put)
		if !errors.As(err, &bad) || bad.Req != 77 || bad.Put != isPut {
			t.Errorf("%T: %v", m, err)
		}
	}
}

func TestSpec45ListsAreCutOnlyBetweenItems(t *testing.T) {
	b := Append(nil, List{Items: []Listed{{1, 2, 3}, {4, 5, 6}}})
	for n := range b {
		_, err := Parse(b[:n:n])
		if whole := n == sizeList || n == sizeList+sizeListed; (err == nil) != whole {
			t.Errorf("cut to %d of %d bytes: %v", n, len(b), err)
		}
	}
}

func TestAClaimIsNotVerifiedUntilAsked(t *testing.T) {
	d := testDescriptor(t, 1, "tcp/192.0.2.1:4001")
	raw := Append(nil, Relays{Nodes: []Claim{d.Claim()}})
	c := parsedClaim(t, raw)
	if got, err := c.Verify(); err != nil || !got.Equal(d) || c.ID() != d.ID || c.Issued() != d.Issued || c.Compare(d) != 0 {
		t.Fatalf("%v, %v", got, err)
	}
	for i := 2; i < len(raw); i++ { // whatever is changed, either the layout breaks or the check fails
		changed := bytes.Clone(raw)
		changed[i] ^= 1
		m, err := Parse(changed)
		if err != nil {
			continue
		}
		c := m.(Relays).Nodes[0]
		if _, err := c.Verify(); err != ErrBadDescriptor || c.Compare(d) == 0 || c.Equal(d.Claim()) {
			t.Fatalf("byte %d changed: %v", i, err)
		}
	}
}

func parsedClaim(t *testing.T, raw []byte) Claim {
	t.Helper()
	m, err := Parse(raw)
	if err != nil {
		t.Fatal(err)
	}
	return m.(Relays).Nodes[0]
}

func TestParseAliasesCellsKeysAndClaims(t *testing.T) {
	cell := Append(nil, Cell{Body: new([onion.BodySize]byte)})
	key := Append(nil, Key{Key: new([onion.KeySize]byte)})
	relays := Append(nil, Relays{Nodes: []Claim{testDescriptor(t, 1).Claim()}})
	m, _ := Parse(cell)
	k, _ := Parse(key)
	if &m.(Cell).Body[0] != &cell[9] || &k.(Key).Key[0] != &key[5] || &parsedClaim(t, relays).raw[0] != &relays[2] {
		t.Error("something was copied")
	}
	buf := make([]byte, 0, sizeCell)
	if n := testing.AllocsPerRun(100, func() { buf = Append(buf[:0], m) }); n != 0 {
		t.Errorf("%v allocations to encode a cell", n)
	}
	if n := testing.AllocsPerRun(100, func() { m, _ = Parse(cell) }); n > 1 { // the interface
		t.Errorf("%v allocations to parse a cell", n)
	}
}

func TestParseAliasesItsInput(t *testing.T) {
	b := Append(nil, Data{Block: testBlock(1)})
	m, err := Parse(b)
	if err != nil {
		t.Fatal(err)
	}
	data := m.(Data).Block.Data()
	if &data[0] != &b[sizeData] || cap(data) != keys.DataSize {
		t.Error("the block was copied, or reaches past its own bytes")
	}
}

func TestRefRoundTrips(t *testing.T) {
	d := testDescriptor(t, 1, "tcp/127.0.0.1:4001", "quic/[::1]:4001")
	if d.Issued%3600 != 0 || d.Issued > 1_700_000_000 {
		t.Errorf("issued %d is not rounded down to the hour", d.Issued)
	}
	got, err := ParseRef(" " + d.Ref() + "\n")
	if err != nil || !got.Equal(d) {
		t.Fatalf("%v, %v", got, err)
	}
	ref := d.Ref()
	for _, s := range []string{
		"", RefPrefix, ref[1:], ref[:len(ref)-1], ref + "A", ref[:40] + "\n" + ref[40:], ref + "=",
		strings.ToUpper(RefPrefix) + ref[len(RefPrefix):], RefPrefix + strings.Repeat("A", 1<<16),
	} {
		if _, err := ParseRef(s); err != ErrBadDescriptor {
			t.Errorf("%.60q: %v", s, err)
		}
	}
}

func TestNewDescriptorSpellsAddressesOneWay(t *testing.T) {
	d := testDescriptor(t, 1, "tcp/[::ffff:192.0.2.1]:80", "quic/[2001:0db8:0::1]:4")
	if diff := cmp.Diff([]Addr{"tcp/192.0.2.1:80", "quic/[2001:db8::1]:4"}, d.Addrs); diff != "" {
		t.Error(diff)
	}
	if d.Addrs[0].Transport() != "tcp" || d.Addrs[1].HostPort() != "[2001:db8::1]:4" {
		t.Errorf("%s, %s", d.Addrs[0].Transport(), d.Addrs[1].HostPort())
	}
	for _, a := range []Addr{
		"", "tcp", "tcp/", "/127.0.0.1:1", "tcp/localhost:80", "tcp/127.0.0.1:0", "tcp/127.0.0.1", "TCP/127.0.0.1:1",
		"tcp/0.0.0.0:1", "tcp/[::]:1", "tcp/224.0.0.1:1", "tcp/[fe80::1%eth0]:1", "a-b/127.0.0.1:1", "abcdefghijklmnopq/127.0.0.1:1",
	} {
		if _, err := NewDescriptor(testIdentity(1), 0, [32]byte{}, []Addr{a}); err != ErrBadDescriptor {
			t.Errorf("%q: %v", a, err)
		}
	}
	if _, err := NewDescriptor(testIdentity(1), 0, [32]byte{}, make([]Addr, MaxAddrs+1)); err != ErrBadDescriptor {
		t.Errorf("too many addresses: %v", err)
	}
	if _, err := NewDescriptor(nil, 0, [32]byte{}, nil); err != ErrBadDescriptor {
		t.Errorf("no key: %v", err)
	}
}

func TestMessagesRoundTripForAllFields(t *testing.T) {
	block := testBlock(1)
	rapid.Check(t, func(t *rapid.T) {
		g := Get{
			Req: Req(rapid.Uint32().Draw(t, "req")), HTL: rapid.Uint8Range(0, MaxHTL).Draw(t, "htl"),
			Class: Class(rapid.Uint8Range(0, 1).Draw(t, "class")), Rotation: rapid.Uint8Range(0, keys.Rotations-1).Draw(t, "rotation"),
			ID: keys.ID{Kind: keys.Kind(rapid.Uint8Range(1, 2).Draw(t, "kind"))},
		}
		copy(g.ID.Name[:], rapid.SliceOfN(rapid.Byte(), 32, 32).Draw(t, "name"))
		for _, m := range []Message{
			g, Put{Req: g.Req, HTL: g.HTL, Class: g.Class, Rotation: g.Rotation, Block: block}, Data{Req: g.Req, Block: block},
			Stored{Req: g.Req, Copies: rapid.Uint8Range(1, MaxCopies).Draw(t, "copies")},
			Fail{Req: g.Req, Reason: Reason(rapid.Uint8Range(1, 3).Draw(t, "reason"))}, Cancel{Req: g.Req},
			Near{Req: g.Req, Target: keys.Location(binary.BigEndian.Uint64(g.ID.Name[:]))}, Ping{Nonce: uint64(g.Req)},
		} {
			got, err := Parse(Append(nil, m))
			if err != nil {
				t.Fatalf("%T: %v", m, err)
			}
			if diff := cmp.Diff(m, got, compareBlocks); diff != "" {
				t.Fatal(diff)
			}
		}
	})
}

func TestSpec5PlaceOfANode(t *testing.T) {
	id := NodeID{31: 1}
	sum := sha256.Sum256(append([]byte("node"), id[:]...))
	if want := keys.Location(binary.BigEndian.Uint64(sum[:8])); id.Location() != want {
		t.Errorf("%x, want %x", id.Location(), want)
	}
}

func TestACopiedCellLeavesItsBytesAlone(t *testing.T) {
	cell := Cell{Circ: 1<<32 - 2, Cmd: Relay, Body: &[onion.BodySize]byte{1, onion.BodySize - 1: 2}}
	frame := Append(nil, cell)
	got, err := CopyCell(frame, new([onion.BodySize]byte))
	if err != nil || !IsCell(frame) {
		t.Fatal(err)
	}
	clear(frame[1:])
	if diff := cmp.Diff(cell, got); diff != "" {
		t.Error(diff)
	}
	frame = Append(nil, cell)
	frame[7] = 1
	for _, bad := range [][]byte{nil, frame, frame[:100], Append(nil, Ping{})} {
		body := [onion.BodySize]byte{7}
		if _, err := CopyCell(bad, &body); !errors.Is(err, ErrMalformed) || body[0] != 7 {
			t.Errorf("%d bytes: %v, and the body begins with %d", len(bad), err, body[0])
		}
	}
}
