package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"nightjar/internal/api"
	"nightjar/internal/api/datadir"
	"nightjar/store/badgerstore"
	"nightjar/testnet"
)

// joinTime is how long a network of processes may take to start and join.
const joinTime = 60 * time.Second

// maxTestnet bounds how many processes one command starts.
const maxTestnet = 64

func newTestnetCmd(e *env) *cobra.Command {
	var nodes, hops int
	var dir string
	cmd := &cobra.Command{
		Use:   "testnet",
		Short: "Run a network of real nodes on this machine",
		Long: `Run a network of real node processes on loopback until it is interrupted. When all nodes serve, have found
their peers and have a circuit, it writes DIR/testnet.json and prints one line: the name of that file. It holds

  {"nodes": [{"data": "...", "pid": 1, "fproxy": "127.0.0.1:1", "fcp": "", "ref": "nightjar-peer:..."}]}

The nodes' data stays in DIR, and a network that is started there again has the same nodes. A node can be killed; the
others go on.`,
		Example: `  nightjar testnet --nodes 8 --dir ./net
  nightjar put --data ./net/node-0 photo.jpg
  nightjar get --data ./net/node-5 CHK@... -o -`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if dir == "" {
				return usage(cmd, "testnet needs a directory: --dir DIR")
			}
			if nodes < 1 || nodes > maxTestnet {
				return usage(cmd, "--nodes takes 1 to %d", maxTestnet)
			}
			if err := checkHops(cmd, hops); err != nil {
				return err
			}
			return e.runTestnet(cmd.Context(), dir, nodes, hops)
		},
	}
	cmd.Flags().IntVar(&nodes, "nodes", 8, "`number` of nodes")
	cmd.Flags().StringVar(&dir, "dir", "", "`directory` for the nodes' data and testnet.json")
	registerHops(cmd.Flags(), &hops)
	return cmd
}

func (e *env) runTestnet(ctx context.Context, dir string, nodes, hops int) (err error) {
	if err := netIsDown(ctx, dir, nodes); err != nil {
		return during(err, "start %d nodes in %s", nodes, dir)
	}
	net, err := e.startWithin(ctx, dir, nodes, hops)
	if err != nil {
		return during(err, "start %d nodes in %s", nodes, dir)
	}
	defer func() { err = errors.Join(err, net.Close()) }()
	if err := e.println(filepath.Join(dir, testnet.ManifestName)); err != nil {
		return err
	}
	e.notice("%d nodes are up; Ctrl-C stops them", nodes)
	e.untilStopped(ctx, net)
	return nil
}

// netIsDown looks whether nodes run in the directory already, before anything in it is touched.
func netIsDown(ctx context.Context, dir string, nodes int) error {
	for i := range nodes {
		c, err := api.Dial(datadir.At(filepath.Join(dir, fmt.Sprintf("node-%d", i))))
		if err != nil {
			continue // nothing has run there, or it has stopped
		}
		_, err = c.Status(ctx)
		c.Close()
		if err == nil {
			return badgerstore.ErrInUse
		}
	}
	return ctx.Err()
}

// startWithin starts a network and gives up after joinTime.
func (e *env) startWithin(ctx context.Context, dir string, nodes, hops int, args ...string) (*testnet.Net, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, joinTime, fmt.Errorf("the nodes were not ready within %s", joinTime))
	defer cancel()
	return e.startNet(ctx, dir, nodes, append(args, "--hops", fmt.Sprint(hops))...)
}

// untilStopped waits for ctx and says so when a node ends by itself.
func (e *env) untilStopped(ctx context.Context, net *testnet.Net) {
	ended := make(chan int)
	for i := range net.Nodes {
		// Ends with the node or ctx.
		go func() {
			select {
			case <-net.Ended(i):
			case <-ctx.Done():
				return
			}
			select {
			case ended <- i:
			case <-ctx.Done():
			}
		}()
	}
	for {
		select {
		case i := <-ended:
			e.notice("node %d has ended; the others go on", i)
		case <-ctx.Done():
			return
		}
	}
}
