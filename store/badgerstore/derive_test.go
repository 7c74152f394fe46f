package badgerstore

import (
	"testing"
)

func TestDerivedKeys(t *testing.T) {
	dir := t.TempDir()
	s := mustOpen(t, Config{Dir: dir, Quota: 16 << 20})
	vault, err := s.Derive("vault")
	if err != nil {
		t.Fatal(err)
	}
	other, err := s.Derive("other")
	if err != nil || other == vault {
		t.Errorf("two names give one key, %v", err)
	}
	if k, err := readKeyFile(s.cfg.Dir, fileKey); err != nil || [32]byte(k[offKey:]) == vault {
		t.Errorf("the store key itself was given away, %v", err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	again, err := mustOpen(t, Config{Dir: dir, Quota: 16 << 20}).Derive("vault")
	if err != nil || again != vault {
		t.Errorf("another key after opening again, %v", err)
	}
	if foreign, err := mustOpen(t, Config{Dir: t.TempDir(), Quota: 16 << 20}).Derive("vault"); err != nil || foreign == vault {
		t.Errorf("two stores give one key, %v", err)
	}
}
