package main

import (
	"context"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"nightjar/internal/api"
)

func newStatusCmd(e *env) *cobra.Command {
	return &cobra.Command{
		Use:   "status",
		Short: "Show what the running node is doing",
		Long: `Show what the running node is doing: whether the originator of requests is hidden, how many peers it has, and how full
its store is. It ends with exit code 4 if no node is running.`,
		Example: `  nightjar status
  nightjar status --json`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return e.withClient(cmd.Context(), func(ctx context.Context, c *api.Client) error {
				s, err := c.Status(ctx)
				if err != nil {
					return during(err, "ask for the status")
				}
				if e.json {
					return e.printJSON(s)
				}
				return printStatus(e.stdout, s, time.Now())
			})
		},
	}
}

func printStatus(w io.Writer, s api.Status, now time.Time) error {
	switch s.State {
	case api.StateLocked:
		return printClosed(w, s, "locked: it waits for its passphrase (nightjar store unlock)")
	case api.StateOpening:
		return printClosed(w, s, "being opened")
	}
	t := tabwriter.NewWriter(w, 0, 0, 3, ' ', 0)
	fmt.Fprintf(t, "node\trunning for %s, process %d, version %s\n", now.Sub(s.Started).Round(time.Second), s.PID, s.Version)
	printOnion(t, s)
	fmt.Fprintf(t, "peers\t%d, of which %d called us\n", s.Peers.Total, s.Peers.Inbound)
	if s.Peers.Barred > 0 {
		fmt.Fprintf(t, "barred\t%d nodes that broke the protocol\n", s.Peers.Barred)
	}
	fmt.Fprintf(t, "store\t%s of %s, %d blocks\n", byteSize(s.Store.Bytes), byteSize(s.Store.Quota), s.Store.Blocks)
	fmt.Fprintf(t, "jobs\t%d\n", s.Jobs)
	for _, trouble := range s.Trouble {
		fmt.Fprintf(t, "warning\t%s\n", oneLineOf(trouble))
	}
	fmt.Fprintf(t, "proxy\t%s/\n", s.FProxy)
	return t.Flush()
}

// printClosed is the status of a node whose store is not open.
func printClosed(w io.Writer, s api.Status, state string) error {
	_, err := fmt.Fprintf(w, "node    process %d, version %s\nstore   %s\nproxy   %s/\n", s.PID, s.Version, state, s.FProxy)
	return err
}

// printOnion says whether and how the originator of requests is hidden. It names no relay: which ones this node uses is what an
// observer would like to know.
func printOnion(w io.Writer, s api.Status) {
	o := s.Onion
	if !s.OriginatorHidden {
		fmt.Fprintf(w, "originator\tNOT hidden (--hops 0): the nodes that this one is connected to can tell what you ask for and what you insert\n")
	} else {
		fmt.Fprintf(w, "originator\thidden behind %d nodes\n", s.OnionHops)
		fmt.Fprintf(w, "circuits\t%d ready, %d in use, %d being built, beginning at %d guards\n", o.Ready, o.InUse, o.Building, o.Guards)
		if o.Steady {
			fmt.Fprintf(w, "\tlarge downloads run at a constant rate\n")
		}
		if o.Obstacle != "" {
			fmt.Fprintf(w, "waiting\t%s; requests wait until then\n", o.Obstacle)
		}
		for _, warning := range o.Warnings {
			fmt.Fprintf(w, "warning\t%s\n", strings.TrimSpace(warning))
		}
	}
	fmt.Fprintf(w, "relays\t%d known", o.Relays)
	if o.Unreached > 0 {
		fmt.Fprintf(w, ", and %d that were heard of and not reached yet", o.Unreached)
	}
	fmt.Fprintln(w)
}
