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
	"nightjar/internal/node"
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

// netBench measures a network of real processes on loopback, whose requests pass so many hops.
type netBench struct {
	hops    int
	net     *testnet.Net
	write   *api.Client
	read    *api.Client
	size    int64
	repeats int
	out     measured
}

// measured is figures by their name, in the order in which they were taken.
type measured struct {
	names   []string
	figures map[string]figure
}

func (m *measured) add(f figure) {
	if m.figures == nil {
		m.figures = make(map[string]figure)
	}
	m.names = append(m.names, f.Name)
	m.figures[f.Name] = f
}

// beside lists the figures with those of a baseline that have the same name.
func (m *measured) beside(other measured, against string) (out []figure) {
	for _, name := range m.names {
		f := m.figures[name]
		if o, ok := other.figures[name]; ok {
			f.Baseline, f.Against = o.Value, against
		}
		out = append(out, f)
	}
	return out
}

// benchNetwork measures a network in which requests go through circuits, beside one in which they go directly.
func (e *env) benchNetwork(ctx context.Context, size int64, repeats int, profile string) (figures []figure, err error) {
	dir, err := os.MkdirTemp("", "nightjar-bench-")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	var all [2]measured
	for i, hops := range []int{0, node.Hops} {
		b := &netBench{hops: hops, size: size, repeats: repeats}
		e.notice("measuring: network with %d hops ...", hops)
		if err := b.measure(ctx, e, filepath.Join(dir, fmt.Sprint(hops)), profile); err != nil {
			return nil, fmt.Errorf("with %d hops: %w", hops, err)
		}
		all[i] = b.out
	}
	return all[1].beside(all[0], "hops 0"), nil
}

// measure runs all measurements on one network, with its nodes' data in dir.
func (b *netBench) measure(ctx context.Context, e *env, dir, profile string) (err error) {
	args := []string{"--store-size", "8GiB", "--client-cache", "0"} // what is read again comes from the network
	if profile != "" {
		if profile, err = filepath.Abs(filepath.Join(profile, fmt.Sprintf("hops-%d", b.hops))); err != nil {
			return err
		}
		if err := os.MkdirAll(profile, 0o700); err != nil {
			return err
		}
		args = append(args, "--profile", profile)
	}
	if b.net, err = e.startWithin(ctx, dir, benchNodes, b.hops, args...); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, b.net.Close(), os.RemoveAll(dir)) }()
	if b.write, err = nodeClient(b.net.Nodes[benchWrite]); err != nil {
		return err
	}
	defer b.write.Close()
	if b.read, err = nodeClient(b.net.Nodes[benchRead]); err != nil {
		return err
	}
	defer b.read.Close()
	for _, step := range []func(context.Context) error{b.rest, b.small, b.sites, b.bulk} {
		if err := step(ctx); err != nil {
			return err
		}
	}
	return nil
}

