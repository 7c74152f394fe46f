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
}

func newBenchCmd(e *env) *cobra.Command {
	var flags benchFlags
	suites := []string{"seal", "erasure", "store", "link", "sim", "network"}
	cmd := &cobra.Command{
		Use:   "bench [SUITE ...]",
		Short: "Measure this machine",
		Long: `Measure the building blocks and a network of eight real processes on this machine, with a baseline from the same run where
there is one. Suites: seal, erasure, store, link, sim, network; all of them if none is named.

Machines differ, and the same machine differs from hour to hour: compare figures of one run.`,
		Example: `  nightjar bench
  nightjar bench network --size 1GiB --repeats 1
  nightjar bench seal link --json
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
			return e.runBench(cmd.Context(), flags, args)
		},
	}
	flags.size = 64 << 20
	f := cmd.Flags()
	f.Var(&flags.size, "size", "how much the network suite puts and gets")
	f.IntVar(&flags.repeats, "repeats", 3, "how `often`")
	f.Uint64Var(&flags.seed, "seed", 1, "`seed` of the simulated network")
	f.StringVar(&flags.profile, "profile", "", "write a CPU profile of each node into this `directory`")
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
		return benchStore()
	case "link":
		return benchLink(ctx)
	case "sim":
		return benchSim(flags.seed), nil
	case "network":
		return e.benchNetwork(ctx, int64(flags.size), flags.repeats, flags.profile)
	}
	return nil, fmt.Errorf("no suite %q", suite)
}
