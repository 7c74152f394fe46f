//go:build unix

package vault

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// The part that a process of this test binary plays, and its vault.
const (
	childVar = "VAULT_TEST_CHILD"
	childDir = "VAULT_TEST_DIR"
)

func TestMain(m *testing.M) {
	if seed := os.Getenv(childVar); seed != "" {
		if err := childPut(os.Getenv(childDir), seed); err != nil {
			fmt.Println("failed:", err)
		}
		os.Exit(1)
	}
	os.Exit(m.Run())
}

// sizeOf makes most records small, some large.
func sizeOf(n int) int {
	if n%9 == 8 {
		return 100_000 + n
	}
	return 10 * n % 3000
}

// childPut replaces ten records again and again, says each time which version was accepted, and ends by being killed.
func childPut(dir, seed string) error {
	v, err := Open(dir, testKey)
	if err != nil {
		return err
	}
	if v.Lost() {
		return errors.New("records were lost")
	}
	first, err := strconv.Atoi(seed)
	if err != nil {
		return err
	}
	for n := first; ; n++ {
		id := strconv.Itoa(n % 10)
		if err := v.Put("s", []byte(id), valueOf(id, n, sizeOf(n))); err != nil {
			return err
		}
		fmt.Println(n)
	}
}

// TestKill holds invariant 1: a process is killed at some moment, and every record is the one that it said was accepted last, or the one
// that was on its way.
func TestKill(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	rnd := rand.New(rand.NewPCG(1, uint64(os.Getpid())))
	last := 0
	for round := range 6 {
		cmd := exec.Command(os.Args[0])
		cmd.Env = append(os.Environ(), childVar+"="+strconv.Itoa(last+1), childDir+"="+dir)
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		lines := bufio.NewScanner(out)
		for left := rnd.IntN(40) * min(round, 1); left > 0 && lines.Scan(); left-- {
			last = number(t, lines.Text())
		}
		if err := cmd.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		for lines.Scan() { // what it said before it died
			last = number(t, lines.Text())
		}
		cmd.Wait()

		v := mustOpen(t, dir)
		if v.Lost() {
			t.Fatalf("round %d: records were lost", round)
		}
		for n := max(1, last-8); n <= last; n++ { // last+1 may have replaced last-9
			id := strconv.Itoa(n % 10)
			got, err := v.Get("s", []byte(id))
			if err != nil || !bytes.Equal(got, valueOf(id, n, sizeOf(n))) {
				t.Fatalf("round %d: version %d of record %s: %v", round, n, id, err)
			}
		}
		if err := v.Close(); err != nil {
			t.Fatal(err)
		}
	}
	t.Logf("%d records were accepted", last)
	if last < 20 {
		t.Error("the child hardly wrote")
	}
}

func number(t *testing.T, line string) int {
	t.Helper()
	n, err := strconv.Atoi(line)
	if err != nil {
		t.Fatal(line)
	}
	return n
}

// agedVault is a directory with every kind of file: tables on both levels and a log as a killed process leaves it.
func agedVault(t *testing.T) (dir string, want map[string][]byte) {
	t.Helper()
	dir = t.TempDir()
	want = map[string][]byte{}
	for round := range 3 {
		v := mustOpen(t, dir)
		for i := range 10 {
			id := fmt.Sprint(round, "-", i)
			want[id] = valueOf(id, 0, 100*i)
			if i == 9 {
				want[id] = valueOf(id, 0, 80_000)
			}
			if err := v.Put("s", []byte(id), want[id]); err != nil {
				t.Fatal(err)
			}
		}
		if round == 1 {
			if err := v.db.Flatten(1); err != nil {
				t.Fatal(err)
			}
		}
		if round < 2 {
			if err := v.Close(); err != nil {
				t.Fatal(err)
			}
			continue
		}
		copied := t.TempDir() // as it is while the vault is open: the log is not flushed
		if err := os.CopyFS(copied, os.DirFS(dir)); err != nil {
			t.Fatal(err)
		}
		dir = copied
	}
	return dir, want
}

