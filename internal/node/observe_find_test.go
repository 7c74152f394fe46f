package node_test

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"net/netip"
	"slices"
	"testing"

	"nightjar/keys"
)

// A finder looks for many strings of bytes at once, at every place.
type finder struct {
	begins  []uint64 // a bit for each way of three bytes in which something sought begins
	needles map[uint32][]needle
}

// needle is something sought, of at least three bytes.
type needle struct {
	what string
	of   *memory // whose identity it is; nil = it is content
	b    []byte
}

func newFinder() *finder {
	return &finder{begins: make([]uint64, 1<<24/64), needles: make(map[uint32][]needle)}
}

// add has b found.
func (f *finder) add(what string, of *memory, b []byte) {
	k := uint32(b[0])<<16 | uint32(b[1])<<8 | uint32(b[2])
	f.begins[k/64] |= 1 << (k % 64)
	f.needles[k] = append(f.needles[k], needle{what, of, b})
}

// in returns the first needle in b that is none of the innocent ones; ok is false if there is none.
func (f *finder) in(b []byte, innocent func(needle) bool) (n needle, ok bool) {
	var k uint32
	for i, c := range b {
		k = k<<8&0xffffff | uint32(c)
		if i < 2 || f.begins[k/64]&(1<<(k%64)) == 0 {
			continue
		}
		for _, n := range f.needles[k] {
			if bytes.HasPrefix(b[i-2:], n.b) && (innocent == nil || !innocent(n)) {
				return n, true
			}
		}
	}
	return needle{}, false
}

const (
	// windowSize is how long a piece of something long is that is sought, windowEvery how often there is one.
	windowSize  = 16
	windowEvery = 64
)

// addPieces has any copied piece of b that is long enough found.
func (f *finder) addPieces(what string, b []byte) {
	for i := 0; i+windowSize <= len(b); i += windowEvery {
		f.add(what, nil, b[i:i+windowSize])
	}
}

// freenetBase64 is how keys are spelled in URIs: keys/SPEC.md.
var freenetBase64 = base64.NewEncoding("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789~-").WithPadding(base64.NoPadding)

// addKey has 32 bytes found in all spellings.
func (f *finder) addKey(what string, of *memory, b []byte) {
	f.add(what, of, b)
	f.add(what+" in hexadecimal", of, []byte(hex.EncodeToString(b)))
	f.add(what+" in hexadecimal", of, bytes.ToUpper([]byte(hex.EncodeToString(b))))
	f.add(what+" in base64", of, []byte(freenetBase64.EncodeToString(b)))
	f.add(what+" in base64", of, []byte(base64.RawURLEncoding.EncodeToString(b)))
}

// addBlock has everything found that says which block is meant: its name, its places on the ring, its bytes.
func (f *finder) addBlock(id keys.ID, data []byte) {
	f.addKey("a block's name", nil, id.Name[:])
	for rotation := range uint8(keys.Rotations) {
		var place [8]byte
		binary.BigEndian.PutUint64(place[:], uint64(id.Location(rotation)))
		f.add("a routing target", nil, place[:])
		little := slices.Clone(place[:])
		slices.Reverse(little)
		f.add("a routing target", nil, little)
	}
	f.addPieces("a block's bytes", data)
}

// addURI has a URI found, and each of its parts.
func (f *finder) addURI(text string) error {
	uri, err := keys.ParseURI(text)
	if err != nil {
		return err
	}
	f.add("a URI", nil, []byte(text))
	f.addKey("the routing key of a URI", nil, uri.Routing[:])
	f.addKey("the decryption key of a URI", nil, uri.Read[:])
	return nil
}

// addIdentity has everything found that says which node is meant: its key, its place, its onion key's hash, its signature, its address.
func (f *finder) addIdentity(m *memory) {
	d := m.self
	encoded := d.Append(nil)
	f.addKey("the identity", m, d.ID[:])
	f.addKey("the onion key's hash", m, d.Onion[:])
	f.add("the location", m, binary.BigEndian.AppendUint64(nil, uint64(d.ID.Location())))
	f.add("the descriptor", m, encoded[len(encoded)-64:])
	for _, a := range d.Addrs {
		f.add("the address", m, []byte(a.HostPort()))
		at := netip.MustParseAddrPort(a.HostPort())
		f.add("the address", m, binary.BigEndian.AppendUint16(append([]byte{4}, at.Addr().AsSlice()...), at.Port()))
	}
}

func TestFinderFindsAtEveryPlace(t *testing.T) {
	hay := fileOf(1, 1000)
	for at := 0; at < len(hay)-40; at += 31 {
		f := newFinder()
		f.addPieces("it", hay[at:at+windowSize])
		if n, ok := f.in(hay, nil); !ok || n.what != "it" {
			t.Fatalf("what begins at %d is not found", at)
		}
		if _, ok := f.in(hay[:at+windowSize-1], nil); ok {
			t.Fatalf("what is cut off at %d is found", at)
		}
		if _, ok := f.in(hay, func(needle) bool { return true }); ok {
			t.Fatal("what is innocent is found")
		}
	}
}
