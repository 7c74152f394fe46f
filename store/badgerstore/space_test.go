//go:build unix

package badgerstore

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"

	"nightjar/keys"
	"nightjar/store"
	"nightjar/store/storetest"
)

// small is a quota that makes the smallest files there are.
const small = 16 << 20

func putN(s *Store, seed uint64, from, to uint64) error {
	for n := from; n < to; n++ {
		if err := s.Put(storetest.Data(seed, n), store.Sink, keys.Location(n)); err != nil {
			return err
		}
	}
	return nil
}

func getN(s *Store, seed uint64, from, to uint64) error {
	for n := from; n < to; n++ {
		if _, err := s.Get(storetest.Data(seed, n).ID()); err != nil {
			return fmt.Errorf("block %d: %w", n, err)
		}
	}
	return nil
}

// TestFullDisk: the disk has no room, then it has. Puts are refused and reads go on, without a byte written by Badger.
func TestFullDisk(t *testing.T) {
	s := mustOpen(t, Config{Dir: t.TempDir(), Quota: small})
	if err := putN(s, 1, 0, 20); err != nil {
		t.Fatal(err)
	}
	var left atomic.Int64
	s.space.ask(func(string) (int64, error) { return left.Load(), nil })
	for _, n := range []int64{0, 1 << 20, s.space.margin + keys.DataSize} {
		left.Store(n)
		before := s.Stats()
		if err := putN(s, 1, 20, 21); !errors.Is(err, store.ErrFull) {
			t.Errorf("with %d bytes left: %v", n, err)
		}
		if err := s.Put(storetest.Data(1, 3), store.Sink, 3); err != nil {
			t.Errorf("a block that is held needs no room: %v", err)
		}
		if after := s.Stats(); after != before {
			t.Errorf("%+v became %+v", before, after)
		}
		if err := getN(s, 1, 0, 20); err != nil {
			t.Error(err)
		}
	}
	left.Store(math.MaxInt64)
	if err := putN(s, 1, 20, 40); err != nil {
		t.Errorf("with room again: %v", err)
	}
	if err := getN(s, 1, 0, 40); err != nil {
		t.Error(err)
	}
}

// TestReserve: a store opens and closes on a full disk with what it set aside.
func TestReserve(t *testing.T) {
	dir := t.TempDir()
	s := mustOpen(t, Config{Dir: dir, Quota: small})
	if err := putN(s, 1, 0, 20); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, fileReserve)
	st, err := os.Stat(path)
	if err != nil || st.Size() != s.space.margin {
		t.Fatalf("the reserve: %v %v", st, err)
	}
	// A disk on which the reserve is all that can still be freed.
	s.space.ask(func(string) (int64, error) {
		if _, err := os.Stat(path); err == nil {
			return 0, nil
		}
		return s.space.margin, nil
	})
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(path); err == nil {
		t.Error("closing on a full disk kept the reserve")
	}
	s = mustOpen(t, Config{Dir: dir, Quota: small})
	if err := getN(s, 1, 0, 20); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(path); err != nil {
		t.Error("with room again there is no reserve:", err)
	}
}

// TestCloseWithoutRoom: nothing can be freed, so that Badger must not even flush. What was accepted is there when the process
// starts again.
func TestCloseWithoutRoom(t *testing.T) {
	dir := t.TempDir()
	if said, ok := runChild(t, "open", dir, "20"); !ok {
		t.Fatal(said)
	}
	s := mustOpen(t, Config{Dir: dir, Quota: small})
	if err := getN(s, 1, 0, 20); err != nil {
		t.Error(err)
	}
}

// childOpen puts blocks and closes on a disk that has nothing left.
func childOpen(dir, arg string) error {
	s, err := Open(Config{Dir: dir, Quota: small})
	if err != nil {
		return err
	}
	if err := putN(s, 1, 0, 20); err != nil {
		return err
	}
	s.space.ask(func(string) (int64, error) { return 0, nil })
	if err := s.Close(); err != nil {
		return err
	}
	if _, err := Open(Config{Dir: dir, Quota: small}); !errors.Is(err, ErrInUse) {
		return fmt.Errorf("Badger still has the files, and a second one: %v", err)
	}
	return nil
}

// TestOpenWithoutRoom: an error that says so, not a process that ends.
func TestOpenWithoutRoom(t *testing.T) {
	g := shape(small)
	sp := newSpace(t.TempDir(), g, nil, func(string) (int64, error) { return g.table, nil })
	if sp.spend() {
		t.Error("there is no room and nothing to spend")
	}
}