// survey opens a damaged vault: no other bytes are served, what is missing is noticed, and it can be written to.
func surveyDamage(t *testing.T, dir, what string, want map[string][]byte) (opened bool, served int) {
	t.Helper()
	v, err := Open(dir, testKey)
	if err != nil {
		another := errors.Is(err, ErrVersion) && strings.HasSuffix(what, "of "+fileVersion) // a bit makes one digit another
		if !errors.Is(err, ErrDamaged) && !another {
			t.Errorf("%s: Open: %v", what, err)
		}
		return false, 0
	}
	defer v.Close()
	for id, value := range want {
		got, err := v.Get("s", []byte(id))
		switch {
		case err == nil && bytes.Equal(got, value):
			served++
		case err == nil:
			t.Errorf("%s: other bytes are served", what)
		case !errors.Is(err, ErrNotFound) && !errors.Is(err, ErrDamaged):
			t.Errorf("%s: Get: %v", what, err)
		}
	}
	each := 0
	eachErr := v.Each("s", func(_, _ []byte) error { each++; return nil })
	if eachErr != nil && !errors.Is(eachErr, ErrDamaged) || each > len(want) || each < served {
		t.Errorf("%s: Each gave %d of %d records: %v", what, each, len(want), eachErr)
	}
	if served < len(want) && !v.Lost() && eachErr == nil {
		t.Errorf("%s: %d of %d records are gone, and nobody noticed", what, len(want)-served, len(want))
	}
	for _, id := range []string{"2-8", "2-9"} { // an old one, or one that is gone
		if err := v.Put("s", []byte(id), want[id]); err != nil {
			t.Errorf("%s: healing: %v", what, err)
			return true, served
		}
	}
	if err := v.Close(); err != nil {
		t.Errorf("%s: Close: %v", what, err)
	}
	if v, err = Open(dir, testKey); err != nil || v.Lost() {
		t.Errorf("%s: after healing: %v", what, err)
		return true, served
	}
	return true, served
}

func filesOf(t *testing.T, dir string) (paths []string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || d.Name() == fileReserve {
			return err
		}
		info, err := d.Info()
		if err == nil && info.Size() > 0 {
			paths = append(paths, path)
		}
		return err
	})
	if err != nil || len(paths) < 6 {
		t.Fatalf("only %d files: %v", len(paths), err)
	}
	return paths
}

func cloned(t *testing.T, dir string) string {
	t.Helper()
	to := t.TempDir()
	if err := os.CopyFS(to, os.DirFS(dir)); err != nil {
		t.Fatal(err)
	}
	return to
}

// Invariants 2 and 4: a bit of every file is flipped, in turn at both ends of what it uses and anywhere.
func TestFlippedBits(t *testing.T) {
	t.Parallel()
	base, want := agedVault(t)
	rnd := rand.New(rand.NewPCG(2, uint64(os.Getpid())))
	for i := range filesOf(t, base) {
		for kind := range 3 {
			dir := cloned(t, base)
			path := filesOf(t, dir)[i]
			b, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			used := max(1, len(bytes.TrimRight(b, "\x00")))
			at := []int{0, used - 1, rnd.IntN(used)}[kind]
			b[at] ^= 1 << rnd.IntN(8)
			if err := os.WriteFile(path, b, 0o600); err != nil {
				t.Fatal(err)
			}
			opened, served := surveyDamage(t, dir, fmt.Sprintf("byte %d of %s", at, filepath.Base(path)), want)
			t.Logf("%s: opened %v, %d of %d", filepath.Base(path), opened, served, len(want))
		}
	}
}

// TestTruncated cuts every file short, and removes it.
func TestTruncated(t *testing.T) {
	t.Parallel()
	base, want := agedVault(t)
	rnd := rand.New(rand.NewPCG(3, uint64(os.Getpid())))
	for i := range filesOf(t, base) {
		for kind := range 3 {
			dir := cloned(t, base)
			path := filesOf(t, dir)[i]
			st, err := os.Stat(path)
			if err != nil {
				t.Fatal(err)
			}
			switch kind {
			case 0:
				err = os.Remove(path)
			case 1:
				err = os.Truncate(path, 0)
			case 2:
				err = os.Truncate(path, rnd.Int64N(st.Size()))
			}
			if err != nil {
				t.Fatal(err)
			}
			opened, served := surveyDamage(t, dir, fmt.Sprintf("%s cut in manner %d", filepath.Base(path), kind), want)
			t.Logf("%s, %d: opened %v, %d of %d", filepath.Base(path), kind, opened, served, len(want))
		}
	}
}

// A damaged vault is kept, and another one takes its place.
func TestSetAside(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "vault")
	for n := range 2 {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, fileVersion), []byte("garbage"), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := Open(dir, testKey); !errors.Is(err, ErrDamaged) {
			t.Fatalf("Open: %v", err)
		}
		aside, err := SetAside(dir, time.Date(2026, 11, 24, 1, 2, 3, 0, time.UTC))
		if want := fmt.Sprint("vault.damaged-2026-11-24-", n+1); err != nil || filepath.Base(aside) != want {
			t.Fatalf("it is %s, %v", aside, err)
		}
		if b, err := os.ReadFile(filepath.Join(aside, fileVersion)); err != nil || string(b) != "garbage" {
			t.Errorf("what was set aside changed: %q, %v", b, err)
		}
	}
	if v := mustOpen(t, dir); v.Lost() {
		t.Error("the new one has lost something")
	}
}
