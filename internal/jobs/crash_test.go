//go:build unix

package jobs

import (
	"bufio"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"nightjar/internal/content"
	"nightjar/keys"
	"nightjar/store/vault"
)

// childVar makes a process of this test binary run the queue of a directory, until it is killed or all jobs are final.
const childVar = "JOBS_TEST_CHILD"

func TestMain(m *testing.M) {
	if dir := os.Getenv(childVar); dir != "" {
		if err := runChild(dir); err != nil {
			fmt.Println("failed:", err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// crashWindow is small beside the blocks of crashFile, as a node's window is beside those of a film.
const (
	crashWindow = 2
	crashFile   = 20 << 20 // more than a checkpoint
)

// filed is a network whose blocks are files, and which says on standard output what it is asked for before it answers.
type filed struct{ dir string }

func (n filed) path(id keys.ID) string {
	return filepath.Join(n.dir, hex.EncodeToString(id.Append(nil)))
}

func (n filed) FetchAt(ctx context.Context, id keys.ID, _ uint8) (keys.Block, error) {
	return n.Fetch(ctx, id, true)
}

func (n filed) Fetch(_ context.Context, id keys.ID, _ bool) (keys.Block, error) {
	fmt.Println("get", hex.EncodeToString(id.Append(nil)))
	b, err := os.ReadFile(n.path(id))
	if errors.Is(err, fs.ErrNotExist) {
		return keys.Block{}, content.ErrNotFound
	}
	if err != nil {
		return keys.Block{}, err
	}
	return keys.Verify(id, b)
}

func (n filed) Insert(_ context.Context, b keys.Block, _ bool) error {
	fmt.Println("put", hex.EncodeToString(b.ID().Append(nil)))
	return os.WriteFile(n.path(b.ID()), b.Data(), 0o600)
}

func (filed) Expect(uint64)   {}
func (filed) Obstacle() error { return nil }
func (filed) Close()          {}

func crashManager(dir string) (*Manager, *vault.Vault, error) {
	v, err := vault.Open(filepath.Join(dir, "vault"), [32]byte{1})
	if err != nil {
		return nil, nil, err
	}
	m := New(Config{
		Network: func() Network { return filed{filepath.Join(dir, "net")} },
		Vault:   v, Dir: filepath.Join(dir, "jobs"), Window: crashWindow,
	})
	if damaged, err := m.Start(); err != nil || damaged > 0 {
		return nil, nil, fmt.Errorf("%d damaged, %w", damaged, err)
	}
	if v.Lost() {
		return nil, nil, errors.New("records were lost")
	}
	return m, v, nil
}

func runChild(dir string) error {
	m, v, err := crashManager(dir)
	if err != nil {
		return err
	}
	for _, j := range m.all() {
		<-j.Ended()
	}
	m.Close()
	return v.Close()
}

// untilDone runs children, kills ten of them at some moment, and returns how often which block was asked for or inserted.
func untilDone(t *testing.T, dir string, rnd *rand.Rand, about int) map[string]int {
	t.Helper()
	times := map[string]int{}
	for kills := 0; ; kills++ {
		cmd := exec.Command(os.Args[0])
		cmd.Env = append(os.Environ(), childVar+"="+dir)
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		lines := bufio.NewScanner(out)
		left := -1
		if kills < 10 {
			left = 1 + rnd.IntN(about/10)
		}
		for lines.Scan() {
			times[lines.Text()]++
			if left--; left == 0 {
				if err := cmd.Process.Kill(); err != nil {
					t.Fatal(err)
				}
			}
		}
		if cmd.Wait() == nil {
			t.Logf("%d processes were killed", kills)
			return times
		}
		if left < 0 && kills >= 10 {
			t.Fatal("a child failed that was not killed")
		}
	}
}

// wantFew holds invariant 9: ≤ 5 % of the blocks went twice.
func wantFew(t *testing.T, what string, times map[string]int) {
	t.Helper()
	twice := 0
	for line, n := range times {
		if len(line) < 70 {
			t.Fatal(line)
		}
		twice += n - 1
	}
	t.Logf("%s: %d of %d blocks twice", what, twice, len(times))
	if twice*20 > len(times) {
		t.Errorf("%s: %d of %d blocks went twice", what, twice, len(times))
	}
}

// TestKill kills the process that runs a put, and then one that runs a get, ten times each; nothing is lost, and little is done twice.
func TestKill(t *testing.T) {
	t.Parallel()
	rnd := rand.New(rand.NewPCG(5, uint64(os.Getpid())))
	dir, files := t.TempDir(), t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "net"), 0o700); err != nil {
		t.Fatal(err)
	}
	want := noise(7, crashFile)
	in := write(t, filepath.Join(files, "in"), want)
	out := filepath.Join(files, "out")

	put := crashQueue(t, dir, PutSpec{Path: in, EarlyURI: true})
	times := untilDone(t, dir, rnd, 2*crashFile/keys.DataSize)
	wantFew(t, "put", times)
	uri := crashResult(t, dir, put).URI

	get := crashQueue(t, dir, GetSpec{URI: uri, Path: out})
	times = untilDone(t, dir, rnd, crashFile/keys.DataSize)
	wantFew(t, "get", times)
	if n := crashFile / keys.DataSize; len(times) > n+n/8 {
		t.Errorf("get: %d blocks were asked for, and %d are needed", len(times), n)
	}
	crashResult(t, dir, get)
	wantFile(t, out, want)
	wantNames(t, files, "in", "out")
	wantNames(t, filepath.Join(dir, "jobs"))
}

// crashQueue makes a job that waits for the children.
func crashQueue(t *testing.T, dir string, spec Spec) ID {
	t.Helper()
	m, v, err := crashManager(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer v.Close()
	defer m.Close()
	j, err := m.Queue(spec)
	if err != nil {
		t.Fatal(err)
	}
	return j.ID()
}

func crashResult(t *testing.T, dir string, id ID) Snapshot {
	t.Helper()
	m, v, err := crashManager(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer v.Close()
	defer m.Close()
	j, err := m.Job(id)
	if err != nil {
		t.Fatal("the job has disappeared:", err)
	}
	s := j.Snapshot()
	if s.State != Done {
		t.Fatalf("the job is %s (%v)", s.State, s.Err)
	}
	return s
}
