package badgerstore

import (
	"maps"
	"slices"
	"sync"
	"testing"

	"nightjar/store"
	"nightjar/store/storetest"
)

const agedBlocks = 19 * callers

// aged is a store that has put more than fits, with some records that were replaced.
func aged(t *testing.T) *Store {
	t.Helper()
	s := mustOpen(t, Config{Dir: t.TempDir(), Quota: small})
	for from := uint64(0); from < agedBlocks; from += callers {
		var together sync.WaitGroup
		for n := from; n < from+callers; n++ {
			together.Go(func() { // ends with the put
				if err := s.Put(storetest.Data(1, n), store.Cache, 0); err != nil {
					t.Error(err)
				}
			})
		}
		together.Wait()
	}
	for v := range uint64(3) {
		if err := s.Put(storetest.Record(t, "doc", v+1, 500), store.Sink, 0); err != nil {
			t.Fatal(err)
		}
	}
	return s
}

// TestFreesTheFileThatIsNamed: it is the file that was asked for that goes, with whatever is in it, and nothing is lost.
func TestFreesTheFileThatIsNamed(t *testing.T) {
	s := aged(t)
	for range 3 {
		u, err := measure(s.cfg.Dir)
		if err != nil {
			t.Fatal(err)
		}
		files := slices.Sorted(maps.Keys(u.values))
		file := files[len(files)/2]
		if err := s.collect(u, file); err != nil {
			t.Fatal(err)
		}
		after, err := measure(s.cfg.Dir)
		if err != nil {
			t.Fatal(err)
		}
		if _, there := after.values[file]; there {
			t.Errorf("file %d of %v is still there", file, files)
		}
		for _, n := range files {
			if _, there := after.values[n]; !there && n != file {
				t.Errorf("file %d went, %d was to go", n, file)
			}
		}
	}
	if got, want := countHeld(s, agedBlocks), s.Stats().Blocks-1; got != want {
		t.Errorf("%d blocks can be read, %d are in the books", got, want)
	}
}

// TestGarbageIsKnown: what the account says after puts, evictions, replacements and freed files is what counting says.
func TestGarbageIsKnown(t *testing.T) {
	s := aged(t)
	u, err := measure(s.cfg.Dir)
	if err != nil {
		t.Fatal(err)
	}
	want := count(s.db, u)
	var sum int64
	for n, size := range u.values {
		if n == u.newest {
			continue
		}
		const header = 20
		if got := s.garbage[n]; got != want[n]-header {
			t.Errorf("file %d of %d bytes: %d are garbage, counted are %d", n, size, got, want[n])
		}
		sum += want[n]
	}
	if sum == 0 {
		t.Error("there is no garbage")
	}
	// Badger only knows of what was merged: the account must not depend on that.
	s.flatten(1)
	if again := count(s.db, u); !maps.Equal(want, again) {
		t.Errorf("merging tables changed the count: %v, %v", want, again)
	}
}

// countHeld is how many of the first n data blocks of seed 1 can be read.
func countHeld(s *Store, n uint64) (held int64) {
	for i := range n {
		if _, err := s.Get(storetest.Data(1, i).ID()); err == nil {
			held++
		}
	}
	return held
}
