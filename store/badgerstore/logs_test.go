package badgerstore

import (
	"bytes"
	"errors"
	"math"
	"os"
	"testing"

	"nightjar/keys"
	"nightjar/store"
	"nightjar/store/storetest"
)

// TestPointers compares what we read past Badger with what Badger reads: the pointer is where we look for it and means what
// we take it for.
func TestPointers(t *testing.T) {
	s := mustOpen(t, Config{Dir: t.TempDir(), Quota: 16 << 20})
	for i, b := range []keys.Block{storetest.Data(1, 1), storetest.Record(t, "a", 1, 0), storetest.Data(1, 2), storetest.Record(t, "b", 1, 3000)} {
		if err := s.Put(b, store.Sink, 0); err != nil {
			t.Fatal(err)
		}
		e, _ := s.find(b.ID())
		txn := s.db.NewTransactionAt(math.MaxUint64, false)
		defer txn.Discard()
		item, err := txn.Get(s.seal.key(e))
		if err != nil {
			t.Fatal(err)
		}
		want, err := item.ValueCopy(nil)
		if err != nil {
			t.Fatal(err)
		}
		p, ok := pointerOf(item)
		got := make([]byte, len(want))
		if err := s.logs.read(p.hint(e), got); !ok || err != nil || !bytes.Equal(got, want) {
			t.Errorf("block %d: %+v: %v, %v", i, p, ok, err)
		}
	}
}

// TestPointersThatLead_SPEC8 nowhere: a damaged index gives any number.
func TestPointersThatLead_SPEC8(t *testing.T) {
	dir := t.TempDir()
	l := newLogs(dir)
	if err := os.WriteFile(l.path(1), make([]byte, 1000), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		p    pointer
		size int
		ok   bool
	}{
		{pointer{1, 104, 896}, 100, true},
		{pointer{1, 104, 901}, 100, false},
		{pointer{1, 103, 0}, 100, false},
		{pointer{1, 0, 0}, 100, false},
		{pointer{1, 3, 0}, 0, false},
		{pointer{1, math.MaxUint32, math.MaxUint32}, 100, false},
		{pointer{1, math.MaxUint32, 0}, 100, false},
		{pointer{2, 104, 0}, 100, false},
		{pointer{math.MaxUint32, 104, 0}, 100, false},
	} {
		hint := c.p.hint(store.Entry{Size: c.size - sealSize})
		err := errUnreadable
		if hint != 0 {
			err = l.read(hint, make([]byte, c.size))
		}
		if (err == nil) != c.ok || err != nil && !errors.Is(err, errUnreadable) {
			t.Errorf("%+v: %v", c.p, err)
		}
	}
	if err := os.Remove(l.path(1)); err != nil {
		t.Fatal(err)
	}
	l.prune(false)
	if err := l.read(1<<32, make([]byte, 100)); !errors.Is(err, errUnreadable) || len(l.files) != 0 {
		t.Errorf("a file that is gone: %v, %d handles", err, len(l.files))
	}
}