// TestSystemRefuses: a limit of the process refuses files as large as Badger makes them.
func TestSystemRefuses(t *testing.T) {
	said, ok := runChild(t, "limit", t.TempDir(), "")
	if !ok {
		t.Errorf("%q", said)
	}
}

// TestLogRefused: Badger is refused a file in the middle of a write. The put fails, nothing is half done, reads go on, and the
// next puts find a store that works.
func TestLogRefused(t *testing.T) {
	for ext, block := range map[string]func(n uint64) keys.Block{
		".vlog": func(n uint64) keys.Block { return storetest.Data(1, n) }, // 32 blocks turn a value log
		".mem":  smallRecord,                                               // 1000 records turn a memtable, or so
	} {
		t.Run(ext, func(t *testing.T) {
			dir := t.TempDir()
			s := mustOpen(t, Config{Dir: dir, Quota: small})
			name := occupied(t, s, ext)
			var accepted []uint64
			failed := false
			for n := uint64(0); n < 3000 && !failed; n += callers {
				for i, err := range putTogether(s, block, n) {
					if err == nil {
						accepted = append(accepted, n+uint64(i))
					}
					failed = failed || err != nil
				}
			}
			if !failed {
				t.Fatal("no log was full")
			}
			if got := s.Stats().Blocks; got != int64(len(accepted)) {
				t.Errorf("%d blocks are held, %d were accepted", got, len(accepted))
			}
			all := func(s *Store) {
				t.Helper()
				for _, n := range accepted {
					if _, err := s.Get(block(n).ID()); err != nil {
						t.Fatalf("block %d: %v", n, err)
					}
				}
			}
			all(s)
			if err := os.Remove(filepath.Join(s.dir, name)); err != nil && !errors.Is(err, os.ErrNotExist) {
				t.Fatal(err)
			}
			for i, err := range putTogether(s, block, 5000) {
				if err != nil {
					t.Fatalf("after the log was refused: %v", err)
				}
				accepted = append(accepted, 5000+uint64(i))
			}
			all(s)
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
			all(mustOpen(t, Config{Dir: dir, Quota: small}))
		})
	}
}

// putTogether puts as many blocks, from number n on, as there are callers.
func putTogether(s *Store, block func(uint64) keys.Block, n uint64) []error {
	errs := make([]error, callers)
	var wg sync.WaitGroup
	for i := range errs {
		wg.Go(func() { errs[i] = s.Put(block(n+uint64(i)), store.Sink, 0) }) // ends with the put
	}
	wg.Wait()
	return errs
}

// TestSyncFails: what could not be made durable is not said to be held, not even to who puts it again.
func TestSyncFails(t *testing.T) {
	s := mustOpen(t, Config{Dir: t.TempDir(), Quota: small})
	if err := putN(s, 1, 0, 20); err != nil {
		t.Fatal(err)
	}
	s.files.dir = filepath.Join(s.dir, "nowhere")
	s.space.ask(func(string) (int64, error) { return math.MaxInt64, nil })
	if err := putN(s, 1, 20, 21); !errors.Is(err, errSync) {
		t.Errorf("a put whose sync failed: %v", err)
	}
	s.space.ask(func(string) (int64, error) { return 0, nil }) // so that Badger cannot be started anew yet
	if err := putN(s, 1, 20, 21); !errors.Is(err, errSync) {
		t.Errorf("the same put again: %v", err)
	}
	if err := getN(s, 1, 0, 20); err != nil {
		t.Errorf("reads do not go on: %v", err)
	}
	s.space.ask(free)
	if err := putN(s, 1, 20, 40); err != nil {
		t.Errorf("once Badger was started anew: %v", err)
	}
	if err := getN(s, 1, 0, 40); err != nil {
		t.Error(err)
	}
}

// occupied makes the next log of a kind, so that Badger cannot, and returns its name.
func occupied(t *testing.T, s *Store, ext string) string {
	t.Helper()
	value, mem, err := newFiles(s.dir).newest()
	if err != nil {
		t.Fatal(err)
	}
	name := pad(value+1, 6) + ext
	if ext == ".mem" {
		name = pad(mem+1, 5) + ext
	}
	if err := os.WriteFile(filepath.Join(s.dir, name), make([]byte, 1), 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

// smallRecord is as small as a block can be made: only Badger looks at it here.
func smallRecord(n uint64) keys.Block {
	id := keys.ID{Kind: keys.KindRecord}
	binary.LittleEndian.PutUint64(id.Name[8:], n*0x9e3779b97f4a7c15)
	return keys.Restore(id, make([]byte, 100))
}
