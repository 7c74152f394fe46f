package badgerstore

import (
	"context"
	"errors"
	"os"
	"testing"

	"nightjar/store"
	"nightjar/store/badgerfiles"
	"nightjar/store/storetest"
)

// TestCheck: every block is read, one that is damaged is found and forgotten, and a check ends when it is told to.
func TestCheck(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := mustOpen(t, Config{Dir: dir, Quota: small})
	const blocks = 40
	if err := putN(s, 1, 0, blocks); err != nil {
		t.Fatal(err)
	}
	if err := s.Put(storetest.Record(t, "doc", 1, 100), store.Sink, 0); err != nil {
		t.Fatal(err)
	}
	all := func(want Checked) {
		t.Helper()
		got, err := s.Check(t.Context(), 0, func(Checked) {})
		if got.Bytes = 0; err != nil || got != want {
			t.Errorf("%+v, %v, want %+v", got, err, want)
		}
	}
	all(Checked{Blocks: blocks + 1, Total: blocks + 1})
	r, err := s.Report()
	if err != nil || r.Blocks != blocks+1 || r.Disk < r.Bytes || r.Repair != nil || len(r.Pools) != 3 || r.Pools[0].Blocks != blocks || r.Pools[2].Blocks != 1 {
		t.Errorf("%+v, %v", r, err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	logs, err := badgerfiles.Logs(s.dir, ".vlog")
	if err != nil || len(logs) == 0 {
		t.Fatal(err)
	}
	b, err := os.ReadFile(logs[0].Path)
	if err != nil {
		t.Fatal(err)
	}
	b[badgerfiles.LogHeader+500] ^= 1
	if err := os.WriteFile(logs[0].Path, b, 0o600); err != nil {
		t.Fatal(err)
	}
	s = mustOpen(t, Config{Dir: dir, Quota: small})
	all(Checked{Blocks: blocks, Corrupt: 1, Total: blocks + 1})
	if got := s.Stats().Blocks; got != blocks {
		t.Errorf("%d blocks are held, one was found corrupt", got)
	}
	ctx, stop := context.WithCancel(t.Context())
	stop()
	if _, err := s.Check(ctx, 1, func(Checked) {}); !errors.Is(err, context.Canceled) {
		t.Errorf("a check that was told to end: %v", err)
	}
}

// TestRequestRepair: the next opening makes the index anew and drops what is damaged.
func TestRequestRepair_SPEC11(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := mustOpen(t, Config{Dir: dir, Quota: small})
	if err := putN(s, 1, 0, 20); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	p, err := Take(dir)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(RequestRepair(p), p.Release()); err != nil {
		t.Fatal(err)
	}
	for _, want := range []bool{true, false} {
		s = mustOpen(t, Config{Dir: dir, Quota: small})
		if got := s.Repaired(); (got != nil) != want || want && got.Entries != 20 {
			t.Errorf("%+v, want one: %v", got, want)
		}
		if err := getN(s, 1, 0, 20); err != nil {
			t.Error(err)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
}
