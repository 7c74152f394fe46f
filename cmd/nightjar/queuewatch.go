package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"nightjar/internal/api"
	"nightjar/internal/jobs"
)

func newQueueShowCmd(e *env) *cobra.Command {
	return &cobra.Command{
		Use:   "show ID...",
		Short: "Show all that is known of jobs",
		Long:  "Show all that is known of jobs, the URI included, once it is known.",
		Example: `  nightjar queue show nrwxgzlmnzxw63dt
  nightjar queue show --json nrwxgzlmnzxw63dt`,
		Args: atLeastOne("the id of a job"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return e.withClient(cmd.Context(), func(ctx context.Context, c *api.Client) error {
				for _, id := range args {
					j, err := c.Job(ctx, jobs.ID(id))
					if err != nil {
						return during(err, "show job %s", id)
					}
					if e.json {
						err = e.printJSON(j)
					} else {
						err = e.printJob(j)
					}
					if err != nil {
						return err
					}
				}
				return nil
			})
		},
	}
}

// atLeastOne accepts one argument and more, each of which the message calls what.
func atLeastOne(what string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) == 0 {
			return usage(cmd, "%s needs %s", cmd.CommandPath(), what)
		}
		return nil
	}
}

func (e *env) printJob(j api.Job) error {
	t := tabwriter.NewWriter(e.stdout, 0, 0, 3, ' ', 0)
	row := func(name, value string) {
		if value != "" {
			fmt.Fprintf(t, "%s\t%s\n", name, oneLineOf(value))
		}
	}
	when := func(name string, at time.Time) {
		if !at.IsZero() {
			row(name, at.Local().Format(time.DateTime))
		}
	}
	row("id", string(j.ID))
	row("does", string(j.Kind))
	row("name", j.Name)
	row("site", j.Site)
	row("path", j.Path)
	row("uri", j.URI)
	row("state", string(j.State))
	row("reason", reason(j))
	row("priority", j.Priority)
	row("done", percent(j))
	if j.Size > 0 {
		row("size", byteSize(j.Size).String())
	}
	when("made", j.Created)
	when("started", j.Started)
	when("ended", j.Ended)
	when("goes on", j.Next)
	if j.Tries > 0 {
		row("failures", fmt.Sprintf("%d in a row", j.Tries))
	}
	if err := t.Flush(); err != nil || j.Health == nil {
		return err
	}
	return printHealth(e.stdout, *j.Health)
}

func newQueueWatchCmd(e *env) *cobra.Command {
	return &cobra.Command{
		Use:   "watch [ID...]",
		Short: "Print what changes in the queue as it happens",
		Long: `Print a line for each job, and again whenever its state or its reason has changed, or it is a tenth further. With ids it watches these jobs and ends
when all of them have: with the exit code of the first that failed, if one did. Without, it goes on until it is interrupted. It changes nothing.
With --json it prints every event.`,
		Example: `  nightjar queue watch
  nightjar queue watch nrwxgzlmnzxw63dt && mail -s done me`,
		Args: cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			return e.withClient(cmd.Context(), func(ctx context.Context, c *api.Client) error {
				w := watching{e: e, told: map[jobs.ID]string{}}
				for _, id := range args {
					if _, err := c.Job(ctx, jobs.ID(id)); err != nil {
						return during(err, "watch job %s", id)
					}
					w.only = append(w.only, jobs.ID(id))
				}
				err := c.WatchAll(ctx, w.event)
				if errors.Is(err, errWatched) {
					return w.failed
				}
				return during(err, "watch the queue")
			})
		},
	}
}

// errWatched ends a watch whose jobs have all ended.
var errWatched = errors.New("all jobs have ended")

// watching is a queue watch.
type watching struct {
	e      *env
	only   []jobs.ID          // these jobs; none = all
	open   int                // of these, how many have ended
	told   map[jobs.ID]string // what was printed last
	failed error              // of the first job that did not succeed
}

func (w *watching) event(j api.Job, gone bool) error {
	if len(w.only) > 0 && !slices.Contains(w.only, j.ID) {
		return nil
	}
	if err := w.print(j, gone); err != nil {
		return err
	}
	if len(w.only) == 0 || !gone && !j.State.Final() || w.told[j.ID] == "ended" {
		return nil
	}
	w.told[j.ID] = "ended"
	if j.Error != nil && w.failed == nil {
		w.failed = during(j.Error, "job %s", j.ID)
	}
	if w.open++; w.open == len(w.only) {
		return errWatched
	}
	return nil
}

func (w *watching) print(j api.Job, gone bool) error {
	if w.e.json {
		return w.e.printJSON(struct {
			Gone bool    `json:"gone,omitempty"`
			Job  api.Job `json:"job"`
		}{gone, j})
	}
	line := fmt.Sprintf("%s  %s  %s  %s  %s", j.ID, j.Kind, jobName(j), j.State, reason(j))
	if gone {
		line = fmt.Sprintf("%s  gone", j.ID)
	}
	key := fmt.Sprint(line, 10*j.Progress.Done/blocksNeeded(j, j.Size))
	if w.told[j.ID] == key || w.told[j.ID] == "ended" {
		return nil
	}
	w.told[j.ID] = key
	if !gone {
		line = fmt.Sprintf("%s  %s  %s  %s  %s  %s", j.ID, j.Kind, jobName(j), j.State, percent(j), reason(j))
	}
	return w.e.println(line)
}
