package main

import (
	"bytes"
	"context"
	"io"
	"math/rand/v2"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"nightjar/internal/api"
	"nightjar/internal/api/datadir"
	"nightjar/internal/content"
	"nightjar/internal/jobs"
	"nightjar/keys"
	"nightjar/store/vault"
)

// halfNetwork keeps blocks in memory and answers only as many fetches as it is told; then it says so and waits for the context.
type halfNetwork struct {
	mu     sync.Mutex
	blocks map[keys.ID]keys.Block
	left   int
	stuck  func()
}

func (n *halfNetwork) FetchAt(ctx context.Context, id keys.ID, _ uint8) (keys.Block, error) {
	return n.Fetch(ctx, id, true)
}

func (n *halfNetwork) Fetch(ctx context.Context, id keys.ID, _ bool) (keys.Block, error) {
	n.mu.Lock()
	b, ok := n.blocks[id]
	n.left--
	answer := n.left >= 0
	n.mu.Unlock()
	switch {
	case !answer:
		n.stuck()
		<-ctx.Done()
		return keys.Block{}, ctx.Err()
	case !ok:
		return keys.Block{}, content.ErrNotFound
	}
	return b, nil
}

func (n *halfNetwork) Insert(_ context.Context, b keys.Block, _ bool) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.blocks[b.ID()] = b
	return nil
}

func (n *halfNetwork) Expect(uint64)   {}
func (n *halfNetwork) Obstacle() error { return nil }
func (n *halfNetwork) Close()          {}

// serveJobs serves the API over a network in a data directory.
func serveJobs(t *testing.T, net jobs.Network) (data string, m *jobs.Manager) {
	t.Helper()
	dir, err := datadir.Create(filepath.Join(t.TempDir(), "data"))
	if err != nil {
		t.Fatal(err)
	}
	token, err := dir.NewToken()
	if err != nil {
		t.Fatal(err)
	}
	v, err := vault.Open(filepath.Join(dir.Path(), "vault"), [32]byte{1})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { v.Close() })
	m = jobs.New(jobs.Config{Network: func() jobs.Network { return net }, Vault: v, Dir: filepath.Join(dir.Path(), "jobs")})
	if _, err := m.Start(); err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(api.New(api.Config{Jobs: m, Token: token}))
	t.Cleanup(server.Close)
	t.Cleanup(m.Close)
	if err := dir.Announce(datadir.Endpoint{API: server.URL + strings.TrimSuffix(api.Prefix, "/")}); err != nil {
		t.Fatal(err)
	}
	return dir.Path(), m
}

// Ctrl-C in the middle of a get leaves neither the file or folder, nor a part of it, nor a job in the node.
func TestInterruptedGetLeavesNothing(t *testing.T) {
	large := make([]byte, 400_000)
	rand.NewChaCha8([32]byte{}).Read(large) // random, so that it stays several blocks
	folder := t.TempDir()
	for _, name := range []string{"a", "b"} {
		if err := os.WriteFile(filepath.Join(folder, name), large, 0o666); err != nil {
			t.Fatal(err)
		}
	}
	file := filepath.Join(folder, "a")
	for name, source := range map[string]string{"file": file, "folder": folder} {
		t.Run(name, func(t *testing.T) {
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			net := &halfNetwork{blocks: map[keys.ID]keys.Block{}, stuck: cancel} // Ctrl-C comes when half of it is there
			data, m := serveJobs(t, net)
			var uri, messages bytes.Buffer
			if code := run(t.Context(), []string{"put", source, "--data", data}, nil, &uri, &messages); code != exitOK {
				t.Fatalf("put: %d, %s", code, messages.String())
			}
			net.left = len(net.blocks) / 6 // a third of them rebuilds it
			out := t.TempDir()
			args := []string{"get", strings.TrimSpace(uri.String()), "--data", data, "-o", filepath.Join(out, "out")}
			messages.Reset()
			if code := run(ctx, args, nil, io.Discard, &messages); code != exitInterrupted {
				t.Errorf("exit code %d", code)
			}
			if !strings.HasSuffix(messages.String(), ": interrupted\n") {
				t.Errorf("it said %q", messages.String())
			}
			if diff := cmp.Diff([]string{}, files(t, out)); diff != "" {
				t.Errorf("it left files: %s", diff)
			}
			last := m.List()[1]
			j, err := m.Job(last.ID)
			if err != nil {
				t.Fatal(err)
			}
			<-j.Ended()
			if s := j.Snapshot(); s.State != jobs.Cancelled {
				t.Errorf("the job is %s", s.State)
			}
		})
	}
}

// Content that is lost in the middle is an error of the whole: nothing of it is left.
func TestFailedGetLeavesNothing(t *testing.T) {
	net := &halfNetwork{blocks: map[keys.ID]keys.Block{}, left: 1 << 30}
	data, _ := serveJobs(t, net)
	large := make([]byte, 400_000)
	rand.NewChaCha8([32]byte{}).Read(large)
	var uri, messages bytes.Buffer
	if code := run(t.Context(), []string{"put", "-", "--data", data}, bytes.NewReader(large), &uri, &messages); code != exitOK {
		t.Fatalf("put: %d, %s", code, messages.String())
	}
	root, err := keys.ParseURI(uri.String())
	if err != nil {
		t.Fatal(err)
	}
	for id := range net.blocks {
		if id.Name != root.Routing {
			delete(net.blocks, id)
		}
	}
	out := t.TempDir()
	args := []string{"get", root.Encode(), "--data", data, "-o", filepath.Join(out, "out")}
	if code := run(t.Context(), args, nil, io.Discard, &messages); code != exitNotFound {
		t.Errorf("exit code %d, %s", code, messages.String())
	}
	if diff := cmp.Diff([]string{}, files(t, out)); diff != "" {
		t.Errorf("it left files: %s", diff)
	}
}
