package badgerstore

import (
	"errors"
	"math"
	"testing"

	"nightjar/keys"
	"nightjar/store"
	"nightjar/store/storetest"
)

// TestLoadReadsEveryPart_SPEC8 opens a store with keys in all parts, among them what must be deleted, and looks whether the books have each block once,
// and know where it is.
func TestLoadReadsEveryPart_SPEC8(t *testing.T) {
	cfg := Config{Dir: t.TempDir(), Quota: 64 << 20}
	s := mustOpen(t, cfg)
	const n = 3000
	insert(t, s, func(set func(key, value []byte)) {
		for i := range uint64(n) {
			e, b := tiny(i)
			set(s.seal.key(e), s.seal.sealBlock(nil, b))
		}
		for i := range 256 { // in every part what is no entry
			set([]byte{byte(i)}, make([]byte, 100))
			junk := make([]byte, keySize)
			junk[0] = byte(i)
			set(junk, make([]byte, 100))
		}
	})
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	for range 2 { // the second time without the junk
		s = mustOpen(t, cfg)
		if got := s.Stats().Blocks; got != n {
			t.Fatalf("%d blocks, want %d", got, n)
		}
		for i := range uint64(n) {
			e, want := tiny(i)
			got, hint, ok := s.ledger.UseHint(e.ID)
			if !ok || got != e || hint == 0 {
				t.Fatalf("block %d: %+v, hint %d, held %v", i, got, hint, ok)
			}
			if b, err := s.Get(e.ID); err != nil || string(b.Data()) != string(want.Data()) {
				t.Fatalf("block %d: %v", i, err)
			}
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// tiny is record i, too small to be worth a file.
func tiny(i uint64) (store.Entry, keys.Block) {
	id := storetest.Data(5, i).ID()
	id.Kind = keys.KindRecord
	b := keys.Restore(id, append(make([]byte, 20), byte(i), byte(i>>8)))
	e, _ := store.NewEntry(b, store.Sink, keys.Location(i))
	return e, b
}

// insert puts pairs into the database of a store, past the store.
func insert(t *testing.T, s *Store, fill func(set func(key, value []byte))) {
	t.Helper()
	commit := func(pairs [][2][]byte) {
		txn := s.db.NewTransactionAt(math.MaxUint64, true)
		defer txn.Discard()
		for _, p := range pairs {
			if err := txn.Set(p[0], p[1]); err != nil {
				t.Fatal(err)
			}
		}
		s.ts++
		if err := txn.CommitAt(s.ts, nil); err != nil {
			t.Fatal(err)
		}
	}
	var pairs [][2][]byte
	fill(func(key, value []byte) {
		if pairs = append(pairs, [2][]byte{key, value}); len(pairs) == 100 {
			commit(pairs)
			pairs = nil
		}
	})
	commit(pairs)
}

// TestNewerOfTwoKeysCounts_SPEC4 has two keys of one block, in either order of their tags, and the older one in another class.
func TestNewerOfTwoKeysCounts_SPEC4(t *testing.T) {
	cfg := Config{Dir: t.TempDir(), Quota: 64 << 20}
	s := mustOpen(t, cfg)
	const n = 50
	for _, class := range []store.Class{store.Cache, store.Sink} { // the later commit is the newer
		insert(t, s, func(set func(key, value []byte)) {
			for i := range uint64(n) {
				e, b := tiny(i)
				e.Class = class
				set(s.seal.key(e), s.seal.sealBlock(nil, b))
			}
		})
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		s = mustOpen(t, cfg)
		if got := s.Stats().Blocks; got != n {
			t.Fatalf("%d blocks, want %d", got, n)
		}
		for i := range uint64(n) {
			want, _ := tiny(i)
			if got, hint, ok := s.ledger.UseHint(want.ID); !ok || got != want || hint == 0 {
				t.Errorf("block %d: %+v, hint %d, want that of class %v", i, got, hint, want.Class)
			}
			old := want
			old.Class = store.Cache
			if _, err := s.locate(old); !errors.Is(err, errMissing) {
				t.Errorf("block %d: the older key is still there: %v", i, err)
			}
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// TestHintsThatLead nowhere, or to another block, cost a look-up and nothing else; the books learn better for a data block, and never for a
// record, whose older versions authenticate as well.
func TestHintsThatLead(t *testing.T) {
	s := mustOpen(t, Config{Dir: t.TempDir(), Quota: 16 << 20})
	data, other, record := storetest.Data(1, 1), storetest.Data(1, 2), storetest.Record(t, "a", 1, 100)
	for _, b := range []keys.Block{data, other, record} {
		if err := s.Put(b, store.Sink, 0); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct {
		b      keys.Block
		learns bool
	}{{data, true}, {record, false}} {
		e, _ := s.find(c.b.ID())
		good := hintOf(t, s, e)
		elsewhere, _ := s.find(other.ID())
		for _, hint := range []uint64{0, 1, 77 << 32, 1<<32 | math.MaxUint32, hintOf(t, s, elsewhere), good + 1} {
			s.ledger.Hint(e, hint)
			s.hot.forget() // or it is not read
			if got, err := s.Get(c.b.ID()); err != nil || string(got.Data()) != string(c.b.Data()) {
				t.Errorf("%v, hint %#x: %v", c.b.ID().Kind, hint, err)
			}
			want := hint
			if c.learns {
				want = good
			}
			if _, got, _ := s.ledger.UseHint(c.b.ID()); got != want {
				t.Errorf("%v, hint %#x: %#x afterwards, want %#x", c.b.ID().Kind, hint, got, want)
			}
		}
	}
}

func hintOf(t *testing.T, s *Store, e store.Entry) uint64 {
	t.Helper()
	p, err := s.locate(e)
	if err != nil {
		t.Fatal(err)
	}
	return p.hint(e)
}

// TestReplacedRecordIsNotReadWhereTheOldOneIs opens a store with a record, which the books then know the place of, and replaces it by one that is as long.
func TestReplacedRecordIsNotReadWhereTheOldOneIs(t *testing.T) {
	cfg := Config{Dir: t.TempDir(), Quota: 16 << 20}
	s := mustOpen(t, cfg)
	if err := s.Put(storetest.Record(t, "a", 1, 100), store.Sink, 0); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = mustOpen(t, cfg)
	newer := storetest.Record(t, "a", 2, 100)
	if _, hint, _ := s.ledger.UseHint(newer.ID()); hint == 0 {
		t.Fatal("the books do not know where the record is")
	}
	if err := s.Put(newer, store.Sink, 0); err != nil {
		t.Fatal(err)
	}
	if got, err := s.Get(newer.ID()); err != nil || keys.RecordVersion(got) != 2 {
		t.Errorf("version %d: %v", keys.RecordVersion(got), err)
	}
}
