package datadir

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"nightjar/routing/wire"
)

func mustRead(t *testing.T, path string) []byte {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// fill writes every private file and returns pieces of what is in them.
func fill(t *testing.T, d Dir) (needles []string) {
	t.Helper()
	key, err := d.Identity()
	if err != nil {
		t.Fatal(err)
	}
	peer := descriptor(t, "tcp/192.0.2.77:4711")
	err = errors.Join(d.SavePort(12345), d.SaveQuota(987654321), d.SavePeers([]wire.Descriptor{peer}), d.SaveCircuits([]byte("the guards")), d.SaveDescriptor([]byte("what was said")))
	if err != nil {
		t.Fatal(err)
	}
	seed := key.Seed()
	return []string{string(seed[:8]), identityStart[:8], "12345", "987654321", peer.Ref()[:24], "192.0.2.77", "the guards", "what was said"}
}

// Invariant 4.
func TestPrivateFilesAreSealed(t *testing.T) {
	d := create(t).WithKey([32]byte{1})
	needles := fill(t, d)
	for _, name := range private() {
		b := mustRead(t, filepath.Join(d.Path(), name))
		for _, n := range needles {
			if bytes.Contains(b, []byte(n)) {
				t.Errorf("%s has %q", name, n)
			}
		}
		if !bytes.HasPrefix(b, []byte(sealedMagic)) {
			t.Errorf("%s is not sealed", name)
		}
		wantMode(t, filepath.Join(d.Path(), name), 0o600)
	}
	for name, other := range map[string]Dir{"no key": At(d.Path()), "another key": At(d.Path()).WithKey([32]byte{2})} {
		if _, err := other.Identity(); !errors.Is(err, ErrIdentity) || !errors.Is(err, ErrSealed) {
			t.Errorf("%s, identity: %v", name, err)
		}
		if _, err := other.Circuits(); !errors.Is(err, ErrSealed) {
			t.Errorf("%s, circuits: %v", name, err)
		}
		if _, err := other.Peers(); !errors.Is(err, ErrSealed) {
			t.Errorf("%s, peers: %v", name, err)
		}
		if b := other.Descriptor(); b != nil {
			t.Errorf("%s, descriptor: %q", name, b)
		}
	}
	if b, err := d.Circuits(); string(b) != "the guards" || err != nil {
		t.Errorf("%q, %v", b, err)
	}
	// One file is not another.
	if err := os.Rename(filepath.Join(d.Path(), circuitsFile), filepath.Join(d.Path(), saidFile)); err != nil {
		t.Fatal(err)
	}
	if b := d.Descriptor(); b != nil {
		t.Errorf("circuits are taken for a descriptor: %q", b)
	}
	d.Forget()
	if _, err := d.Identity(); !errors.Is(err, ErrSealed) {
		t.Errorf("after Forget: %v", err)
	}
}

// TestFilesOfEarlierVersionsAreSealed: what they held is overwritten, and what they say stays.
func TestFilesOfEarlierVersionsAreSealed(t *testing.T) {
	plain := create(t)
	needles := fill(t, plain)
	before, err := plain.Identity()
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range private() {
		if err := os.Link(filepath.Join(plain.Path(), name), filepath.Join(plain.Path(), name+".link")); err != nil {
			t.Fatal(err)
		}
	}
	d := plain.WithKey([32]byte{1})
	if got, err := d.Identity(); !got.Equal(before) || err != nil {
		t.Errorf("a plain file with a key: %v", err)
	}
	for range 2 { // the second time there is nothing to do
		if err := d.SealFiles(); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range private() {
		for _, file := range []string{name, name + ".link"} {
			b := mustRead(t, filepath.Join(d.Path(), file))
			for _, n := range needles {
				if bytes.Contains(b, []byte(n)) {
					t.Errorf("%s has %q", file, n)
				}
			}
		}
	}
	if got, err := d.Identity(); !got.Equal(before) || err != nil {
		t.Errorf("another identity, %v", err)
	}
	if port, err := d.Port(); port != 12345 || err != nil {
		t.Errorf("port %d, %v", port, err)
	}
	if peers, err := d.Peers(); len(peers) != 1 || err != nil {
		t.Errorf("%d peers, %v", len(peers), err)
	}
	if b, err := d.Circuits(); string(b) != "the guards" || err != nil {
		t.Errorf("%q, %v", b, err)
	}
	if err := plain.SealFiles(); err == nil {
		t.Error("sealed without a key")
	}
}

// TestSealingHidesNoCopy: an identity that others could read is refused as before.
func TestSealingHidesNoCopy(t *testing.T) {
	d := create(t)
	if err := os.WriteFile(filepath.Join(d.Path(), identityFile), []byte(identityStart+strings.Repeat("A", 43)), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := d.WithKey([32]byte{1}).SealFiles(); !errors.Is(err, ErrIdentity) {
		t.Errorf("%v", err)
	}
}

func TestDamagedSealedFiles(t *testing.T) {
	d := create(t).WithKey([32]byte{1})
	if err := d.SaveCircuits([]byte("x")); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(d.Path(), circuitsFile)
	good := mustRead(t, path)
	for n := 8; n <= len(good)+1; n += 37 {
		bad := append(bytes.Clone(good), 0)[:n]
		if n > len(sealedMagic) {
			bad[n-1] ^= 1
		}
		if err := os.WriteFile(path, bad, 0o600); err != nil {
			t.Fatal(err)
		}
		if b, err := d.Circuits(); !errors.Is(err, ErrSealed) {
			t.Errorf("%d bytes: %q, %v", n, b, err)
		}
	}
}

func TestSizesTellLittle(t *testing.T) {
	sizes := map[int]bool{}
	for n := range 300_000 {
		c := class(n)
		if c < n || n > minClass && c > n+n/8+minClass/8 {
			t.Fatalf("%d bytes become %d", n, c)
		}
		sizes[c] = true
	}
	if len(sizes) > 90 {
		t.Errorf("%d sizes", len(sizes))
	}
}

func TestFilesTellTheDay(t *testing.T) {
	d := create(t)
	fill(t, d)
	if _, err := d.NewToken(); err != nil {
		t.Fatal(err)
	}
	for _, name := range append(private(), tokenFile) {
		st, err := os.Stat(filepath.Join(d.Path(), name))
		if err != nil || !st.ModTime().Equal(st.ModTime().Truncate(24*time.Hour)) {
			t.Errorf("%s: %v, %v", name, st.ModTime(), err)
		}
	}
}
