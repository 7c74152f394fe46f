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
