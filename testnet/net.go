package testnet

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"
	"time"
)

// Config says what network to run.
type Config struct {
	Binary string   // the nightjar binary
	Nodes  int      // how many processes
	Dir    string   // each node's data directory is Dir/node-<i>
	Args   []string // further arguments of every node command
	Stderr io.Writer
	// Joined asks a node, by its data directory, whether it has so many peers and can be used. The error says what is missing.
	Joined func(ctx context.Context, data string, peers int) error
}

// Node is how to reach one node of the network.
type Node struct {
	Data   string `json:"data"`
	PID    int    `json:"pid"`
	FProxy string `json:"fproxy"` // "127.0.0.1:port"
	FCP    string `json:"fcp"`    // "" while nodes serve no FCP
	Ref    string `json:"ref"`
}

// Net is a running network.
type Net struct {
	Nodes []Node
	cfg   Config
	procs []*process
}

// manifest is the content of testnet.json.
type manifest struct {
	Nodes []Node `json:"nodes"`
}

// ManifestName is the file in Config.Dir that lists the nodes.
const ManifestName = "testnet.json"

// Start starts the first node, then all others with it as their seed, waits until every node has found enough peers, and writes
// testnet.json. On error nothing is left running.
func Start(ctx context.Context, cfg Config) (*Net, error) {
	if cfg.Nodes < 1 {
		return nil, errors.New("testnet: at least one node is needed")
	}
	dir, err := filepath.Abs(cfg.Dir)
	if err != nil {
		return nil, fmt.Errorf("testnet: %w", err)
	}
	cfg.Dir = dir
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("testnet: %w", err)
	}
	// What an earlier network left must not be taken for this one's.
	if err := os.Remove(filepath.Join(dir, ManifestName)); err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("testnet: %w", err)
	}
	n := &Net{cfg: cfg, procs: make([]*process, cfg.Nodes), Nodes: make([]Node, cfg.Nodes)}
	if err := n.start(ctx); err != nil {
		return nil, errors.Join(err, n.Close())
	}
	return n, nil
}

func (n *Net) start(ctx context.Context) error {
	if err := n.startNode(ctx, 0, ""); err != nil {
		return err
	}
	errs := make(chan error, len(n.procs))
	for i := 1; i < len(n.procs); i++ {
		// Ends when the node is ready, has failed, or ctx ends.
		go func() { errs <- n.startNode(ctx, i, n.Nodes[0].Ref) }()
	}
	var all error
	for i := 1; i < len(n.procs); i++ {
		all = errors.Join(all, <-errs)
	}
	if all != nil {
		return all
	}
	if err := n.join(ctx); err != nil {
		return err
	}
	return n.writeManifest()
}

func (n *Net) startNode(ctx context.Context, i int, seed string) error {
	data := filepath.Join(n.cfg.Dir, fmt.Sprintf("node-%d", i))
	p, err := startProcess(ctx, n.cfg, data, seed)
	if err != nil {
		return fmt.Errorf("testnet: node %d: %w", i, err)
	}
	n.procs[i] = p
	n.Nodes[i] = Node{Data: data, PID: p.cmd.Process.Pid, FProxy: p.fproxy, Ref: p.ref}
	return nil
}

// wanted is how many peers a node of a network of size nodes waits for: all in a small one.
func wanted(nodes int) int { return min(nodes-1, 6) }

// join waits until every node has the peers that it needs to route well, and can be used.
func (n *Net) join(ctx context.Context) error {
	for i := range n.Nodes {
		for {
			missing := n.cfg.Joined(ctx, n.Nodes[i].Data, wanted(len(n.Nodes)))
			if missing == nil {
				break
			}
			select {
			case <-time.After(50 * time.Millisecond):
			case <-n.procs[i].ended:
				return fmt.Errorf("testnet: node %d ended before it had joined: %v", i, n.procs[i].cmd.ProcessState)
			case <-ctx.Done():
				return fmt.Errorf("testnet: node %d: %w: %w", i, missing, context.Cause(ctx))
			}
		}
	}
	return nil
}

func (n *Net) writeManifest() error {
	b, err := json.MarshalIndent(manifest{n.Nodes}, "", "  ")
	if err != nil {
		return fmt.Errorf("testnet: %w", err)
	}
	name := filepath.Join(n.cfg.Dir, ManifestName)
	if err := os.WriteFile(name+".tmp", append(b, '\n'), 0o600); err != nil {
		return fmt.Errorf("testnet: %w", err)
	}
	return os.Rename(name+".tmp", name)
}

// Kill ends node i at once, as kill -9 does, and waits until it is gone.
func (n *Net) Kill(i int) error { return n.procs[i].kill() }

// Ended is closed when the process of node i has ended.
func (n *Net) Ended(i int) <-chan struct{} { return n.procs[i].ended }

// Close stops all nodes cleanly, kills those that do not stop in time, and waits for all.
func (n *Net) Close() error {
	var wg sync.WaitGroup
	errs := make([]error, len(n.procs))
	for i, p := range n.procs {
		if p != nil {
			wg.Go(func() { errs[i] = p.stop() }) // ends within stopTime
		}
	}
	wg.Wait()
	return errors.Join(errs...)
}
