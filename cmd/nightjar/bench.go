package main

import (
	"context"
	"fmt"
	"slices"

	"github.com/spf13/cobra"
)

// benchFlags are the flags of bench.
type benchFlags struct {
	size    byteSize
	repeats int
	profile string
	seed    uint64
	store   storeFlags
}

// storeFlags are those of the store suite.
type storeFlags struct {
	blocks int
	full   bool
	quota  byteSize
	times  int
	quick  bool
}

func (s *storeFlags) valid() bool { return s.blocks >= 0 && s.quota >= 16<<20 && s.times >= 1 }

func newBenchCmd(e *env) *cobra.Command {
	var flags benchFlags
	suites := []string{"seal", "erasure", "store", "link", "sim", "network"}
	cmd := &cobra.Command{
		Use:   "bench [SUITE ...]",
		Short: "Measure this machine",
		Long: `Measure the building blocks and a network of eight real processes on this machine, with a baseline from the same run where
there is one. Suites: seal, erasure, store, link, sim, network; all of them if none is named.

The store suite compares with Badger alone, overwrites a full store again and again, and starts one of a million blocks. It needs 2 GiB of disk.

Machines differ, and the same machine differs from hour to hour: compare figures of one run.`,
		Example: `  nightjar bench
  nightjar bench network --size 1GiB --repeats 1
  nightjar bench seal link --json
  nightjar bench store --blocks 1000000 --json
  nightjar bench anonymity --quick`,
		ValidArgs: suites,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				args = suites
			}
			for _, a := range args {
				if !slices.Contains(suites, a) {
					return usage(cmd, "there is no suite %q", a)
				}
			}
			if flags.size < 1<<20 || flags.repeats < 1 {
				return usage(cmd, "--size takes 1MiB and more, --repeats 1 and more")
			}
			if !flags.store.valid() {
				return usage(cmd, "--blocks takes 0 and more, --quota 16MiB and more, --overwrite 1 and more")
			}
			return e.runBench(cmd.Context(), flags, args)
		},
	}
	flags.size = 64 << 20
	f := cmd.Flags()
	f.Var(&flags.size, "size", "how much the network suite puts and gets")
	f.IntVar(&flags.repeats, "repeats", 3, "how `often`")
	f.Uint64Var(&flags.seed, "seed", 1, "`seed` of the simulated network")
	f.StringVar(&flags.profile, "profile", "", "write a CPU profile of each node into this `directory`")
	flags.store.quota = 256 << 20
	f.IntVar(&flags.store.blocks, "blocks", 1_000_000, "how many `blocks` the store suite's large store has; 0: there is none")
	f.BoolVar(&flags.store.full, "full", false, "make the large store of blocks of 32 KiB, not of small records: 1 000 000 take 35 GiB of disk")
	f.Var(&flags.store.quota, "quota", "quota of the store that the store suite overwrites")
	f.IntVar(&flags.store.times, "overwrite", 4, "how often the store suite overwrites a full store")
	f.BoolVar(&flags.store.quick, "quick", false, "store suite: an eighth of the turns, only to see that it works")
	cmd.AddCommand(newBenchAnonymityCmd(e))
	return cmd
}

func (e *env) runBench(ctx context.Context, flags benchFlags, suites []string) error {
	var all []figure
	for _, s := range suites {
		e.notice("measuring: %s ...", s)
		figures, err := e.benchSuite(ctx, flags, s)
		if err != nil {
			return during(err, "measure %s", s)
		}
		all = append(all, figures...)
	}
	if e.json {
		return e.printJSON(map[string]any{"figures": all})
	}
	return printFigures(e.stdout, all)
}

func (e *env) benchSuite(ctx context.Context, flags benchFlags, suite string) ([]figure, error) {
	switch suite {
	case "seal":
		return benchSeal(), nil
	case "erasure":
		return benchErasure()
	case "store":
		return e.benchStore(ctx, flags.store)
	case "link":
		return benchLink(ctx)
	case "sim":
		return benchSim(flags.seed), nil
	case "network":
		return e.benchNetwork(ctx, int64(flags.size), flags.repeats, flags.profile)
	}
	return nil, fmt.Errorf("no suite %q", suite)
}
