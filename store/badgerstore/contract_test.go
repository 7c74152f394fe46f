package badgerstore

import (
	"errors"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"nightjar/store"
	"nightjar/store/storetest"
)

func mustOpen(t testing.TB, cfg Config) *Store {
	t.Helper()
	s, err := Open(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil && !errors.Is(err, store.ErrClosed) {
			t.Error(err)
		}
	})
	return s
}

func TestContract(t *testing.T) {
	t.Parallel()
	reopen := func(t testing.TB, dir string, cfg storetest.Config) (store.Store, error) {
		s, err := Open(Config{Dir: dir, Quota: quotaFor(cfg.Quota), Self: cfg.Self})
		if err != nil {
			return nil, err
		}
		t.Cleanup(func() { s.Close() })
		return s, nil
	}
	storetest.Run(t, storetest.Impl{
		Open: func(t testing.TB, cfg storetest.Config) store.Store {
			return mustOpen(t, Config{Dir: t.TempDir(), Quota: quotaFor(cfg.Quota), Self: cfg.Self})
		},
		Reopen: func(t testing.TB, s store.Store, cfg storetest.Config) (store.Store, error) {
			return reopen(t, s.(*Store).cfg.Dir, cfg)
		},
		Damage: func(t testing.TB, s store.Store, rnd *rand.Rand) { flip(t, s.(*Store).cfg.Dir, rnd) },
	})
}

// flip turns a bit in one of the files of a store, each with equal chance, however small it is.
func flip(t testing.TB, dir string, rnd *rand.Rand) string {
	t.Helper()
	var files []string
	err := filepath.Walk(dir, func(path string, info os.FileInfo, err error) error {
		if err == nil && info.Mode().IsRegular() && info.Size() > 0 && info.Name() != fileReserve {
			files = append(files, path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	path := files[rnd.IntN(len(files))]
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	b[rnd.IntN(len(b))] ^= 1 << rnd.IntN(8)
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
	return filepath.Base(path)
}
