package main

import (
	"context"
	"errors"
	"time"

	"github.com/spf13/cobra"

	"nightjar/internal/api"
	"nightjar/internal/api/datadir"
	"nightjar/internal/jobs"
)

// stopPoll is how often stop looks whether the node has gone: its last act is to remove node.json.
const stopPoll = 20 * time.Millisecond

func newStopCmd(e *env) *cobra.Command {
	var timeout time.Duration
	cmd := &cobra.Command{
		Use:   "stop",
		Short: "Stop the running node and wait until it has ended",
		Long:  `Stop the node that runs in the data directory, however it was started. Its open jobs are cancelled.`,
		Example: `  nightjar stop
  nightjar stop --data ./second --timeout 10s`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			ctx, stop := context.WithTimeoutCause(cmd.Context(), timeout, jobs.ErrTimeout)
			defer stop()
			err := e.withClient(ctx, func(ctx context.Context, c *api.Client) error { return c.Shutdown(ctx) })
			if err != nil {
				return during(err, "stop the node")
			}
			if err := e.untilGone(ctx); err != nil {
				return during(err, "wait for the node to end")
			}
			if e.json {
				return e.printJSON(map[string]bool{"stopped": true})
			}
			e.notice("the node has stopped")
			return nil
		},
	}
	cmd.Flags().DurationVar(&timeout, "timeout", 30*time.Second, "how long to wait")
	return cmd
}

// untilGone waits until node.json is gone.
func (e *env) untilGone(ctx context.Context) error {
	dir, err := e.dir()
	if err != nil {
		return err
	}
	for {
		if _, err := dir.Endpoint(); errors.Is(err, datadir.ErrAbsent) {
			return nil
		}
		select {
		case <-time.After(stopPoll):
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}
