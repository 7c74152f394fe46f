package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os"
	"path/filepath"
	"runtime/pprof"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"nightjar/fproxy"
	"nightjar/internal/api/datadir"
	"nightjar/internal/node"
	"nightjar/routing/wire"
	"nightjar/store/badgerstore"
	"nightjar/store/clientcache"
)

// nodeFlags are the flags that node and start have in common.
type nodeFlags struct {
	seeds  []string
	listen []string
	fproxy string
	quota  byteSize
	cache  byteSize
	hops   int
	fill   bool
	steady bool
	alone  bool
	pass   string // file with the passphrase of the store
}

func (f *nodeFlags) register(s *pflag.FlagSet) {
	f.cache = clientcache.DefaultSize
	s.StringArrayVar(&f.seeds, "seed", nil, "`reference` of a node to join through, or a file with one a line (repeatable)")
	s.StringArrayVar(&f.listen, "listen", nil, "`address` to listen on for peers, like tcp/0.0.0.0:4001 or quic/[::]:4001 (repeatable; default: a port that is drawn at the first start, on all addresses)")
	s.StringVar(&f.fproxy, "fproxy", fproxy.Address, "loopback `address` for the proxy and the control API")
	s.Var(&f.quota, "store-size", "the quota of the store on the disk, for this run (see nightjar store quota)")
	s.Lookup("store-size").DefValue = "what nightjar store quota said last, or " + byteSize(badgerstore.DefaultQuota).String()
	s.Var(&f.cache, "client-cache", "the most that blocks which you have read may take on the disk, so that reading them again needs no network: encrypted under a key that is gone when the node stops; 0 = nothing is kept")
	registerHops(s, &f.hops)
	s.BoolVar(&f.alone, "no-follow", false, "ask for newer editions of a site only when one of its pages is opened, and not for ten minutes after: nodes that are asked learn that somebody waits, not who")
	s.StringVar(&f.pass, "passphrase-file", "", "unlock the store with the passphrase on the first line of this `file` (- for standard input); a new store is locked with it")
	s.BoolVar(&f.fill, "fill", false, "fill the store up with random bytes that nobody can tell from blocks, and that give way to blocks: then how full it is says nothing; 1 MiB a second")
	s.BoolVar(&f.steady, "constant-rate", false, "run large downloads at a constant rate, so that the first node of a circuit cannot see when blocks come; costs bandwidth")
}

// registerHops adds the flag that says how requests leave the node.
func registerHops(s *pflag.FlagSet, hops *int) {
	s.IntVar(hops, "hops", node.Hops, "`number` of other nodes that each request passes before it enters the network: 3, or 0 to hide nothing (for experiments)")
}

// checkHops refuses what is neither.
func checkHops(cmd *cobra.Command, hops int) error {
	if hops != 0 && hops != node.Hops {
		return usage(cmd, "--hops takes %d, or 0 to hide nothing", node.Hops)
	}
	return nil
}

func newNodeCmd(e *env) *cobra.Command {
	var flags nodeFlags
	var untilStdinCloses, locked, tellLocked bool
	var profile string
	cmd := &cobra.Command{
		Use:   "node",
		Short: "Run a node in the foreground",
		Long: `Run a node in the foreground until it is interrupted. When it serves, it prints one line:

  ready fproxy=http://127.0.0.1:8888 ref=nightjar-peer:...

The first start makes the data directory and the node's identity. Peers are remembered over restarts.

A node whose store has a passphrase (nightjar store passwd) waits for it: it says so on stderr, and all it does is answer nightjar store unlock and a page at
the proxy's address. The line is printed when it serves. With --passphrase-file it does not wait; whoever has that file can open the store.

Each request passes three other nodes before it enters the network, so that nobody can tell who asks. It waits until three
others are known. With --hops 0 it is sent directly: then the nodes that this one is connected to can tell what it asks for and what it inserts.`,
		Example: `  nightjar node --seed nightjar-peer:...
  nightjar node --seed seeds.txt --store-size 10GiB
  nightjar node --data ./second --fproxy 127.0.0.1:0 --listen tcp/127.0.0.1:0`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg, err := flags.config(cmd, e)
			if err != nil {
				return err
			}
			cfg.locked, cfg.tellLocked = locked, tellLocked
			if err := flags.readPassphrase(cmd, e, &cfg); err != nil {
				return err
			}
			ctx, cancel := context.WithCancel(cmd.Context())
			defer cancel()
			if untilStdinCloses {
				// Ends when the other end of stdin closes, or with the program.
				go func() {
					io.Copy(io.Discard, e.stdin)
					cancel()
				}()
			}
			if profile != "" {
				return profiled(filepath.Join(profile, filepath.Base(cfg.dir.Path())+".cpu"), func() error { return e.serve(ctx, cfg) })
			}
			return e.serve(ctx, cfg)
		},
	}
	flags.register(cmd.Flags())
	f := cmd.Flags()
	f.BoolVar(&untilStdinCloses, "until-stdin-closes", false, "stop when stdin closes")
	f.StringVar(&profile, "profile", "", "write a CPU profile into this `directory`, as a file with the name of the data directory")
	f.BoolVar(&locked, "locked", false, "begin locked, whatever passphrase is known")
	f.BoolVar(&tellLocked, "tell-locked", false, "print a line as well if the store is locked, and none later")
	for _, forPrograms := range []string{"until-stdin-closes", "profile", "locked", "tell-locked"} {
		if err := f.MarkHidden(forPrograms); err != nil {
			panic(err) // it was defined above
		}
	}
	return cmd
}

