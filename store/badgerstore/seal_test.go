package badgerstore

import (
	"bytes"
	"encoding/hex"
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"nightjar/keys"
	"nightjar/store"
	"nightjar/store/storetest"
)

func testSealer(t testing.TB, first byte) *sealer {
	t.Helper()
	s, err := newSealer(&[32]byte{first})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func entryOf(b keys.Block, c store.Class, at keys.Location) store.Entry {
	return store.Entry{ID: b.ID(), Class: c, At: at, Size: len(b.Data())}
}

// TestIndexKey_SPEC4 holds the round trip and that whatever is changed in a key, it is no key any more.
func TestIndexKey_SPEC4(t *testing.T) {
	s := testSealer(t, 1)
	for _, e := range []store.Entry{
		entryOf(storetest.Data(1, 1), store.Sink, 1<<63+5),
		entryOf(storetest.Record(t, "doc", 1, 10), store.Cache, 0),
	} {
		k := s.key(e)
		got, err := s.entry(k)
		if diff := cmp.Diff(e, got); diff != "" || err != nil {
			t.Fatal(diff, err)
		}
		if !bytes.Equal(k, s.key(e)) {
			t.Error("two keys of one entry differ")
		}
		for i := range len(k) * 8 {
			bad := bytes.Clone(k)
			bad[i/8] ^= 1 << (i % 8)
			if _, err := s.entry(bad); !errors.Is(err, errSeal) {
				t.Fatalf("bit %d flipped: %v", i, err)
			}
		}
		for _, bad := range [][]byte{nil, k[:len(k)-1], append(bytes.Clone(k), 0)} {
			if _, err := s.entry(bad); !errors.Is(err, errSeal) {
				t.Errorf("%d bytes: %v", len(bad), err)
			}
		}
		if _, err := testSealer(t, 2).entry(k); !errors.Is(err, errSeal) {
			t.Errorf("under another store key: %v", err)
		}
	}
}

// TestIndexKeyRejects_SPEC8: what is sealed well and says nothing that may be is no key either.
func TestIndexKeyRejects_SPEC8(t *testing.T) {
	s := testSealer(t, 1)
	good := entryOf(storetest.Data(1, 1), store.Sink, 5)
	for name, change := range map[string]func(*store.Entry){
		"class 0":            func(e *store.Entry) { e.Class = 0 },
		"class 3":            func(e *store.Entry) { e.Class = 3 },
		"kind 0":             func(e *store.Entry) { e.ID.Kind = 0 },
		"kind 3":             func(e *store.Entry) { e.ID.Kind = 3 },
		"an empty block":     func(e *store.Entry) { e.Size = 0 },
		"a block too large":  func(e *store.Entry) { e.Size = store.MaxSize + 1 },
		"a short data block": func(e *store.Entry) { e.Size = keys.DataSize - 1 },
		"a record too large": func(e *store.Entry) { e.ID.Kind, e.Size = keys.KindRecord, keys.MaxRecordSize+1 },
	} {
		e := good
		change(&e)
		if _, err := s.entry(s.key(e)); !errors.Is(err, errSeal) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestIndexKeysOfOneBlockAreUnlike: a thief who has the keys of a block before and after it changed class cannot tell that
// they belong together.
func TestIndexKeysOfOneBlockAreUnlike(t *testing.T) {
	s := testSealer(t, 1)
	b := storetest.Data(1, 1)
	k1, k2 := s.key(entryOf(b, store.Cache, 5)), s.key(entryOf(b, store.Sink, 5))
	same := 0
	for i := range k1 {
		if k1[i] == k2[i] {
			same++
		}
	}
	if same > 6 { // of 60 bytes, 1/4 by chance
		t.Errorf("%d bytes of the keys are equal", same)
	}
}

func TestSeal_SPEC5(t *testing.T) {
	s := testSealer(t, 1)
	for _, b := range []keys.Block{storetest.Data(1, 1), storetest.Record(t, "doc", 1, 10)} {
		e := entryOf(b, store.Sink, 0)
		v := s.sealBlock(nil, b)
		got, err := s.openBlock(e, v)
		if err != nil || got.ID() != b.ID() || !bytes.Equal(got.Data(), b.Data()) {
			t.Fatal("a block does not come back", err)
		}
		if bytes.Equal(v, s.sealBlock(nil, b)) {
			t.Error("two seals of a block are equal")
		}
		for i := 0; i < len(v); i += max(1, len(v)/97) {
			bad := bytes.Clone(v)
			bad[i] ^= 1 << (i % 8)
			if _, err := s.openBlock(e, bad); !errors.Is(err, errSeal) {
				t.Fatalf("byte %d changed: %v", i, err)
			}
		}
		for _, bad := range [][]byte{nil, v[:sealSize], v[:len(v)-1], append(bytes.Clone(v), 0)} {
			if _, err := s.openBlock(e, bad); !errors.Is(err, errSeal) {
				t.Errorf("%d bytes: %v", len(bad), err)
			}
		}
		other := e
		other.ID.Name[0]++
		if _, err := s.openBlock(other, v); !errors.Is(err, errSeal) {
			t.Errorf("in the place of another block: %v", err)
		}
		if _, err := testSealer(t, 2).openBlock(e, v); !errors.Is(err, errSeal) {
			t.Errorf("under another store key: %v", err)
		}
	}
}

func TestSealerWipes(t *testing.T) {
	s := testSealer(t, 1)
	s.wipe()
	if s.tag != [32]byte{} {
		t.Error("the tag key is still there")
	}
}

// TestGolden_SPEC4 fixes the bytes of a Badger key and of what the store key gives, computed from SPEC §4 with another program.
func TestGolden_SPEC4(t *testing.T) {
	var key [32]byte
	for i := range key {
		key[i] = byte(i)
	}
	s, err := newSealer(&key)
	if err != nil {
		t.Fatal(err)
	}
	e := store.Entry{ID: keys.ID{Kind: keys.KindData}, Class: store.Sink, At: 0x0123456789abcdef, Size: keys.DataSize}
	for i := range e.ID.Name {
		e.ID.Name[i] = byte(0xa0 + i)
	}
	const want = "8396438e31d3cf648219daf05f4594322899453233497d571eca660aedc7ac3da68ad7b2ae03011614f1bae9dff242ac2b0548189508eac0eb413498"
	if got := hex.EncodeToString(s.key(e)); got != want {
		t.Errorf("%s, want %s", got, want)
	}
}
