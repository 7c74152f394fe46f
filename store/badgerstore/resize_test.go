//go:build unix

package badgerstore

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"nightjar/keys"
	"nightjar/store"
)

// awaitQuota waits until a store is as its quota wants it.
func awaitQuota(t *testing.T, s *Store, quota int64) {
	t.Helper()
	late := time.NewTimer(30 * time.Second)
	defer late.Stop()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for {
		use, err := diskUse(s.cfg.Dir)
		if err != nil {
			t.Fatal(err)
		}
		if st := s.Stats(); st.Quota == quota && st.Bytes <= usable(quota) && use.length <= ceiling(quota) {
			return
		}
		select {
		case <-tick.C:
		case <-late.C:
			t.Fatalf("the directory takes %+v, %+v; the quota is to be %d", use, s.Stats(), quota)
		}
	}
}

// readableBlocks is how many of the first n blocks of churn can be read; none may be damaged.
func readableBlocks(t *testing.T, s *Store, n uint64) (held int64) {
	t.Helper()
	data := make([]byte, keys.DataSize)
	for i := range n {
		switch _, err := s.Get(benchBlock(i, data).ID()); {
		case err == nil:
			held++
		case !errors.Is(err, store.ErrNotFound):
			t.Errorf("block %d: %v", i, err)
		}
	}
	return held
}

// TestResize: a store becomes smaller while it is used, with smaller files at last, and larger again. Nothing is lost but what was evicted.
func TestResize(t *testing.T) {
	t.Parallel()
	const large, less = 192 << 20, 24 << 20
	s := mustOpen(t, Config{Dir: t.TempDir(), Quota: large})
	const blocks = 2500
	if _, err := churn(s, 0, blocks, store.Cache); err != nil {
		t.Fatal(err)
	}
	if err := s.Resize(less); err != nil {
		t.Fatal(err)
	}
	for i := range uint64(50) { // in the middle of it
		if st := s.Stats(); st.Bytes > st.Usable || st.Usable > st.Quota {
			t.Errorf("%+v", st)
		}
		if _, err := churn(s, blocks+i, blocks+i+1, store.Cache); err != nil {
			t.Fatal(err)
		}
	}
	awaitQuota(t, s, less)
	if got, want := readableBlocks(t, s, blocks+50), s.Stats().Blocks; got != want || want == 0 {
		t.Errorf("%d blocks can be read, %d are in the books", got, want)
	}
	if err := s.Resize(large); err != nil {
		t.Fatal(err)
	}
	if _, err := churn(s, 2*blocks, 3*blocks, store.Cache); err != nil {
		t.Fatal(err)
	}
	if st := s.Stats(); st.Quota != large || st.Bytes <= usable(less) {
		t.Errorf("once it was larger again: %+v", st)
	}
	if err := s.Resize(0); err == nil {
		t.Error("a quota of nothing")
	}
}

// childShrink fills a store, makes it smaller and says so, until it is killed.
func childShrink(dir, _ string) error {
	s, err := Open(Config{Dir: dir, Quota: 96 << 20})
	if err != nil {
		return err
	}
	if _, err := churn(s, 0, 1500, store.Cache); err != nil {
		return err
	}
	if err := s.Resize(small); err != nil {
		return err
	}
	for {
		fmt.Println(s.Stats().Usable)
	}
}

// TestKillWhileResizing: what is left of a store that was killed while it became smaller opens under the new quota, and under the old one.
func TestKillWhileResizing(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	c := startChild(t, "shrink", dir, "")
	var now int64
	for c.lines.Scan() {
		if _, err := fmt.Sscan(c.lines.Text(), &now); err != nil {
			t.Fatal(c.lines.Text(), err)
		}
		if now < usable(48<<20) {
			break
		}
	}
	if err := c.cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	for c.lines.Scan() {
	}
	c.cmd.Wait()
	for _, quota := range []int64{96 << 20, small} {
		s := mustOpen(t, Config{Dir: dir, Quota: quota})
		if got, want := readableBlocks(t, s, 1500), s.Stats().Blocks; got != want || want == 0 {
			t.Errorf("%d blocks can be read, %d are in the books", got, want)
		}
		awaitQuota(t, s, quota)
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
}