// profiled runs f and writes a CPU profile of it.
func profiled(path string, f func() error) error {
	out, err := os.Create(path)
	if err != nil {
		return fmt.Errorf("write a profile: %w", err)
	}
	if err := pprof.StartCPUProfile(out); err != nil {
		return errors.Join(fmt.Errorf("write a profile: %w", err), out.Close())
	}
	err = f()
	pprof.StopCPUProfile()
	return errors.Join(err, out.Close())
}

// readPassphrase reads the file with the passphrase, unless the node is to begin locked.
func (f *nodeFlags) readPassphrase(cmd *cobra.Command, e *env, cfg *daemonConfig) error {
	if f.pass == "" || cfg.locked {
		return nil
	}
	p, err := e.passphrase(cmd, f.pass, false)
	cfg.passphrase = []byte(p)
	return err
}

// config checks the flags and makes the data directory.
func (f *nodeFlags) config(cmd *cobra.Command, e *env) (daemonConfig, error) {
	cfg := daemonConfig{fproxy: f.fproxy, quota: int64(f.quota), cache: int64(f.cache), hops: f.hops, steady: f.steady, fill: f.fill, noFollow: f.alone}
	if err := checkHops(cmd, f.hops); err != nil {
		return cfg, err
	}
	if f.cache != 0 && f.cache < clientcache.MinSize {
		return cfg, usage(cmd, "--client-cache takes %s at least, or 0 to keep nothing", byteSize(clientcache.MinSize))
	}
	addr, err := netip.ParseAddrPort(f.fproxy)
	if err != nil || !addr.Addr().IsLoopback() {
		return cfg, usage(cmd, "--fproxy %q is not an address of this machine alone, like %s: whoever reaches the proxy can read through it", f.fproxy, fproxy.Address)
	}
	for _, l := range f.listen {
		if err := checkListen(l); err != nil {
			return cfg, usage(cmd, "--listen %q: %w", l, err)
		}
		cfg.listen = append(cfg.listen, wire.Addr(l))
	}
	if cfg.seeds, err = readSeeds(f.seeds); err != nil {
		return cfg, err
	}
	dir, err := e.dir()
	if err != nil {
		return cfg, err
	}
	cfg.dir, err = datadir.Create(dir.Path())
	return cfg, err
}

func checkListen(l string) error {
	transport, address, found := strings.Cut(l, "/")
	if !found || transport != "tcp" && transport != "quic" {
		return errors.New("it must begin with tcp/ or quic/")
	}
	if _, err := netip.ParseAddrPort(address); err != nil {
		return errors.New("after the transport it needs an IP address and a port")
	}
	return nil
}

// maxSeedFile bounds what is read of a file of references.
const maxSeedFile = 1 << 20

// readSeeds reads references from the values of --seed, and from the files that they name.
func readSeeds(values []string) ([]wire.Descriptor, error) {
	var seeds []wire.Descriptor
	for _, v := range values {
		if strings.HasPrefix(v, wire.RefPrefix) {
			d, err := wire.ParseRef(v)
			if err != nil {
				return nil, during(err, "read --seed")
			}
			seeds = append(seeds, d)
			continue
		}
		fromFile, err := readSeedFile(v)
		if err != nil {
			return nil, err
		}
		seeds = append(seeds, fromFile...)
	}
	return seeds, nil
}

func readSeedFile(name string) ([]wire.Descriptor, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, fmt.Errorf("--seed takes a reference or a file of references: %w", err)
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, maxSeedFile))
	if err != nil {
		return nil, fmt.Errorf("read --seed: %w", err)
	}
	seeds, bad := datadir.ParseRefs(string(b))
	if bad > 0 {
		return nil, during(fmt.Errorf("%d lines are none: %w", bad, wire.ErrBadDescriptor), "read references from %s", name)
	}
	return seeds, nil
}
