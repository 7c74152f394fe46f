package onion

import (
	"bytes"
	"testing"
)

// Nobody makes a CREATE that is taken without the secrets that go into one: what is taken is a vector.
func FuzzAccept(f *testing.F) {
	key := onionKey(1)
	taken := map[string]bool{}
	for _, v := range readVectors(f, "create") {
		f.Add(v.get("create"))
		if v.expect == "ok" {
			taken[string(v.get("create"))] = true
		}
	}
	f.Fuzz(func(t *testing.T, create []byte) {
		was := bytes.Clone(create)
		if taken[string(create)] {
			accept(t, key, create, 3)
		} else {
			refused(t, "fuzzed", []*SecretKey{key}, relayB, create)
		}
		if !bytes.Equal(was, create) {
			t.Error("what came in was changed")
		}
	})
}

func FuzzFinish(f *testing.F) {
	h, create := begin(f, onionKey(1), 2)
	created, _, _ := accept(f, onionKey(1), create, 3)
	f.Add(created)
	for _, v := range readVectors(f, "created") {
		f.Add(v.get("created"))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		was := bytes.Clone(b)
		if bytes.Equal(b, created) {
			if _, _, _, err := h.again().Finish(b); err != nil {
				t.Error(err)
			}
		} else {
			unfinished(t, "fuzzed", h.again(), b)
		}
		if !bytes.Equal(was, b) {
			t.Error("what came in was changed")
		}
	})
}

// A key has one encoding, and one that parses can be used.
func FuzzParsePublicKey(f *testing.F) {
	for _, v := range readVectors(f, "key") {
		f.Add(v.get("key"))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		key, err := ParsePublicKey(b)
		if err != nil {
			if key != nil || err != ErrKey {
				t.Fatalf("%v", err)
			}
			return
		}
		if !bytes.Equal(key.Bytes(), b) || key.Hash() != KeyHash(b) {
			t.Fatal("the key changed")
		}
		if _, create, err := Begin(seeded(2), relayB, key, &extC); err != nil || len(create) != CreateSize {
			t.Fatalf("it cannot be used: %v", err)
		}
	})
}

// Whatever the keys and the cell, both implementations open and seal alike, and opening undoes sealing.
func FuzzLayer(f *testing.F) {
	for _, v := range readVectors(f, "cell") {
		f.Add(v.get("keys"), v.get("cell"))
	}
	f.Fuzz(func(t *testing.T, keys, b []byte) {
		keys = append(keys, make([]byte, layerKeys)...)[:layerKeys]
		var opened cell
		copy(opened[:], b)
		sealed, ref := opened, opened
		decrypt(t, newLayer(keys), &opened)
		if newRefLayer(keys).decrypt(&ref); ref != opened {
			t.Fatal("opened otherwise")
		}
		if encrypt(t, newLayer(keys), &opened); opened != sealed {
			t.Fatal("opening is not undone by sealing")
		}
	})
}
