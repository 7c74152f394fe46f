package main

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	mrand "math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"nightjar/internal/api"
	"nightjar/internal/api/datadir"
	"nightjar/internal/jobs"
	"nightjar/keys"
	"nightjar/routing/wire"
)

const (
	// fullVariable asks for sizes at which the tests take an hour instead of a minute.
	fullVariable = "NIGHTJAR_LONG"

	longNodes = 8
	longPeers = 6 // that a node waits for
)

// atFullSize reports whether the tests run at full size.
func atFullSize() bool { return os.Getenv(fullVariable) != "" }

// sized is a number for tests that everybody runs, and the one that is promised.
func sized[T any](small, promised T) T {
	if atFullSize() {
		return promised
	}
	return small
}

// longNet is a network of processes that can be killed, stopped and started again.
type longNet struct {
	t      *testing.T
	dir    string
	nodes  []*longNode
	stderr *lockedWriter
	shared *longState
}

// longState is what lines leave for others.
type longState struct {
	film, uri string    // a large file that was inserted
	back      []keys.ID // blocks that were lost and brought back
}

// longNode is one node; its fields but data are of its latest process.
type longNode struct {
	data    string
	window  int // what it may have in flight; 0 = as the program does
	runs    int // processes so far
	cmd     *exec.Cmd
	stdin   io.Closer
	ended   chan struct{}
	fproxy  string
	ref     string
	address string // kept over restarts, as a node does that is told nothing
}

// lockedWriter lets several processes write to one place.
type lockedWriter struct {
	mu sync.Mutex
	b  strings.Builder
}

func (w *lockedWriter) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.b.Write(p)
}

func (w *lockedWriter) String() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.b.String()
}

// startLongNet starts a network, which ends with the test. windows is what nodes may have in flight that have less than others.
func startLongNet(t *testing.T, windows map[int]int) *longNet {
	t.Helper()
	n := &longNet{t: t, dir: t.TempDir(), stderr: new(lockedWriter), shared: new(longState)}
	for i := range longNodes {
		n.nodes = append(n.nodes, &longNode{data: filepath.Join(n.dir, fmt.Sprintf("node-%d", i)), window: windows[i], address: "tcp/127.0.0.1:0"})
	}
	t.Cleanup(func() {
		n.stopAll(t)
		if t.Failed() {
			t.Logf("what the nodes said:\n%s", n.stderr)
		}
	})
	n.upAll()
	return n
}

// in is the network in a subtest, with all nodes up.
func (n *longNet) in(t *testing.T) *longNet {
	c := *n
	c.t = t
	c.upAll()
	return &c
}

// upAll starts what does not run, the seed first, and waits until that has joined.
func (n *longNet) upAll() {
	n.t.Helper()
	started := make([]bool, longNodes)
	for i, node := range n.nodes {
		started[i] = !node.running()
	}
	n.up(0)
	errs := make(chan error)
	for i := 1; i < longNodes; i++ {
		go func() { errs <- n.tryUp(i) }() // ends when the node is ready, or has failed
	}
	var all error
	for i := 1; i < longNodes; i++ {
		all = errors.Join(all, <-errs)
	}
	if all != nil {
		n.t.Fatalf("%v\n%s", all, n.stderr)
	}
	for i := range n.nodes {
		if !started[i] {
			continue
		}
		n.wait(fmt.Sprintf("node %d has not joined", i), func(ctx context.Context) error {
			return joined(ctx, n.nodes[i].data, longPeers, longNodes)
		})
	}
}

func (n *longNet) up(i int) {
	n.t.Helper()
	if err := n.tryUp(i); err != nil {
		n.t.Fatalf("%v\n%s", err, n.stderr)
	}
}

// tryUp starts a node that does not run and waits for its ready line.
func (n *longNet) tryUp(i int) error {
	node := n.nodes[i]
	if node.running() {
		return nil
	}
	node.runs++
	args := []string{"-test.run=^TestNodeProcess$", "--", "node", "--quiet", "--data", node.data, "--fproxy", "127.0.0.1:0", "--until-stdin-closes",
		"--listen", node.address, "--store-size", "8GiB", "--client-cache", "0"} // what is read again comes from the network
	if i > 0 {
		args = append(args, "--seed", n.nodes[0].ref)
	}
	binary, err := os.Executable()
	if err != nil {
		return err
	}
	cmd := exec.Command(binary, args...)
	cmd.Env = append(os.Environ(), askedVariable+"="+n.asked(i, node.runs), windowVariable+"="+strconv.Itoa(node.window))
	cmd.Stderr = n.stderr
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	stdin, err := cmd.StdinPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	node.cmd, node.stdin, node.ended = cmd, stdin, make(chan struct{})
	lines := bufio.NewReader(stdout)
	line, err := lines.ReadString('\n')
	// Ends with the process.
	go func() {
		defer close(node.ended)
		io.Copy(io.Discard, lines)
		cmd.Wait()
	}()
	if err != nil {
		return fmt.Errorf("node %d is not ready: %w", i, err)
	}
	return node.read(line)
}

