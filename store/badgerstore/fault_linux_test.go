package badgerstore

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// patience is how long a run may take, traced and on a busy machine; it takes a second.
const patience = time.Minute

// straceVar says that strace must be there and must work: the checks of a change set it. Else tests that need it are skipped where it does not.
const straceVar = "NIGHTJAR_STRACE"

// tracing returns the path of strace, if it may trace here.
func tracing(t *testing.T) string {
	t.Helper()
	path, err := exec.LookPath("strace")
	if err == nil {
		var out []byte
		if out, err = exec.Command(path, "-f", "-o", os.DevNull, "-e", "trace=fsync", "-e", "inject=fsync:error=EIO", "true").CombinedOutput(); err != nil {
			err = fmt.Errorf("%w: %s", err, out)
		}
	}
	switch {
	case err == nil:
		return path
	case os.Getenv(straceVar) != "":
		t.Fatalf("strace is required here: %v", err)
	}
	t.Skipf("system calls can be made to fail only under strace, which does not work here: %v", err)
	return ""
}

// fault is what a system call does from some call on.
type fault struct {
	call string // of the kernel
	does string // as strace says it: error=…, retval=… (nothing is done, and that is returned), delay_exit=…
	file string // the call is on this file of the store only
	last int    // the last call that may be the first to fail
}

// faults are the ways in which a disk fails that a program can be told of. What a full disk does to memory maps cannot be: space_test.go.
func faults() []fault {
	var all []fault
	for _, errno := range []string{"error=EIO", "error=ENOSPC"} {
		for call, last := range map[string]int{"fsync": 20, "msync": 30, "ftruncate": 25, "renameat": 5, "unlinkat": 6, "openat": 60} {
			all = append(all, fault{call, errno, "", last})
		}
		all = append(all,
			fault{"write", errno, "blocks/MANIFEST", 3},
			fault{"pwrite64", errno, "", 2},
			fault{"mmap", "error=ENOMEM", "blocks/000002.vlog", 1},
		)
	}
	return append(all,
		fault{"openat", "error=EROFS", "", 60}, fault{"ftruncate", "error=EROFS", "", 25}, fault{"openat", "error=EMFILE", "", 60},
		fault{"pread64", "error=EIO", "", 40}, fault{"getdents64", "error=EIO", "", 20}, fault{"fsync", "error=EDQUOT", "", 20},
		fault{"write", "retval=3", "blocks/MANIFEST", 2}, fault{"write", "retval=1", "blocks/MANIFEST", 4}, // said to be short, and lost
		fault{"fsync", "delay_exit=30000", "", 1}, fault{"msync", "delay_exit=30000", "", 1}, // a slow disk
	)
}

// inject runs a child under the load with a fault, and returns how often it struck, and whether the child had to be killed.
func (f fault) inject(t *testing.T, strace, dir string, w *witness, c faultCase) (struck int, hung bool) {
	t.Helper()
	log := filepath.Join(t.TempDir(), "log")
	args := []string{"-f", "--seccomp-bpf", "-o", log, "-e", "trace=" + f.call, "-e", "inject=" + f.call + ":" + f.does + ":when=" + c.when}
	if f.file != "" {
		args = []string{"-f", "-o", log, "-P", filepath.Join(dir, f.file), "-e", "trace=" + f.call, "-e", "inject=" + f.call + ":" + f.does + ":when=" + c.when}
	}
	ctx, stop := context.WithTimeout(t.Context(), patience)
	defer stop()
	cmd := exec.CommandContext(ctx, strace, append(args, os.Args[0])...)
	cmd.Env = append(os.Environ(), childVar+"=load", childDir+"="+dir, childArg+"="+fmt.Sprint(c.seed, 20))
	// strace and what it traces end together. A process that hangs says where.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error {
		err := syscall.Kill(-cmd.Process.Pid, syscall.SIGQUIT)
		time.AfterFunc(5*time.Second, func() { syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) })
		return err
	}
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	for lines := bufio.NewScanner(out); lines.Scan(); {
		w.hear(c.seed, lines.Text())
	}
	cmd.Wait()
	if ctx.Err() != nil {
		t.Logf("the process that hangs: %s", stderr.Bytes())
	}
	said, err := os.ReadFile(log)
	if err != nil {
		t.Fatal(err)
	}
	return bytes.Count(said, []byte("(INJECTED)")) + bytes.Count(said, []byte("(DELAYED)")), ctx.Err() != nil
}

// faultCase is one run.
type faultCase struct {
	seed uint64
	when string
}

// TestFaultyDisk makes system calls of a process under load fail: the n-th of its kind, or all from that one on. Whatever becomes of the process, it has told
// no lies: when it starts again on a disk that works, all that was accepted is there, and nothing is corrupt. NIGHTJAR_LONG=1 tries every fault at
// ten places, else some are tried.
func TestFaultyDisk(t *testing.T) {
	t.Parallel()
	strace := tracing(t)
	seed := uint64(os.Getpid())
	rnd := rand.New(rand.NewPCG(7, seed))
	all, rounds := faults(), 10
	if os.Getenv(longVar) == "" {
		rnd.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
		all, rounds = all[:6], 1
	}
	runs, struck, refused, repaired, accepted := 0, 0, 0, 0, 0
	for i, f := range all {
		for round := range rounds {
			dir, w := t.TempDir(), newWitness()
			// What the process finds is there before anything fails.
			said, ok := runChild(t, "load", dir, fmt.Sprint(1000, 8))
			if !ok {
				t.Fatalf("%q", said)
			}
			for _, line := range said {
				w.hear(1000, line)
			}
			if len(w.refused) > 0 {
				t.Fatalf("%q", w.refused)
			}
			c := faultCase{uint64(i*rounds + round), fmt.Sprint(1 + rnd.IntN(f.last))}
			if rnd.IntN(3) > 0 || strings.HasPrefix(f.does, "delay") {
				c.when += "+"
			}
			what := fmt.Sprintf("seed %d: %s %s from call %s %s", seed, f.call, f.does, c.when, f.file)
			n, hung := f.inject(t, strace, dir, w, c)
			if hung {
				t.Errorf("%s: the process hangs", what)
			}
			if f.call == "pread64" {
				clear(w.records) // what the disk does not give back is lost, and an older one may have taken its place
			}
			r := w.verify(t, dir, what)
			runs, struck, refused, accepted = runs+1, struck+min(n, 1), refused+len(w.refused), accepted+w.accepted()
			if r != nil {
				repaired++
				t.Logf("%s: %+v", what, *r)
			}
			if err := os.RemoveAll(dir); err != nil {
				t.Fatal(err)
			}
		}
	}
	t.Logf("%d runs, in %d of which the fault struck: %d accepted blocks and records, all there; %d puts refused, %d indexes made anew",
		runs, struck, accepted, refused, repaired)
	if struck < runs/3 {
		t.Error("hardly a fault struck")
	}
}
