package jobs

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"nightjar/crypto"
	"nightjar/keys"
	"nightjar/store/vault"
)

// rig is a manager with a queue in a directory, and what it needs to be started again.
type rig struct {
	t     *testing.T
	dir   string
	net   *network
	vault *vault.Vault
	*Manager
}

func newRig(t *testing.T, cfg Config) *rig {
	t.Helper()
	r := &rig{t: t, dir: t.TempDir(), net: newNetwork()}
	r.start(cfg)
	return r
}

func (r *rig) start(cfg Config) {
	r.t.Helper()
	v, err := vault.Open(filepath.Join(r.dir, "vault"), [32]byte{1})
	if err != nil {
		r.t.Fatal(err)
	}
	if cfg.Network == nil {
		cfg.Network = r.net.each
	}
	cfg.Vault, cfg.Dir = v, filepath.Join(r.dir, "jobs")
	r.vault, r.Manager = v, New(cfg)
	if damaged, err := r.Start(); err != nil || damaged > 0 {
		r.t.Fatalf("%d damaged, %v", damaged, err)
	}
	r.t.Cleanup(r.end)
}

func (r *rig) end() {
	r.Close()
	r.vault.Close()
}

// restart is a stop in peace, and a start.
func (r *rig) restart(cfg Config) {
	r.t.Helper()
	r.end()
	r.start(cfg)
}

func (r *rig) queue(spec Spec) *Job {
	r.t.Helper()
	j, err := r.Queue(spec)
	if err != nil {
		r.t.Fatal(err)
	}
	return j
}

// until waits for a job to be as it should.
func until(t *testing.T, j *Job, what string, ok func(Snapshot) bool) Snapshot {
	t.Helper()
	for {
		s, changed := j.Watch()
		if ok(s) {
			return s
		}
		if s.State.Final() {
			t.Fatalf("the job is %s (%v) instead of %s", s.State, s.Err, what)
		}
		select {
		case <-changed:
		case <-t.Context().Done():
			t.Fatalf("the job is %s (%v) instead of %s", s.State, s.Err, what)
		}
	}
}

func untilState(t *testing.T, j *Job, want State) Snapshot {
	t.Helper()
	return until(t, j, string(want), func(s Snapshot) bool { return s.State == want })
}

// noise does not compress.
func noise(seed byte, n int) []byte {
	b := make([]byte, n)
	rand.NewChaCha8([32]byte{seed}).Read(b)
	return b
}

func write(t *testing.T, path string, b []byte) string {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, b, 0o666); err != nil {
		t.Fatal(err)
	}
	return path
}

func wantFile(t *testing.T, path string, want []byte) {
	t.Helper()
	if got, err := os.ReadFile(path); err != nil || !bytes.Equal(got, want) {
		t.Errorf("%s: %d bytes instead of %d, or other ones: %v", filepath.Base(path), len(got), len(want), err)
	}
}

// wantNames compares the files of a directory, hidden ones included.
func wantNames(t *testing.T, dir string, want ...string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, e := range entries {
		got = append(got, e.Name())
	}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("%s holds %q, want %q", filepath.Base(dir), got, want)
	}
}

func keyOf(n byte) *crypto.Key { return &crypto.Key{n} }

func block(n byte) keys.Block {
	b := make([]byte, keys.DataSize)
	b[0] = n
	return keys.SealData(b, keyOf(n))
}

func flip(t *testing.T, path string, at int) {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	b[at] ^= 1
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
}

func cutFile(t *testing.T, path string, size int64) {
	t.Helper()
	if err := os.Truncate(path, size); err != nil {
		t.Fatal(err)
	}
}