// read understands a ready line.
func (node *longNode) read(line string) error {
	for _, field := range strings.Fields(line) {
		if v, ok := strings.CutPrefix(field, "fproxy=http://"); ok {
			node.fproxy = v
		}
		if v, ok := strings.CutPrefix(field, "ref="); ok {
			node.ref = v
		}
	}
	d, err := wire.ParseRef(node.ref)
	if err != nil || len(d.Addrs) == 0 {
		return fmt.Errorf("no address in %q: %w", line, err)
	}
	node.address = string(d.Addrs[0])
	return nil
}

func (node *longNode) running() bool {
	if node.cmd == nil {
		return false
	}
	select {
	case <-node.ended:
		return false
	default:
		return true
	}
}

// kill ends a node as kill -9 does.
func (n *longNet) kill(i int) {
	n.t.Helper()
	if err := n.nodes[i].cmd.Process.Kill(); err != nil {
		n.t.Fatal(err)
	}
	<-n.nodes[i].ended
}

// stop ends a node cleanly.
func (n *longNet) stop(t *testing.T, i int) {
	t.Helper()
	node := n.nodes[i]
	if !node.running() {
		return
	}
	node.stdin.Close()
	select {
	case <-node.ended:
	case <-time.After(scriptTime):
		t.Errorf("node %d does not stop", i)
		node.cmd.Process.Kill()
		<-node.ended
	}
}

func (n *longNet) stopAll(t *testing.T) {
	var wg sync.WaitGroup
	for i := range n.nodes {
		wg.Go(func() { n.stop(t, i) }) // ends within scriptTime
	}
	wg.Wait()
}

// wait looks again and again, as a person would, until nothing is missing any more.
func (n *longNet) wait(what string, missing func(context.Context) error) {
	n.t.Helper()
	ctx, cancel := context.WithTimeout(n.t.Context(), sized(5*time.Minute, time.Hour))
	defer cancel()
	look := time.NewTicker(20 * time.Millisecond)
	defer look.Stop()
	for {
		err := missing(ctx)
		if err == nil {
			return
		}
		select {
		case <-look.C:
		case <-ctx.Done():
			n.t.Fatalf("%s: %v", what, err)
		}
	}
}

// client talks to a node.
func (n *longNet) client(i int) *api.Client {
	n.t.Helper()
	c, err := api.Dial(datadir.At(n.nodes[i].data))
	if err != nil {
		n.t.Fatalf("node %d: %v", i, err)
	}
	n.t.Cleanup(c.Close)
	return c
}

// queue makes a job.
func (n *longNet) queue(i int, req api.JobRequest) jobs.ID {
	n.t.Helper()
	job, err := n.client(i).CreateJob(n.t.Context(), req)
	if err != nil {
		n.t.Fatalf("make a job on node %d: %v", i, err)
	}
	return job.ID
}

// final waits until a job is over.
func (n *longNet) final(i int, id jobs.ID) (job api.Job) {
	n.t.Helper()
	c := n.client(i)
	var trouble error
	n.wait(fmt.Sprintf("job of node %d", i), func(ctx context.Context) (err error) {
		switch job, err = c.Job(ctx, id); {
		case err != nil:
			return err
		case job.Error != nil && !job.State.Final() && (trouble == nil || trouble.Error() != job.Error.Error()):
			trouble = job.Error
			n.t.Logf("node %d, %s: %s: %v", i, job.Kind, job.State, job.Error)
			fallthrough
		case !job.State.Final():
			return fmt.Errorf("it is %s: %+v %v", job.State, job.Progress, trouble)
		}
		return nil
	})
	return job
}

// done waits until a job has succeeded.
func (n *longNet) done(i int, id jobs.ID) api.Job {
	n.t.Helper()
	job := n.final(i, id)
	if job.State != jobs.Done {
		n.t.Fatalf("a %s of node %d is %s: %v", job.Kind, i, job.State, job.Error)
	}
	return job
}

// cli runs a command on a node and returns what it prints.
func (n *longNet) cli(i int, args ...string) string {
	n.t.Helper()
	var stdout, stderr strings.Builder
	code := run(n.t.Context(), append(args, "--data", n.nodes[i].data), strings.NewReader(""), &stdout, &stderr)
	if code != exitOK {
		n.t.Fatalf("%s on node %d: exit code %d, %s", args[0], i, code, stderr.String())
	}
	return strings.TrimSpace(stdout.String())
}

// peak is the largest resident size that a node has had.
func (n *longNet) peak() (most int64) {
	n.t.Helper()
	for i, node := range n.nodes {
		u, err := usageOf(node.cmd.Process.Pid)
		if err != nil {
			n.t.Fatalf("node %d: %v", i, err)
		}
		most = max(most, u.hwm)
	}
	return most
}

// randomBytes writes a file that does not compress; the same seed gives the same bytes.
func randomBytes(t *testing.T, path string, size int64, seed uint64) {
	t.Helper()
	var key [32]byte
	binary.BigEndian.PutUint64(key[:], seed)
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.Copy(f, io.LimitReader(mrand.NewChaCha8(key), size)); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
}
