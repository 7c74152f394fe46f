package main

import (
	"context"
	"fmt"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"nightjar/internal/api"
	"nightjar/routing/wire"
)

func newPeerCmd(e *env) *cobra.Command {
	return group(&cobra.Command{
		Use:   "peer",
		Short: "List the node's peers, add one, or print the node's own reference",
		Long: `Work with the nodes that the running node is connected to. A reference is one line, nightjar-peer:..., by which one
node finds another.`,
		Example: `  nightjar peer list
  nightjar peer ref
  nightjar peer add nightjar-peer:...`,
	}, newPeerListCmd(e), newPeerAddCmd(e), newPeerRefCmd(e))
}

func newPeerListCmd(e *env) *cobra.Command {
	return &cobra.Command{
		Use:   "list",
		Short: "List the nodes that this node is connected to",
		Long:  `List the nodes that this node is connected to: identity, transport, who called whom, and for how long.`,
		Example: `  nightjar peer list
  nightjar peer list --json`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return e.withClient(cmd.Context(), func(ctx context.Context, c *api.Client) error {
				peers, err := c.Peers(ctx)
				if err != nil {
					return during(err, "list the peers")
				}
				if e.json {
					return e.printJSON(peers)
				}
				t := tabwriter.NewWriter(e.stdout, 0, 0, 3, ' ', 0)
				for _, p := range peers {
					direction := "we called"
					if p.Inbound {
						direction = "called us"
					}
					fmt.Fprintf(t, "%s\t%s\t%s\t%s\n", p.ID, p.Transport, direction, time.Since(p.Since).Round(time.Second))
				}
				return t.Flush()
			})
		},
	}
}

func newPeerAddCmd(e *env) *cobra.Command {
	return &cobra.Command{
		Use:   "add REF",
		Short: "Connect the node to another one",
		Long:  `Connect the running node to the node that a reference names, and wait for the link.`,
		Example: `  nightjar peer add nightjar-peer:...
  nightjar peer add "$(nightjar peer ref --data ./second)"`,
		Args: oneArg("a node reference"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if _, err := wire.ParseRef(args[0]); err != nil {
				return during(err, "add a peer")
			}
			return e.withClient(cmd.Context(), func(ctx context.Context, c *api.Client) error {
				if err := c.AddPeer(ctx, args[0]); err != nil {
					return during(err, "add a peer")
				}
				if e.json {
					return e.printJSON(map[string]bool{"added": true})
				}
				e.notice("connected")
				return nil
			})
		},
	}
}

func newPeerRefCmd(e *env) *cobra.Command {
	return &cobra.Command{
		Use:   "ref",
		Short: "Print the node's own reference",
		Long: `Print the running node's reference, for others to join through it. It holds the node's identity and its addresses: give it to
those who may know that you run a node.`,
		Example: `  nightjar peer ref
  nightjar node --data ./second --seed "$(nightjar peer ref)"`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return e.withClient(cmd.Context(), func(ctx context.Context, c *api.Client) error {
				ref, err := c.Ref(ctx)
				if err != nil {
					return during(err, "ask for the reference")
				}
				if e.json {
					return e.printJSON(api.Ref{Ref: ref})
				}
				return e.println(ref)
			})
		},
	}
}
