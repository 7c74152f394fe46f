//go:build unix

package badgerstore

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"sync"
	"testing"

	"nightjar/keys"
	"nightjar/store"
	"nightjar/store/storetest"
)

// crashQuota makes the smallest files there are, so that a few hundred blocks see logs succeeded and tables flushed.
const crashQuota = 64 << 20

// childPut puts blocks from several callers and says which were accepted, until it is killed. Every tenth is put as Cache
// first, which leaves garbage behind, and every caller has a record of its own.
func childPut(dir, arg string) error {
	s, err := Open(Config{Dir: dir, Quota: crashQuota})
	if err != nil {
		return err
	}
	seed, err := strconv.ParseUint(arg, 10, 64)
	if err != nil {
		return err
	}
	var out sync.Mutex
	accepted := func(kind string, w, n uint64, err error) bool {
		out.Lock()
		defer out.Unlock()
		if err != nil {
			fmt.Println("failed:", err)
			return false
		}
		fmt.Println(kind, w, n)
		return true
	}
	var wg sync.WaitGroup
	for w := range uint64(6) {
		wg.Go(func() { // ends with an error, or with the process
			for n := uint64(0); ; n++ {
				b := crashBlock(seed, w, n)
				if n%10 == 0 && !accepted("data", w, n, s.Put(b, store.Cache, 0)) {
					return
				}
				if !accepted("data", w, n, s.Put(b, store.Sink, b.ID().Location(0))) {
					return
				}
				if n%5 == 0 {
					r, err := crashRecord(w, seed<<20+n)
					if err == nil {
						err = s.Put(r, store.Sink, 0)
					}
					if !accepted("record", w, seed<<20+n, err) {
						return
					}
				}
			}
		})
	}
	wg.Wait()
	return nil
}

func crashBlock(seed, w, n uint64) keys.Block { return storetest.Data(seed<<8|w, n) }

func crashRecord(w, version uint64) (keys.Block, error) {
	a, err := keys.URI{Type: keys.KSK, Doc: fmt.Sprint("doc-", w)}.Author()
	if err != nil {
		return keys.Block{}, err
	}
	return a.Seal("doc", keys.Record{Version: version}, rand.NewChaCha8([32]byte{byte(w), byte(version)}))
}

// TestKill holds invariant 6 of package store: a process is killed at some moment, while it opens, writes, turns logs or frees
// files, and everything that it said it had accepted is there.
func TestKill(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	rnd := rand.New(rand.NewPCG(1, uint64(os.Getpid())))
	type name struct{ seed, w, n uint64 }
	var accepted []name
	newest := map[uint64]uint64{}
	for round := range uint64(12) {
		c := startChild(t, "put", dir, strconv.FormatUint(round, 10))
		for left := rnd.IntN(150) * rnd.IntN(2); left > 0 && c.lines.Scan(); left-- {
			noteLine(t, c.lines.Text(), func(kind string, w, n uint64) {
				if kind == "data" {
					accepted = append(accepted, name{round, w, n})
				} else {
					newest[w] = max(newest[w], n)
				}
			})
		}
		if err := c.cmd.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		for c.lines.Scan() { // what it said before it died
			noteLine(t, c.lines.Text(), func(kind string, w, n uint64) {
				if kind == "data" {
					accepted = append(accepted, name{round, w, n})
				} else {
					newest[w] = max(newest[w], n)
				}
			})
		}
		c.cmd.Wait()

		s := mustOpen(t, Config{Dir: dir, Quota: crashQuota})
		if st := s.Stats(); st.Bytes > st.Quota*9/10 {
			t.Fatal("the test is too long: blocks are evicted")
		}
		for _, a := range accepted {
			if _, err := s.Get(crashBlock(a.seed, a.w, a.n).ID()); err != nil {
				t.Fatalf("round %d: block %+v: %v", round, a, err)
			}
		}
		for w, version := range newest {
			r, err := crashRecord(w, version)
			if err != nil {
				t.Fatal(err)
			}
			if got, err := s.Get(r.ID()); err != nil || keys.RecordVersion(got) < version {
				t.Fatalf("round %d: record %d: version %d instead of %d, %v", round, w, keys.RecordVersion(got), version, err)
			}
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
	t.Logf("%d blocks and %d records were accepted and are there", len(accepted), len(newest))
}

func noteLine(t *testing.T, line string, note func(kind string, w, n uint64)) {
	t.Helper()
	var kind string
	var w, n uint64
	if _, err := fmt.Sscan(line, &kind, &w, &n); err != nil {
		t.Fatalf("the child says %q", line)
	}
	note(kind, w, n)
}

// churnBlocks is the size of the store of TestKillInChurn, in blocks.
const churnBlocks = 200

// childChurn puts into a full store and says how many puts were accepted.
func childChurn(dir, arg string) error {
	s, err := Open(Config{Dir: dir, Quota: quotaFor(churnBlocks * (keys.DataSize + store.Overhead))})
	if err != nil {
		return err
	}
	seed, err := strconv.ParseUint(arg, 10, 64)
	if err != nil {
		return err
	}
	errs := make(chan error)
	for w := range uint64(4) {
		go func() { // ends with an error, or with the process
			for n := uint64(0); ; n++ {
				if err := s.Put(crashBlock(seed, w, n), store.Cache, 0); err != nil {
					errs <- err
					return
				}
				fmt.Println("data", w, n)
			}
		}()
	}
	return <-errs
}

// TestKillInChurn kills a process whose store is full, so that it deletes, merges and frees as it writes. The store is as
// full as it was, within its quota, and every block that its books name can be read.
func TestKillInChurn(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	rnd := rand.New(rand.NewPCG(2, uint64(os.Getpid())))
	last := map[[2]uint64]uint64{} // of seed and caller: the number of the last block
	for round := range uint64(3) {
		c := startChild(t, "churn", dir, strconv.FormatUint(round, 10))
		note := func(_ string, w, n uint64) { last[[2]uint64{round, w}] = n }
		for left := 200 + rnd.IntN(200); left > 0 && c.lines.Scan(); left-- {
			noteLine(t, c.lines.Text(), note)
		}
		if err := c.cmd.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		for c.lines.Scan() {
			noteLine(t, c.lines.Text(), note)
		}
		c.cmd.Wait()

		s := mustOpen(t, Config{Dir: dir, Quota: quotaFor(churnBlocks * (keys.DataSize + store.Overhead))})
		st := s.Stats()
		if st.Bytes > st.Quota || st.Blocks < churnBlocks-1 {
			t.Errorf("round %d: %+v", round, st)
		}
		var held int64
		for k, n := range last {
			for i := range n + 3 { // what was written and not answered may be there too
				switch _, err := s.Get(crashBlock(k[0], k[1], i).ID()); {
				case err == nil:
					held++
				case !errors.Is(err, store.ErrNotFound):
					t.Errorf("round %d: %v", round, err)
				}
			}
		}
		if now := s.Stats(); held != st.Blocks || now != st {
			t.Errorf("round %d: %d blocks can be read, the books said %d and say %d", round, held, st.Blocks, now.Blocks)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
}
