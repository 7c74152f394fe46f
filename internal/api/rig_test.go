package api

import (
	"bytes"
	"context"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"nightjar/internal/api/datadir"
	"nightjar/internal/content"
	"nightjar/internal/jobs"
	"nightjar/internal/sites"
	"nightjar/keys"
	"nightjar/store/vault"
)

// network keeps blocks in memory. Once it holds as many as cut, fetches wait for their context.
type network struct {
	mu     sync.Mutex
	blocks map[keys.ID]keys.Block
	left   int           // fetches that are still answered; negative = all
	stuck  chan struct{} // closed when a fetch is not answered

	obstacle error
}

func newNetwork() *network {
	return &network{blocks: map[keys.ID]keys.Block{}, left: -1, stuck: make(chan struct{})}
}

func (n *network) FetchAt(ctx context.Context, id keys.ID, _ uint8) (keys.Block, error) {
	return n.Fetch(ctx, id, true)
}

func (n *network) Fetch(ctx context.Context, id keys.ID, _ bool) (keys.Block, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.left == 0 {
		select {
		case <-n.stuck:
		default:
			close(n.stuck)
		}
		n.mu.Unlock()
		<-ctx.Done()
		n.mu.Lock()
		return keys.Block{}, ctx.Err()
	}
	n.left--
	if b, ok := n.blocks[id]; ok {
		return b, nil
	}
	return keys.Block{}, content.ErrNotFound
}

func (n *network) Insert(_ context.Context, b keys.Block, _ bool) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.blocks[b.ID()] = b
	return nil
}

func (n *network) each() jobs.Network { return n }

func (n *network) Expect(uint64) {}
func (n *network) Close()        {}

func (n *network) Obstacle() error {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.obstacle
}

// obstruct puts an obstacle in the way of all jobs, or takes it away.
func (n *network) obstruct(why error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.obstacle = why
}

// answer makes the network answer that many more fetches and lose none.
func (n *network) answer(fetches int) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.left = fetches
}

// forget loses all blocks.
func (n *network) forget() {
	n.mu.Lock()
	defer n.mu.Unlock()
	clear(n.blocks)
}

// readTimeout is the server's limit on reading a request, as the proxy has one, but short.
const readTimeout = time.Second

// rig is a Server on a real listener with a Client that found it through a data directory.
type rig struct {
	*testing.T
	net    *network
	jobs   *jobs.Manager
	client *Client
}

func newRig(t *testing.T) *rig {
	t.Helper()
	dir, err := datadir.Create(filepath.Join(t.TempDir(), "data"))
	if err != nil {
		t.Fatal(err)
	}
	token, err := dir.NewToken()
	if err != nil {
		t.Fatal(err)
	}
	r := &rig{T: t, net: newNetwork()}
	v, err := vault.Open(filepath.Join(dir.Path(), "vault"), [32]byte{1})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { v.Close() })
	book := sites.New(v, vault.ErrNotFound)
	r.jobs = jobs.New(jobs.Config{Network: r.net.each, Vault: v, Dir: filepath.Join(dir.Path(), "jobs"), Sites: book})
	if _, err := r.jobs.Start(); err != nil {
		t.Fatal(err)
	}
	server := httptest.NewUnstartedServer(New(Config{Jobs: r.jobs, Token: token, Stop: func() {}, Sites: book, Network: r.net.each}))
	server.Config.ReadTimeout = readTimeout
	server.Start()
	t.Cleanup(server.Close)
	t.Cleanup(r.jobs.Close)
	if err := dir.Announce(datadir.Endpoint{API: server.URL + strings.TrimSuffix(Prefix, "/")}); err != nil {
		t.Fatal(err)
	}
	if r.client, err = Dial(dir); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(r.client.Close)
	return r
}

func (r *rig) create(req JobRequest) jobs.ID {
	r.Helper()
	job, err := r.client.CreateJob(r.Context(), req)
	if err != nil {
		r.Fatal(err)
	}
	return job.ID
}

// put inserts a file.
func (r *rig) put(b []byte, size int64) Job {
	r.Helper()
	job, err := r.client.Upload(r.Context(), r.create(JobRequest{Kind: jobs.Put, Name: "a.txt"}), bytes.NewReader(b), size)
	if err != nil {
		r.Fatal(err)
	}
	return job
}
