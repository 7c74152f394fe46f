package main

import (
	"context"
	"errors"
	"runtime"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"nightjar/testnet/sim/anonymity"
)

// anonymityFlags are the flags of bench anonymity.
type anonymityFlags struct {
	cfg   anonymity.Config
	quick bool
}

func newBenchAnonymityCmd(e *env) *cobra.Command {
	var flags anonymityFlags
	cmd := &cobra.Command{
		Use:   "anonymity",
		Short: "Measure how well the network hides who downloads",
		Long: `Play downloads in simulated networks, let nodes collude, and count how often they find out who has downloaded.

Nodes of the design are the machines of the daemon, with real circuits and real blocks, over links in virtual time. Plain
Freenet, stems, and circuits without guards are measured beside it, and guessing. The attacks get all that the colluding nodes
have seen, the topology, and the list of the file's keys.

One seed gives one result. docs/anonymity.md says what each column means. The default takes minutes, --quick seconds.`,
		Example: `  nightjar bench anonymity --quick
  nightjar bench anonymity --nodes 500 --seed 1
  nightjar bench anonymity --blocks 1024 --parts 0.05 --topologies 20 --json`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg := flags.config(cmd)
			if err := cfg.Check(); err != nil {
				return usage(cmd, "%v", err)
			}
			return e.benchAnonymity(cmd.Context(), cfg)
		},
	}
	f := cmd.Flags()
	f.IntVar(&flags.cfg.Nodes, "nodes", 500, "`number` of nodes of a network")
	f.Uint64Var(&flags.cfg.Seed, "seed", 1, "`seed` of the simulated networks")
	f.IntVar(&flags.cfg.Topologies, "topologies", 0, "`number` of networks; intervals are over these")
	f.IntVar(&flags.cfg.Downloads, "downloads", 0, "`number` of downloads of each size, on each network")
	f.IntSliceVar(&flags.cfg.Blocks, "blocks", nil, "`sizes` of files, in blocks")
	f.IntVar(&flags.cfg.Coalitions, "coalitions", 0, "`number` of coalitions that look at each download")
	f.Float64SliceVar(&flags.cfg.Parts, "parts", nil, "`parts` of the nodes that collude; 0 is a single one")
	f.BoolVar(&flags.quick, "quick", false, "a small measurement: seconds, wide intervals")
	return cmd
}

// config is what is to be measured: what was asked for, over the small or the usual defaults.
func (f *anonymityFlags) config(cmd *cobra.Command) anonymity.Config {
	if !f.quick {
		return f.cfg.WithDefaults()
	}
	cfg := anonymity.Quick(f.cfg.Seed)
	changed := cmd.Flags().Changed
	if changed("nodes") {
		cfg.Nodes = f.cfg.Nodes
	}
	if changed("topologies") {
		cfg.Topologies = f.cfg.Topologies
	}
	if changed("downloads") {
		cfg.Downloads = f.cfg.Downloads
	}
	if changed("coalitions") {
		cfg.Coalitions = f.cfg.Coalitions
	}
	if changed("blocks") {
		cfg.Blocks = f.cfg.Blocks
	}
	if changed("parts") {
		cfg.Parts = f.cfg.Parts
	}
	return cfg.WithDefaults()
}

func (e *env) benchAnonymity(ctx context.Context, cfg anonymity.Config) error {
	began := time.Now()
	samples, err := e.measureAnonymity(ctx, cfg)
	if err != nil {
		return during(err, "measure anonymity")
	}
	result := anonymity.Summarise(cfg, samples)
	e.notice("measured in %s", time.Since(began).Round(time.Second))
	if e.json {
		return e.printJSON(result)
	}
	return printAnonymity(e.stdout, result)
}

// measureAnonymity measures the topologies side by side.
func (e *env) measureAnonymity(ctx context.Context, cfg anonymity.Config) ([]*anonymity.Sample, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	samples, errs := make([]*anonymity.Sample, cfg.Topologies), make([]error, cfg.Topologies)
	next := make(chan int, cfg.Topologies)
	for i := range cfg.Topologies {
		next <- i
	}
	close(next)
	watch := anonymity.Watch{
		Stop: func() bool { return ctx.Err() != nil },
		Note: func(what string) { e.notice("%s ...", what) },
	}
	var wg sync.WaitGroup
	for range min(runtime.GOMAXPROCS(0), cfg.Topologies) {
		// Ends when no topology is left, or the context.
		wg.Go(func() {
			for i := range next {
				samples[i], errs[i] = anonymity.Measure(cfg, i, watch)
			}
		})
	}
	wg.Wait()
	err := errors.Join(errs...)
	if errors.Is(err, anonymity.ErrStopped) {
		err = context.Cause(ctx)
	}
	return samples, err
}
