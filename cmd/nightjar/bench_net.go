package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"time"

	crand "crypto/rand"
	mrand "math/rand/v2"

	"nightjar/internal/api"
	"nightjar/keys"
	"nightjar/testnet"
)

const (
	mib        = 1 << 20
	benchNodes = 8
	benchWrite = 0
	benchRead  = 5
	smallFiles = 40
	restTime   = 10 * time.Second
	// restSettle is how long a fresh network may take to stop talking about who is there.
	restSettle = 10 * time.Second
)

// netBench measures a network of real processes on loopback.
type netBench struct {
	net     *testnet.Net
	write   *api.Client
	read    *api.Client
	size    int64
	repeats int
	out     []figure
}

// benchNetwork runs all measurements on one network.
func (e *env) benchNetwork(ctx context.Context, size int64, repeats int, profile string) (figures []figure, err error) {
	dir, err := os.MkdirTemp("", "nightjar-bench-")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	args := []string{"--store-size", "8GiB"}
	if profile != "" {
		if profile, err = filepath.Abs(profile); err != nil {
			return nil, err
		}
		args = append(args, "--profile", profile)
	}
	net, err := e.startWithin(ctx, dir, benchNodes, 0, args...)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, net.Close()) }()
	b := &netBench{net: net, size: size, repeats: repeats}
	if b.write, err = nodeClient(net.Nodes[benchWrite]); err != nil {
		return nil, err
	}
	defer b.write.Close()
	if b.read, err = nodeClient(net.Nodes[benchRead]); err != nil {
		return nil, err
	}
	defer b.read.Close()
	for _, step := range []func(context.Context) error{b.rest, b.small, b.bulk} {
		if err := step(ctx); err != nil {
			return nil, err
		}
	}
	return b.out, nil
}

func (b *netBench) add(name string, value float64, unit, note string) {
	b.out = append(b.out, figure{Name: name, Value: value, Unit: unit, Note: note})
}

// used sums up what all nodes have used, and finds the largest resident sizes.
func (b *netBench) used() (procUsage, error) {
	var sum procUsage
	for i, n := range b.net.Nodes {
		u, err := usageOf(n.PID)
		if err != nil {
			return sum, fmt.Errorf("node %d: %w", i, err)
		}
		sum.cpu += u.cpu
		sum.rss, sum.hwm = max(sum.rss, u.rss), max(sum.hwm, u.hwm)
	}
	return sum, nil
}

// rest measures nodes that do nothing but keep their links.
func (b *netBench) rest(ctx context.Context) error {
	if err := pause(ctx, restSettle); err != nil {
		return err
	}
	before, err := b.used()
	if err != nil {
		return err
	}
	if err := pause(ctx, restTime); err != nil {
		return err
	}
	after, err := b.used()
	if err != nil {
		return err
	}
	cpu := (after.cpu - before.cpu).Seconds() / restTime.Seconds() / benchNodes
	b.add("node at rest, resident", float64(after.rss)/mib, "MiB", fmt.Sprintf("the largest of %d", benchNodes))
	b.add("node at rest, CPU", 100*cpu, "% of a core", fmt.Sprintf("mean of %d over %s", benchNodes, restTime))
	return nil
}

func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// small measures files of 1 KiB, one after the other: inserted through the API, read through the proxy.
func (b *netBench) small(ctx context.Context) error {
	var puts, gets []float64
	for range smallFiles {
		file := make([]byte, 1024)
		crand.Read(file)
		start := time.Now()
		uri, err := insert(ctx, b.write, api.JobRequest{}, bytes.NewReader(file), 1024)
		if err != nil {
			return fmt.Errorf("put 1 KiB: %w", err)
		}
		puts = append(puts, float64(time.Since(start).Microseconds())/1000)
		start = time.Now()
		if err := checkLink(ctx, "http://"+b.net.Nodes[benchRead].FProxy+"/"+uri); err != nil {
			return fmt.Errorf("get 1 KiB: %w", err)
		}
		gets = append(gets, float64(time.Since(start).Microseconds())/1000)
	}
	b.add("put 1 KiB", median(puts), "ms", fmt.Sprintf("median of %d; on disk at 4 positions of the ring, 3 copies each", smallFiles))
	b.add("get 1 KiB", median(gets), "ms", fmt.Sprintf("median of %d, through the proxy of another node", smallFiles))
	http.DefaultClient.CloseIdleConnections()
	return nil
}

// bulk measures large files, and the CPU time of all nodes together.
func (b *netBench) bulk(ctx context.Context) error {
	var puts, gets, putCPU, getCPU []float64
	blocks := float64(b.size) / keys.DataSize
	for range b.repeats {
		uri := ""
		seconds, cpu, err := b.timed(func() (err error) {
			uri, err = insert(ctx, b.write, api.JobRequest{}, randomFile(b.size), b.size)
			return err
		})
		if err != nil {
			return fmt.Errorf("put %d MiB: %w", b.size/mib, err)
		}
		puts, putCPU = append(puts, float64(b.size)/mib/seconds), append(putCPU, cpu/blocks*1e6)
		seconds, cpu, err = b.timed(func() error {
			n, err := retrieve(ctx, b.read, uri, io.Discard)
			if err == nil && n != b.size {
				err = fmt.Errorf("%d bytes came", n)
			}
			return err
		})
		if err != nil {
			return fmt.Errorf("get %d MiB: %w", b.size/mib, err)
		}
		gets, getCPU = append(gets, float64(b.size)/mib/seconds), append(getCPU, cpu/blocks*1e6)
	}
	peak, err := b.used()
	if err != nil {
		return err
	}
	name := fmt.Sprintf("%d MiB", b.size/mib)
	b.add("put "+name, median(puts), "MiB/s", fmt.Sprintf("median of %d; %d nodes share the cores", b.repeats, benchNodes))
	b.add("put "+name+", CPU of all nodes", median(putCPU), "µs per data block", "2 coded blocks of 3 copies each")
	b.add("get "+name, median(gets), "MiB/s", fmt.Sprintf("median of %d", b.repeats))
	b.add("get "+name+", CPU of all nodes", median(getCPU), "µs per data block", "")
	b.add("peak resident size of a node", float64(peak.hwm)/mib, "MiB", "the largest, over all of the above")
	return nil
}

// timed runs work and returns its wall time and the CPU time of all nodes, in seconds.
func (b *netBench) timed(work func() error) (wall, cpu float64, err error) {
	before, err := b.used()
	if err != nil {
		return 0, 0, err
	}
	start := time.Now()
	if err := work(); err != nil {
		return 0, 0, err
	}
	wall = time.Since(start).Seconds()
	after, err := b.used()
	return wall, (after.cpu - before.cpu).Seconds(), err
}

// randomFile gives size bytes that do not compress and were never inserted before.
func randomFile(size int64) io.Reader {
	var key [32]byte
	crand.Read(key[:])
	return io.LimitReader(mrand.NewChaCha8(key), size)
}
