package main

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"nightjar/testnet"
)

// processTime bounds the whole test with real processes.
const processTime = 5 * time.Minute

// realNet is a network that `nightjar testnet` runs.
type realNet struct {
	t      *testing.T
	binary string
	nodes  []testnet.Node
}

// startRealNet builds the program and runs its testnet command until the test ends.
func startRealNet(t *testing.T, nodes int) *realNet {
	t.Helper()
	dir := t.TempDir()
	n := &realNet{t: t, binary: filepath.Join(dir, "nightjar")}
	if out, err := exec.Command("go", "build", "-o", n.binary, ".").CombinedOutput(); err != nil {
		t.Fatalf("build: %v\n%s", err, out)
	}
	cmd := exec.Command(n.binary, "testnet", "--nodes", fmt.Sprint(nodes), "--dir", filepath.Join(dir, "net"))
	var messages bytes.Buffer
	cmd.Stderr = &messages
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cmd.Process.Signal(os.Interrupt)
		if err := cmd.Wait(); err != nil {
			t.Errorf("testnet ended with %v\n%s", err, messages.String())
		}
	})
	name, err := bufio.NewReader(stdout).ReadString('\n')
	if err != nil {
		t.Fatalf("testnet printed no line: %v\n%s", err, messages.String())
	}
	b, err := os.ReadFile(strings.TrimSpace(name))
	if err != nil {
		t.Fatal(err)
	}
	var manifest struct{ Nodes []testnet.Node }
	if err := json.Unmarshal(b, &manifest); err != nil {
		t.Fatal(err)
	}
	if n.nodes = manifest.Nodes; len(n.nodes) != nodes {
		t.Fatalf("testnet.json has %d nodes, want %d", len(n.nodes), nodes)
	}
	return n
}

// run runs a command on a node and returns its stdout.
func (n *realNet) run(node int, args ...string) string {
	n.t.Helper()
	ctx, cancel := context.WithTimeout(n.t.Context(), processTime)
	defer cancel()
	cmd := exec.CommandContext(ctx, n.binary, append([]string{"--data", n.nodes[node].Data}, args...)...)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		n.t.Fatalf("%s on node %d: %v\n%s", args[0], node, err, stderr.String())
	}
	return stdout.String()
}

// httpGet fetches a path through a node's proxy.
func (n *realNet) httpGet(node int, path string) []byte {
	n.t.Helper()
	resp, err := http.Get("http://" + n.nodes[node].FProxy + "/" + path)
	if err != nil {
		n.t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		n.t.Fatalf("node %d answered %s, %v", node, resp.Status, err)
	}
	return b
}

// sample is something to insert, and how to check it.
type sample struct {
	path string
	dir  bool
	uri  string
}

// samples makes the inputs: sizes around a block, a real program, a real folder, a large file.
func samples(t *testing.T) map[string]*sample {
	t.Helper()
	dir := t.TempDir()
	out := map[string]*sample{}
	for _, size := range []int{0, 1, 32767, 32768, 32769, 64 << 20} {
		b := make([]byte, size)
		rand.NewChaCha8([32]byte{byte(size), 7}).Read(b)
		name := fmt.Sprintf("%d bytes", size)
		out[name] = &sample{path: filepath.Join(dir, fmt.Sprint(size))}
		if err := os.WriteFile(out[name].path, b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	goBinary, err := exec.LookPath("go")
	if err != nil {
		t.Fatal(err)
	}
	root, err := exec.Command("go", "env", "GOROOT").Output()
	if err != nil {
		t.Fatal(err)
	}
	out["the go binary"] = &sample{path: goBinary}
	out["src/net"] = &sample{path: filepath.Join(strings.TrimSpace(string(root)), "src", "net"), dir: true}
	return out
}

// check reads a sample by the command line and by HTTP and compares every byte.
func (n *realNet) check(node int, s *sample) {
	n.t.Helper()
	out := filepath.Join(n.t.TempDir(), "out")
	n.run(node, "get", s.uri, "-o", out)
	if !s.dir {
		want := digest(n.t, s.path)
		if got := digest(n.t, out); got != want {
			n.t.Error("get gives other bytes")
		}
		if sha256.Sum256(n.httpGet(node, s.uri)) != want {
			n.t.Error("the proxy gives other bytes")
		}
		return
	}
	want, got := tree(n.t, s.path), tree(n.t, out)
	if len(want) != len(got) {
		n.t.Errorf("the folder has %d files, want %d", len(got), len(want))
	}
	for name, sum := range want {
		if got[name] != sum {
			n.t.Errorf("%s differs", name)
		}
		if sha256.Sum256(n.httpGet(node, s.uri+"/"+name)) != sum {
			n.t.Errorf("the proxy gives other bytes for %s", name)
		}
	}
}

func digest(t *testing.T, name string) [32]byte {
	t.Helper()
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return sha256.Sum256(b)
}

// tree maps the files of a folder, hidden ones aside, to their digests.
func tree(t *testing.T, dir string) map[string][32]byte {
	t.Helper()
	out := map[string][32]byte{}
	err := filepath.WalkDir(dir, func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		rel, err := filepath.Rel(dir, name)
		out[filepath.ToSlash(rel)] = digest(t, name)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// TestEightProcesses inserts on node 0 and reads on node 5, kills any two nodes, and reads everything again.
func TestEightProcesses(t *testing.T) {
	n := startRealNet(t, 8)
	all := samples(t)
	for name, s := range all {
		t.Run("put "+name, func(t *testing.T) {
			n := n.in(t)
			out := n.run(0, "put", s.path)
			if s.uri = strings.TrimSuffix(out, "\n"); strings.Contains(s.uri, "\n") || !strings.HasPrefix(s.uri, "CHK@") {
				t.Fatalf("put printed %q, want one URI on one line", out)
			}
		})
	}
	for name, s := range all {
		t.Run("read "+name, func(t *testing.T) { n.in(t).check(5, s) })
	}
	order := rand.Perm(len(n.nodes))
	for _, i := range order[:2] {
		if err := syscall.Kill(n.nodes[i].PID, syscall.SIGKILL); err != nil {
			t.Fatal(err)
		}
	}
	for name, s := range all {
		t.Run(fmt.Sprintf("read %s without nodes %v", name, order[:2]), func(t *testing.T) { n.in(t).check(order[2], s) })
	}
}

// in is the network in a subtest.
func (n *realNet) in(t *testing.T) *realNet {
	c := *n
	c.t = t
	return &c
}