func (b *netBench) add(name string, value float64, unit, note string) {
	b.out.add(figure{Name: name, Value: value, Unit: unit, Note: note})
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

// rest measures nodes that do nothing but keep their links and circuits.
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

// small measures files of 1 KiB, one after the other: inserted through the API, read through the proxy as editions of one site,
// whose circuits are ready after the first.
func (b *netBench) small(ctx context.Context) error {
	site, err := keys.NewAuthor(crand.Reader)
	if err != nil {
		return err
	}
	site.Type, site.Doc = keys.USK, "bench"
	var puts, gets []float64
	for i := range smallFiles {
		file := make([]byte, 1024)
		crand.Read(file)
		start := time.Now()
		if _, err := insert(ctx, b.write, api.JobRequest{}, bytes.NewReader(file), 1024); err != nil {
			return fmt.Errorf("put 1 KiB: %w", err)
		}
		puts = append(puts, ms(time.Since(start)))
		site.Edition = int64(i)
		uri, err := insert(ctx, b.write, api.JobRequest{Target: site.Encode()}, bytes.NewReader(file), 1024)
		if err != nil {
			return fmt.Errorf("put an edition: %w", err)
		}
		start = time.Now()
		if err := b.fetch(ctx, uri); err != nil {
			return fmt.Errorf("get 1 KiB: %w", err)
		}
		gets = append(gets, ms(time.Since(start)))
	}
	b.add("put 1 KiB", median(puts), "ms", fmt.Sprintf("median of %d; on disk at 4 positions of the ring, 3 copies each", smallFiles))
	b.add("get 1 KiB", median(gets[1:]), "ms", fmt.Sprintf("median of %d, through the proxy of another node, on a ready circuit", smallFiles-1))
	return nil
}

// fetch reads what a URI names through the reading node's proxy.
func (b *netBench) fetch(ctx context.Context, uri string) error {
	return checkLink(ctx, "http://"+b.net.Nodes[benchRead].FProxy+"/"+uri)
}

func ms(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

// sites measures the first page of sites that were never read before: each needs circuits of its own.
func (b *netBench) sites(ctx context.Context) error {
	var uris []string
	for range smallFiles {
		file := make([]byte, 1024)
		crand.Read(file)
		uri, err := insert(ctx, b.write, api.JobRequest{}, bytes.NewReader(file), 1024)
		if err != nil {
			return fmt.Errorf("put 1 KiB: %w", err)
		}
		uris = append(uris, uri)
	}
	built, err := b.built(ctx)
	if err != nil {
		return err
	}
	var gets []float64
	_, cpu, err := b.timed(func() error {
		for _, uri := range uris {
			start := time.Now()
			if err := b.fetch(ctx, uri); err != nil {
				return fmt.Errorf("get 1 KiB of a new site: %w", err)
			}
			gets = append(gets, ms(time.Since(start)))
		}
		return nil
	})
	if err != nil {
		return err
	}
	now, err := b.built(ctx)
	if err != nil {
		return err
	}
	b.add("get 1 KiB of a new site", median(gets), "ms", fmt.Sprintf("median of %d, one after the other", smallFiles))
	if n := now - built; n > 0 {
		b.add("circuit build, CPU of all nodes", 1000*cpu/float64(n), "ms", fmt.Sprintf("over %d builds, with what was read through them", n))
	}
	http.DefaultClient.CloseIdleConnections()
	return nil
}

// built is how many circuits the nodes have built for themselves.
func (b *netBench) built(ctx context.Context) (sum uint64, err error) {
	return b.sum(ctx, func(s api.Status) uint64 { return s.Onion.Built })
}

// sent is how many bytes of messages the nodes have sent each other.
func (b *netBench) sent(ctx context.Context) (uint64, error) {
	return b.sum(ctx, func(s api.Status) uint64 { return s.Traffic.Sent })
}

// sum adds up a part of all nodes' status.
func (b *netBench) sum(ctx context.Context, of func(api.Status) uint64) (sum uint64, err error) {
	for _, n := range b.net.Nodes {
		c, err := nodeClient(n)
		if err != nil {
			return 0, err
		}
		s, err := c.Status(ctx)
		c.Close()
		if err != nil {
			return 0, err
		}
		sum += of(s)
	}
	return sum, nil
}

// transfers is what was measured of several large puts or gets.
type transfers struct{ rate, cpu, bytes []float64 }

// add measures one.
func (t *transfers) add(ctx context.Context, b *netBench, work func() error) error {
	before, err := b.sent(ctx)
	if err != nil {
		return err
	}
	wall, cpu, err := b.timed(work)
	if err != nil {
		return err
	}
	after, err := b.sent(ctx)
	if err != nil {
		return err
	}
	size := float64(b.size)
	t.rate = append(t.rate, size/mib/wall)
	t.cpu = append(t.cpu, cpu/size*keys.DataSize*1e6)
	t.bytes = append(t.bytes, float64(after-before)/size)
	return nil
}

// report adds the figures; what says which they are.
func (t *transfers) report(b *netBench, what, note string) {
	what = fmt.Sprintf("%s %d MiB", what, b.size/mib)
	b.add(what, median(t.rate), "MiB/s", fmt.Sprintf("median of %d; %d nodes share the cores", b.repeats, benchNodes))
	b.add(what+", CPU of all nodes", median(t.cpu), "µs per data block", note)
	b.add(what+", bytes on links", median(t.bytes), "per byte of content", "all messages of all nodes")
}

// bulk measures large files, the CPU time of all nodes together, and what goes over links.
func (b *netBench) bulk(ctx context.Context) error {
	var puts, gets transfers
	for range b.repeats {
		uri := ""
		err := puts.add(ctx, b, func() (err error) {
			uri, err = insert(ctx, b.write, api.JobRequest{}, randomFile(b.size), b.size)
			return err
		})
		if err != nil {
			return fmt.Errorf("put %d MiB: %w", b.size/mib, err)
		}
		err = gets.add(ctx, b, func() error {
			n, err := retrieve(ctx, b.read, uri, io.Discard)
			if err == nil && n != b.size {
				err = fmt.Errorf("%d bytes came", n)
			}
			return err
		})
		if err != nil {
			return fmt.Errorf("get %d MiB: %w", b.size/mib, err)
		}
	}
	peak, err := b.used()
	if err != nil {
		return err
	}
	puts.report(b, "put", "2 coded blocks of 3 copies each")
	gets.report(b, "get", "")
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
