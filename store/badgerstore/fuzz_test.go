package badgerstore

import (
	"bytes"
	"testing"

	"nightjar/store"
	"nightjar/store/storetest"
)

// FuzzIndexKey: what is read as an entry is written as the same key.
func FuzzIndexKey(f *testing.F) {
	s := testSealer(f, 1)
	k := s.key(entryOf(storetest.Data(1, 1), store.Sink, 5))
	f.Add(k)
	f.Add(k[:59])
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, b []byte) {
		if e, err := s.entry(b); err == nil && !bytes.Equal(s.key(e), b) {
			t.Errorf("%x is read as %+v, which is %x", b, e, s.key(e))
		}
	})
}

// FuzzTable: no table makes the check panic or read beyond it.
func FuzzTable(f *testing.F) {
	f.Add([]byte{})
	f.Add([]byte{0, 0, 0, 0, 0, 0, 0, 0})
	f.Add([]byte{1, 2, 3, 0, 0, 0, 3, 8, 0, 16, 5, 0, 0, 0, 4})
	f.Add(bytes.Repeat([]byte{0xff}, 64))
	f.Fuzz(func(t *testing.T, b []byte) {
		soundTable(b)
		if rest, tail, ok := cutTail(b); ok && len(rest)+len(tail)+4 != len(b) {
			t.Errorf("%d bytes are cut into %d and %d", len(b), len(rest), len(tail))
		}
		sound(b, b)
	})
}
