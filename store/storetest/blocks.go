package storetest

import (
	"bytes"
	"encoding/binary"
	"errors"
	"math/rand/v2"
	"testing"

	"nightjar/crypto"
	"nightjar/keys"
	"nightjar/store"
)

// Data returns data block n of seed: the same arguments give the same block.
func Data(seed, n uint64) keys.Block {
	var key crypto.Key
	binary.LittleEndian.PutUint64(key[:], seed)
	binary.LittleEndian.PutUint64(key[8:], n)
	return keys.SealData(make([]byte, keys.DataSize), &key)
}

// Record returns a record of the document of that name with a payload of that many bytes.
func Record(t testing.TB, doc string, version uint64, payload int) keys.Block {
	t.Helper()
	a, err := keys.URI{Type: keys.KSK, Doc: doc}.Author()
	if err != nil {
		t.Fatal(err)
	}
	var seed [32]byte
	copy(seed[:], doc)
	seed[31] = byte(version)
	b, err := a.Seal(doc, keys.Record{Version: version, Payload: make([]byte, payload)}, rand.NewChaCha8(seed))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// charged is what a data block costs.
const charged = keys.DataSize + store.Overhead

func open(t testing.TB, impl Impl, blocks int64, self keys.Location) store.Store {
	t.Helper()
	return impl.Open(t, Config{Quota: blocks * charged, Self: self})
}

func put(t testing.TB, s store.Store, b keys.Block, c store.Class, at keys.Location) {
	t.Helper()
	if err := s.Put(b, c, at); err != nil {
		t.Fatalf("Put: %v", err)
	}
}

// held reports whether the store returns exactly b; anything but that and ErrNotFound fails.
func held(t testing.TB, s store.Store, b keys.Block) bool {
	t.Helper()
	got, err := s.Get(b.ID())
	switch {
	case errors.Is(err, store.ErrNotFound):
		return false
	case err != nil:
		t.Fatalf("Get: %v", err)
	case got.ID() != b.ID() || !bytes.Equal(got.Data(), b.Data()):
		t.Fatal("Get returns another block")
	}
	return true
}

func mustHold(t testing.TB, s store.Store, blocks ...keys.Block) {
	t.Helper()
	for i, b := range blocks {
		if !held(t, s, b) {
			t.Fatalf("block %d of %d is not held", i, len(blocks))
		}
	}
}

// withinQuota holds invariant 2 and returns the occupancy.
func withinQuota(t testing.TB, s store.Store) store.Stats {
	t.Helper()
	st := s.Stats()
	if st.Bytes > st.Usable || st.Usable > st.Quota || st.Bytes < 0 || st.Blocks < 0 {
		t.Errorf("occupancy %+v", st)
	}
	return st
}

func wantErr(t testing.TB, what string, got, want error) {
	t.Helper()
	if !errors.Is(got, want) {
		t.Errorf("%s: %v, want %v", what, got, want)
	}
}
