package datadir

import (
	"crypto/ed25519"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"nightjar/routing/wire"
)

func create(t *testing.T) Dir {
	t.Helper()
	d, err := Create(filepath.Join(t.TempDir(), "new", "data"))
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func wantMode(t *testing.T, path string, mode os.FileMode) {
	t.Helper()
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if got := info.Mode().Perm(); got != mode {
		t.Errorf("%s has mode %o, want %o", filepath.Base(path), got, mode)
	}
}

func wantFiles(t *testing.T, d Dir, want ...string) {
	t.Helper()
	entries, err := os.ReadDir(d.Path())
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, e := range entries {
		got = append(got, e.Name())
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("files: %s", diff)
	}
}

func TestIdentityStays(t *testing.T) {
	d := create(t)
	wantMode(t, d.Path(), 0o700)
	first, err := d.Identity()
	if err != nil {
		t.Fatal(err)
	}
	wantMode(t, filepath.Join(d.Path(), identityFile), 0o600)
	second, err := d.Identity()
	if err != nil || !first.Equal(second) {
		t.Errorf("the identity changed (%v)", err)
	}
	other, err := create(t).Identity()
	if err != nil || first.Equal(other) {
		t.Errorf("two nodes share an identity (%v)", err)
	}
	wantFiles(t, d, identityFile)
}

// Invariant 3.
func TestFirstStartsAtOnceAgree(t *testing.T) {
	d := create(t)
	found := make([]ed25519.PrivateKey, 8)
	var wg sync.WaitGroup
	for i := range found {
		wg.Go(func() {
			key, err := d.Identity()
			if err != nil {
				t.Error(err)
			}
			found[i] = key
		})
	}
	wg.Wait()
	for _, key := range found {
		if !key.Equal(found[0]) {
			t.Fatal("two first starts have two identities")
		}
	}
	wantFiles(t, d, identityFile)
}

func TestBadIdentityIsRefused(t *testing.T) {
	good := identityStart + strings.Repeat("A", 43)
	for name, c := range map[string]struct {
		text string
		mode os.FileMode
	}{
		"readable":     {good, 0o644},
		"group":        {good, 0o640},
		"empty":        {"", 0o600},
		"short":        {good[:len(good)-4], 0o600},
		"long":         {good + "AAAA", 0o600},
		"loose bits":   {good[:len(good)-1] + "B", 0o600},
		"other format": {"nightjar-identity-2:" + strings.Repeat("A", 43), 0o600},
		"huge":         {strings.Repeat("A", maxFile+1), 0o600},
	} {
		t.Run(name, func(t *testing.T) {
			d := create(t)
			path := filepath.Join(d.Path(), identityFile)
			if err := os.WriteFile(path, []byte(c.text), c.mode); err != nil {
				t.Fatal(err)
			}
			if _, err := d.Identity(); err == nil || name != "huge" && !errors.Is(err, ErrIdentity) {
				t.Errorf("Identity: %v", err)
			}
			if b, err := os.ReadFile(path); err != nil || string(b) != c.text {
				t.Error("the file was touched")
			}
		})
	}
}

func TestPort(t *testing.T) {
	d := create(t)
	if _, err := d.Port(); !errors.Is(err, ErrAbsent) {
		t.Errorf("before the first start: %v", err)
	}
	if err := d.SavePort(4001); err != nil {
		t.Fatal(err)
	}
	if port, err := d.Port(); err != nil || port != 4001 {
		t.Errorf("Port: %d, %v", port, err)
	}
	for _, text := range []string{"", "0", "65536", "-1", "x"} {
		if err := os.WriteFile(filepath.Join(d.Path(), portFile), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := d.Port(); err == nil {
			t.Errorf("accepted %q", text)
		}
	}
}

func TestQuota(t *testing.T) {
	d := create(t)
	if _, err := d.Quota(); !errors.Is(err, ErrAbsent) {
		t.Errorf("before somebody said it: %v", err)
	}
	for _, quota := range []int64{1 << 40, 5} {
		if err := d.SaveQuota(quota); err != nil {
			t.Fatal(err)
		}
		if got, err := d.Quota(); err != nil || got != quota {
			t.Errorf("%d became %d, %v", quota, got, err)
		}
	}
	for _, text := range []string{"", "0", "-1", "x", "9223372036854775808"} {
		if err := os.WriteFile(filepath.Join(d.Path(), quotaFile), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := d.Quota(); err == nil {
			t.Errorf("accepted %q", text)
		}
	}
}

func descriptor(t *testing.T, addr wire.Addr) wire.Descriptor {
	t.Helper()
	key, err := create(t).Identity()
	if err != nil {
		t.Fatal(err)
	}
	desc, err := wire.NewDescriptor(key, 3600, [32]byte{}, []wire.Addr{addr})
	if err != nil {
		t.Fatal(err)
	}
	return desc
}

// Invariant 5.
func TestPeersSurviveDamage(t *testing.T) {
	d := create(t)
	if peers, err := d.Peers(); err != nil || peers != nil {
		t.Errorf("without a file: %v, %v", peers, err)
	}
	a, b := descriptor(t, "tcp/127.0.0.1:1"), descriptor(t, "tcp/127.0.0.1:2")
	if err := d.SavePeers([]wire.Descriptor{a, b}); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(d.Path(), peersFile)
	wantMode(t, path, 0o600)
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	damaged := "# ours\n\nrubbish\n" + string(text[:20]) + "\n" + string(text)
	if err := os.WriteFile(path, []byte(damaged), 0o600); err != nil {
		t.Fatal(err)
	}
	peers, err := d.Peers()
	if err != nil || len(peers) != 2 || peers[0].Ref() != a.Ref() || peers[1].Ref() != b.Ref() {
		t.Errorf("Peers: %d of them, %v", len(peers), err)
	}
	if _, bad := ParseRefs(damaged); bad != 2 {
		t.Errorf("%d bad lines, want 2", bad)
	}
}

func TestPeersAreBounded(t *testing.T) {
	a := descriptor(t, "tcp/127.0.0.1:1")
	d := create(t)
	many := make([]wire.Descriptor, maxPeers+1)
	for i := range many {
		many[i] = a
	}
	if err := d.SavePeers(many); err != nil {
		t.Fatal(err)
	}
	if peers, err := d.Peers(); err != nil || len(peers) != maxPeers {
		t.Errorf("%d peers, %v", len(peers), err)
	}
	if peers, _ := ParseRefs(strings.Repeat(a.Ref()+"\n", maxPeers+1)); len(peers) != maxPeers {
		t.Errorf("ParseRefs gave %d", len(peers))
	}
}

func TestEndpointAndToken(t *testing.T) {
	d := create(t)
	if _, err := d.Endpoint(); !errors.Is(err, ErrAbsent) {
		t.Errorf("no node: %v", err)
	}
	token, err := d.NewToken()
	if err != nil || len(token) != 2*tokenSize {
		t.Fatalf("token of %d characters, %v", len(token), err)
	}
	wantMode(t, filepath.Join(d.Path(), tokenFile), 0o600)
	if got, err := d.Token(); err != nil || got != token {
		t.Errorf("Token: %v", err)
	}
	want := Endpoint{PID: 7, API: "http://127.0.0.1:1/api/v1", FProxy: "http://127.0.0.1:1"}
	if err := d.Announce(want); err != nil {
		t.Fatal(err)
	}
	if got, err := d.Endpoint(); err != nil || got != want {
		t.Errorf("Endpoint: %+v, %v", got, err)
	}
	if err := d.Withdraw(); err != nil {
		t.Fatal(err)
	}
	wantFiles(t, d)
	if err := d.Withdraw(); err != nil {
		t.Errorf("a second time: %v", err)
	}
	if again, err := d.NewToken(); err != nil || again == token {
		t.Errorf("the token did not change (%v)", err)
	}
}

// Invariant 2: a writer that fails leaves the old file, and nothing beside it.
func TestFailedWriteLeavesTheOldFile(t *testing.T) {
	d := create(t)
	if err := d.SavePort(1); err != nil {
		t.Fatal(err)
	}
	broken := errors.New("power failure")
	err := d.place(portFile, []byte("2"), func(_, _ string) error { return broken })
	if !errors.Is(err, broken) {
		t.Errorf("place: %v", err)
	}
	if port, err := d.Port(); err != nil || port != 1 {
		t.Errorf("Port: %d, %v", port, err)
	}
	wantFiles(t, d, portFile)
}

func TestCircuits(t *testing.T) {
	d := create(t)
	if b, err := d.Circuits(); b != nil || err != nil {
		t.Errorf("before the first: %q, %v", b, err)
	}
	for _, want := range []string{"first", "second"} {
		if err := d.SaveCircuits([]byte(want)); err != nil {
			t.Fatal(err)
		}
		if got, err := d.Circuits(); string(got) != want || err != nil {
			t.Errorf("%q, %v, want %q", got, err, want)
		}
	}
	wantFiles(t, d, circuitsFile)
	wantMode(t, filepath.Join(d.Path(), circuitsFile), 0o600)
	name, err := d.SetAsideCircuits()
	if err != nil || filepath.Dir(name) != d.Path() {
		t.Errorf("set aside as %s, %v", name, err)
	}
	if b, err := d.Circuits(); b != nil || err != nil {
		t.Errorf("set aside, but still there: %q, %v", b, err)
	}
	if b, err := os.ReadFile(name); string(b) != "second" || err != nil {
		t.Errorf("%s holds %q, %v", name, b, err)
	}
	if err := d.SaveCircuits([]byte("third")); err != nil {
		t.Fatal(err)
	}
	if again, err := d.SetAsideCircuits(); err != nil || again == name {
		t.Errorf("a second one set aside as %s, %v", again, err)
	}
	if b, err := os.ReadFile(name); string(b) != "second" || err != nil {
		t.Errorf("a second one has overwritten the first: %q, %v", b, err)
	}
	if err := os.Truncate(name, sealedMore(maxCircuits)+1); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(name, filepath.Join(d.Path(), circuitsFile)); err != nil {
		t.Fatal(err)
	}
	if _, err := d.Circuits(); err == nil {
		t.Error("a file of any size is read")
	}
}

func TestDescriptor(t *testing.T) {
	d := create(t)
	if b := d.Descriptor(); b != nil {
		t.Errorf("before the first: %q", b)
	}
	for _, want := range []string{"first", "second"} {
		if err := d.SaveDescriptor([]byte(want)); err != nil {
			t.Fatal(err)
		}
		if got := d.Descriptor(); string(got) != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
	wantMode(t, filepath.Join(d.Path(), saidFile), 0o600)
}
