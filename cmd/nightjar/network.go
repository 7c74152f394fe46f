package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"nightjar/internal/api"
	"nightjar/internal/api/datadir"
	"nightjar/internal/api/foldertar"
	"nightjar/internal/jobs"
	"nightjar/testnet"
)

// What demo, testnet and bench have in common: networks of node processes that run this very binary.

// startNet starts a network of nodes under dir.
func (e *env) startNet(ctx context.Context, dir string, nodes int, args ...string) (*testnet.Net, error) {
	binary, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("find this program: %w", err)
	}
	return testnet.Start(ctx, testnet.Config{
		Binary: binary, Nodes: nodes, Dir: dir, Args: append([]string{"--quiet"}, args...), Stderr: e.stderr,
		Joined: func(ctx context.Context, data string, peers int) error { return joined(ctx, data, peers, nodes) },
	})
}

// joined asks the node of a data directory whether it has so many peers, and a circuit where the network has nodes enough for one.
func joined(ctx context.Context, data string, peers, nodes int) error {
	c, err := api.Dial(datadir.At(data))
	if err != nil {
		return err
	}
	defer c.Close()
	s, err := c.Status(ctx)
	switch {
	case err != nil:
		return err
	case s.Peers.Total < peers:
		return fmt.Errorf("it has %d of %d peers", s.Peers.Total, peers)
	case s.OnionHops > 0 && nodes > s.OnionHops && s.Onion.Ready == 0:
		return fmt.Errorf("it has no circuit: %s", cmp.Or(s.Onion.Obstacle, "none has been built yet"))
	}
	return nil
}

// nodeClient talks to one node of a network.
func nodeClient(n testnet.Node) (*api.Client, error) { return api.Dial(datadir.At(n.Data)) }

// insert puts what r holds through a node and returns the URI.
func insert(ctx context.Context, c *api.Client, req api.JobRequest, r io.Reader, size int64) (string, error) {
	req.Kind = jobs.Put
	job, err := c.CreateJob(ctx, req)
	if err != nil {
		return "", err
	}
	job, err = c.Upload(ctx, job.ID, r, size)
	if err != nil {
		return "", err
	}
	if job.Error != nil {
		return "", job.Error
	}
	return job.URI, nil
}

// insertFolder puts a folder of this machine through a node and returns the URI.
func insertFolder(ctx context.Context, c *api.Client, dir string) (string, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return "", err
	}
	defer root.Close()
	files, err := foldertar.Scan(ctx, root, false)
	if err != nil {
		return "", err
	}
	r, w := io.Pipe()
	// Ends when the folder is packed or the reading end is closed.
	go func() { w.CloseWithError(foldertar.Pack(ctx, w, root, files)) }()
	defer r.Close()
	return insert(ctx, c, api.JobRequest{Folder: true}, r, -1)
}

// retrieve gets a URI through a node into w and returns how many bytes came.
func retrieve(ctx context.Context, c *api.Client, uri string, w io.Writer) (int64, error) {
	job, err := c.CreateJob(ctx, api.JobRequest{Kind: jobs.Get, URI: uri})
	if err != nil {
		return 0, err
	}
	d, err := c.Download(ctx, job.ID)
	if err != nil {
		return 0, err
	}
	n, err := io.Copy(w, d)
	return n, errors.Join(err, d.Close())
}
