package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"nightjar/testnet"
)

const (
	demoNodes = 12
	demoWrite = 0 // the node that inserts
	demoRead  = 7 // the node through whose proxy the links lead
)

func newDemoCmd(e *env) *cobra.Command {
	var nodes, hops int
	cmd := &cobra.Command{
		Use:   "demo",
		Short: "Show everything at once: a private network with a sample site",
		Long: `Start a private network on this machine, publish a sample site through one node, and print links that open it through
the proxy of another node, which did not insert it. It stays up until Ctrl-C and leaves nothing behind.

The network is real: each node is a process of its own with its own store, and they talk over encrypted links on
loopback. Nothing leaves this machine.`,
		Example: `  nightjar demo
  nightjar demo --nodes 20`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if nodes < demoNodes || nodes > maxTestnet {
				return usage(cmd, "--nodes takes %d to %d", demoNodes, maxTestnet)
			}
			if err := checkHops(cmd, hops); err != nil {
				return err
			}
			return e.runDemo(cmd.Context(), nodes, hops)
		},
	}
	cmd.Flags().IntVar(&nodes, "nodes", demoNodes, "`number` of nodes")
	registerHops(cmd.Flags(), &hops)
	return cmd
}

func (e *env) runDemo(ctx context.Context, nodes, hops int) (err error) {
	start := time.Now()
	dir, err := os.MkdirTemp("", "nightjar-demo-")
	if err != nil {
		return fmt.Errorf("make a directory for the demo: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	e.notice("starting %d nodes ...", nodes)
	net, err := e.startWithin(ctx, dir, nodes, hops)
	if err != nil {
		return during(err, "start %d nodes", nodes)
	}
	defer func() { err = errors.Join(err, net.Close()) }()
	e.notice("publishing a sample site through node %d ...", demoWrite)
	uri, err := publishSample(ctx, net, filepath.Join(dir, "site"))
	if err != nil {
		return during(err, "publish the sample site")
	}
	base := "http://" + net.Nodes[demoRead].FProxy + "/" + uri + "/"
	if err := checkLink(ctx, base+"index.html"); err != nil {
		return during(err, "read the sample site through node %d", demoRead)
	}
	e.notice("ready after %.1f s; these links open through node %d, which did not insert them", time.Since(start).Seconds(), demoRead)
	if err := e.printDemo(net, base); err != nil {
		return err
	}
	if hops == 0 {
		e.notice("the originator is NOT hidden (--hops 0)")
	}
	e.notice("Ctrl-C stops the demo and removes its data")
	e.untilStopped(ctx, net)
	return nil
}

// publishSample writes the sample site and inserts it.
func publishSample(ctx context.Context, net *testnet.Net, dir string) (string, error) {
	if err := testnet.WriteSite(dir); err != nil {
		return "", err
	}
	c, err := nodeClient(net.Nodes[demoWrite])
	if err != nil {
		return "", err
	}
	defer c.Close()
	return insertFolder(ctx, c, dir)
}

// printDemo prints the links: the site, its largest file, and the reading node's own start page.
func (e *env) printDemo(net *testnet.Net, base string) error {
	links := []string{base + "index.html", base + "journey.html", base + "song.wav", "http://" + net.Nodes[demoRead].FProxy + "/"}
	if e.json {
		return e.printJSON(map[string]any{"links": links})
	}
	if err := e.println("ready"); err != nil {
		return err
	}
	for _, l := range links {
		if err := e.println("  " + l); err != nil {
			return err
		}
	}
	return nil
}

// checkLink reads a page whole, as a browser would.
func checkLink(ctx context.Context, link string) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, link, nil)
	if err != nil {
		return err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if _, err := io.Copy(io.Discard, resp.Body); err != nil {
		return err
	}
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("the proxy answered %s", resp.Status)
	}
	return nil
}
