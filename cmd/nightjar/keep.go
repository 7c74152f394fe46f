package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"nightjar/internal/api"
	"nightjar/internal/jobs"
)

// errLost reports content of which something cannot be rebuilt any more.
var errLost = errors.New("some of it cannot be rebuilt any more")

// keepFlags are the flags of keep.
type keepFlags struct {
	check    bool
	sample   float64
	most     uint64
	every    time.Duration
	timeout  time.Duration
	priority string
	detach   bool
}

func newKeepCmd(e *env) *cobra.Command {
	var flags keepFlags
	cmd := &cobra.Command{
		Use:   "keep URI",
		Short: "See how much of some content is left in the network, and repair it",
		Long: `Ask the network for all blocks of what a URI names, rebuild those that nobody has any more, and insert them again. Then print how much was there: of
how many blocks, how many it takes, how many of those that were asked for were found, and how many blocks there are in the weakest part for each one that
it takes; below 1 that part is lost. With --check it asks for a sample only and repairs nothing.

With --every the node does it again and again, for ever: the command prints the job's id and returns; nightjar queue shows what was found last, and
nightjar queue cancel ends it.

A verify capability (nightjar key verify) serves as well as a URI: with it anybody can keep content alive without being able to read it. What
it finds it inserts again; what is lost it cannot rebuild.

` + uriHelp,
		Example: `  nightjar keep 'CHK@.../film.mkv'
  nightjar keep 'USK@.../blog/-1/' --check
  nightjar keep @verify.key --every 168h`,
		Args: oneArg("a URI"),
		RunE: func(cmd *cobra.Command, args []string) error {
			switch {
			case flags.every < 0 || flags.timeout < 0:
				return usage(cmd, "times must not be negative")
			case flags.every > 0 && flags.every < time.Minute:
				return usage(cmd, "--every must be a minute or more")
			case !(flags.sample >= 0 && flags.sample <= 1):
				return usage(cmd, "--sample takes a share from 0 to 1")
			case flags.sample > 0 && !flags.check:
				return usage(cmd, "--sample is for --check: who repairs must ask for everything")
			}
			if err := checkPriority(cmd, flags.priority); err != nil {
				return err
			}
			return e.keep(cmd.Context(), args[0], flags)
		},
	}
	f := cmd.Flags()
	f.BoolVar(&flags.check, "check", false, "look at a sample and repair nothing")
	f.Float64Var(&flags.sample, "sample", 0, "`share` of the blocks that --check asks for, of each part at least 32 (default 0.05)")
	f.Uint64Var(&flags.most, "max-blocks", 0, "keep nothing of more than this `number` of blocks of 32 KiB (default 16777216: 256 GiB of content)")
	f.DurationVar(&flags.every, "every", 0, "do it again each time this `time` has passed, like 168h for a week")
	f.DurationVar(&flags.timeout, "timeout", 0, "give up after this time (default: never)")
	registerPriority(f, &flags.priority)
	registerDetach(f, &flags.detach)
	return cmd
}

func (e *env) keep(ctx context.Context, arg string, flags keepFlags) error {
	u, err := e.readURI(arg)
	if err != nil {
		return during(err, "read the URI")
	}
	doing := "keep " + shortURI(u)
	if u.Insert {
		if u, err = u.Public(); err != nil {
			return during(err, "%s", doing)
		}
	}
	req := api.JobRequest{Kind: jobs.Keep, URI: u.Encode(), TimeoutMS: flags.timeout.Milliseconds(), Queueing: api.Queueing{
		Priority: flags.priority, EveryMS: flags.every.Milliseconds(), Check: flags.check, Sample: flags.sample, MaxBlocks: flags.most,
	}}
	return e.withClient(ctx, func(ctx context.Context, c *api.Client) error {
		if flags.detach || flags.every > 0 {
			return during(e.detach(ctx, c, req), "%s", doing)
		}
		job, err := e.attend(ctx, c, req, nil)
		if err != nil {
			return during(err, "%s", doing)
		}
		if job.Health == nil {
			return nil
		}
		if e.json {
			err = e.printJSON(job.Health)
		} else {
			err = printHealth(e.stdout, *job.Health)
		}
		if err == nil && job.Health.Lost > 0 {
			err = during(errLost, "%s", doing)
		}
		return err
	})
}

// printHealth says for people what a keep has found, for each class of segments.
func printHealth(w io.Writer, h api.Health) error {
	t := tabwriter.NewWriter(w, 0, 0, 3, ' ', 0)
	fmt.Fprintf(t, "blocks\t%d asked for, %d missing, %d inserted again\n", h.Blocks, h.Missing, h.Repaired)
	for _, c := range h.Classes {
		fmt.Fprintf(t, "%s\t%d segments: %d of %d blocks rebuild them; %d of %d found; the weakest has %.2f for each one needed\n",
			c.Class, c.Segments, c.Needed, c.Blocks, c.Found, c.Asked, c.Left)
	}
	if len(h.Classes) == 0 && h.Weakest != nil {
		fmt.Fprintf(t, "weakest\tof %d segments has %.2f blocks for each one needed\n", h.Segments, h.Weakest.Left)
	}
	if h.Lost > 0 {
		fmt.Fprintf(t, "lost\t%d segments cannot be rebuilt\n", h.Lost)
	}
	return t.Flush()
}
