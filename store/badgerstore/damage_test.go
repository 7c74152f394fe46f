//go:build unix

package badgerstore

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"nightjar/keys"
	"nightjar/store"
	"nightjar/store/storetest"
)

// agedStore is a directory with every kind of file: several value logs, tables on both levels, a memtable's log as a killed
// process leaves it.
func agedStore(t *testing.T) (dir string, all []keys.Block) {
	t.Helper()
	dir = t.TempDir()
	for round := range uint64(3) {
		s := mustOpen(t, Config{Dir: dir, Quota: small})
		for n := range uint64(30) {
			b := storetest.Data(round, n)
			all = append(all, b)
			if err := s.Put(b, store.Cache, 0); err != nil {
				t.Fatal(err)
			}
		}
		r := smallRecord(round)
		all = append(all, r)
		if err := s.Put(r, store.Sink, 0); err != nil {
			t.Fatal(err)
		}
		if round == 2 { // two tables of rounds before
			if s.flatten(1); s.db.Levels()[0].NumTables > 0 {
				t.Fatal("no tables were merged")
			}
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if said, ok := runChild(t, "leave", dir, ""); !ok {
		t.Fatal(said)
	}
	for n := range uint64(20) {
		all = append(all, storetest.Data(1000, n))
	}
	return dir, all
}

// childLeave puts blocks and ends without closing.
func childLeave(dir, _ string) error {
	s, err := Open(Config{Dir: dir, Quota: small})
	if err != nil {
		return err
	}
	return putN(s, 1000, 0, 20)
}

// survey opens a damaged store, which must not fail, holds invariant 1 of package store on what it serves, heals it, and opens it again.
func survey(t *testing.T, dir, what string, all []keys.Block) (served int, r *Repair) {
	t.Helper()
	s, err := Open(Config{Dir: dir, Quota: small})
	if err != nil {
		t.Errorf("%s: the store does not open: %v", what, err)
		return 0, nil
	}
	r = s.repaired.Load()
	for _, b := range all {
		switch got, err := s.Get(b.ID()); {
		case err == nil && !bytes.Equal(got.Data(), b.Data()):
			t.Fatalf("%s: other bytes are served", what)
		case err == nil:
			served++
		case !errors.Is(err, store.ErrCorrupt) && !errors.Is(err, store.ErrNotFound):
			t.Errorf("%s: Get: %v", what, err)
		}
	}
	var wg sync.WaitGroup
	for part := range slices.Chunk(all, (len(all)+callers-1)/callers) {
		wg.Go(func() { // ends with the part
			for _, b := range part {
				if err := s.Put(b, store.Cache, 0); err != nil && !errors.Is(err, store.ErrStale) {
					t.Errorf("%s: healing: %v", what, err)
				} else if _, err := s.Get(b.ID()); err != nil {
					t.Errorf("%s: after healing: %v", what, err)
				}
			}
		})
	}
	wg.Wait()
	s.flatten(1)
	if err := s.Close(); err != nil {
		t.Errorf("%s: Close: %v", what, err)
	}
	s, err = Open(Config{Dir: dir, Quota: small})
	if err != nil {
		t.Errorf("%s: healed and closed, it does not open: %v", what, err)
		return served, r
	}
	if again := s.repaired.Load(); again != nil {
		t.Errorf("%s: it is repaired again: %+v", what, *again)
	}
	for _, b := range all {
		if _, err := s.Get(b.ID()); err != nil {
			t.Errorf("%s: healed and opened again: %v", what, err)
		}
	}
	if err := s.Close(); err != nil {
		t.Errorf("%s: Close: %v", what, err)
	}
	return served, r
}

func cloned(t *testing.T, dir string) string {
	t.Helper()
	to := t.TempDir()
	if err := os.CopyFS(to, os.DirFS(dir)); err != nil {
		t.Fatal(err)
	}
	return to
}

// filesOf lists the files of a store that hold something, the reserve aside: what is in it is never read.
func filesOf(t testing.TB, dir string) (paths []string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() || d.Name() == fileReserve {
			return err
		}
		st, err := d.Info()
		if err == nil && st.Size() > 0 {
			paths = append(paths, path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return paths
}

// damage is what befalls a file.
type damage struct {
	what string
	do   func(t *testing.T, path string, rnd *rand.Rand)
}

func flipAt(t *testing.T, path string, rnd *rand.Rand, pick func(used int) int) {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	used := max(1, len(bytes.TrimRight(b, "\x00")))
	b[pick(used)] ^= 1 << rnd.IntN(8)
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
}

func damages() []damage {
	flip := func(pick func(rnd *rand.Rand, used int) int) func(*testing.T, string, *rand.Rand) {
		return func(t *testing.T, path string, rnd *rand.Rand) {
			flipAt(t, path, rnd, func(used int) int { return pick(rnd, used) })
		}
	}
	cut := func(size func(rnd *rand.Rand, old int64) int64) func(*testing.T, string, *rand.Rand) {
		return func(t *testing.T, path string, rnd *rand.Rand) {
			st, err := os.Stat(path)
			if err == nil {
				err = os.Truncate(path, size(rnd, st.Size()))
			}
			if err != nil {
				t.Fatal(err)
			}
		}
	}
	return []damage{
		{"a bit of the first byte is flipped", flip(func(*rand.Rand, int) int { return 0 })},
		{"a bit of the head is flipped", flip(func(rnd *rand.Rand, used int) int { return rnd.IntN(min(used, 40)) })},
		{"a bit is flipped", flip(func(rnd *rand.Rand, used int) int { return rnd.IntN(used) })},
		{"a bit of the last byte is flipped", flip(func(_ *rand.Rand, used int) int { return used - 1 })},
		{"it is cut to nothing", cut(func(*rand.Rand, int64) int64 { return 0 })},
		{"it is cut to its head", cut(func(rnd *rand.Rand, old int64) int64 { return min(old, rnd.Int64N(40)) })},
		{"it is cut", cut(func(rnd *rand.Rand, old int64) int64 { return rnd.Int64N(old) })},
		{"it is gone", func(t *testing.T, path string, _ *rand.Rand) {
			if err := os.Remove(path); err != nil {
				t.Fatal(err)
			}
		}},
	}
}

// longVar asks for tests at their full size.
const longVar = "NIGHTJAR_LONG"

// TestDamage does all kinds of damage to every single file of a store, one at a time. The store opens each time, serves nothing but what was put,
// and loses no more than what is in the file where the file is a value log, and nothing where it is any other.
func TestDamage(t *testing.T) {
	t.Parallel()
	base, all := agedStore(t)
	seed := uint64(os.Getpid())
	rnd := rand.New(rand.NewPCG(4, seed))
	served, tried, repaired := 0, 0, 0
	for i, path := range filesOf(t, base) {
		name := strings.TrimPrefix(path, base+string(filepath.Separator))
		kinds := damages()
		if os.Getenv(longVar) == "" { // one of the flips and one of the others
			kinds = []damage{kinds[rnd.IntN(4)], kinds[4+rnd.IntN(4)]}
		}
		for _, d := range kinds {
			what := fmt.Sprintf("seed %d: %s: %s", seed, name, d.what)
			dir := cloned(t, base)
			d.do(t, filesOf(t, dir)[i], rnd)
			n, r := survey(t, dir, what, all)
			if least := len(all); filepath.Ext(name) != ".vlog" && n < least {
				t.Errorf("%s: %d of %d blocks are served: %+v", what, n, least, r)
			} else if strings.Contains(d.what, "bit") && n < len(all)-1 {
				t.Errorf("%s: %d of %d blocks are served: %+v", what, n, least, r)
			}
			tried, served = tried+1, served+n
			if r != nil {
				repaired++
			}
			if err := os.RemoveAll(dir); err != nil {
				t.Fatal(err)
			}
		}
	}
	t.Logf("%d kinds of damage: %d indexes made anew, %.2f%% of the blocks served", tried, repaired, 100*float64(served)/float64(tried*len(all)))
	if repaired == 0 || served < tried*len(all)*8/10 {
		t.Error("damage loses too much")
	}
}
