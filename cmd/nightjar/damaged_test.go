package main

import (
	"crypto/ed25519"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"nightjar/internal/api/datadir"
)

// TestDamagedFilesCostThemselves: a bit that flips in the sealed peers or port costs what it says, and not the node; of the quota, nothing is guessed.
func TestDamagedFilesCostThemselves(t *testing.T) {
	dir, err := datadir.Create(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	dir = dir.WithKey([32]byte{1})
	if err := errors.Join(dir.SavePort(4001), dir.SavePeers(nil), dir.SaveQuota(1<<30)); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"port", "peers", "quota"} {
		path := filepath.Join(dir.Path(), name)
		b, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		b[len(b)/2] ^= 1
		if err := os.WriteFile(path, b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	d := &daemon{cfg: daemonConfig{dir: dir}, log: slog.New(slog.DiscardHandler)}
	cfg, err := d.nodeConfig(ed25519.NewKeyFromSeed(make([]byte, ed25519.SeedSize)))
	if err != nil || len(cfg.Listen) == 0 || len(cfg.Seeds) != 0 {
		t.Errorf("%v %v %v", cfg.Listen, cfg.Seeds, err)
	}
	if _, err := d.quota(); !errors.Is(err, datadir.ErrSealed) || !strings.Contains(err.Error(), "--store-size") {
		t.Errorf("the quota: %v", err)
	}
}
