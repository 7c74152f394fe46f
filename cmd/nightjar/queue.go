package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"nightjar/internal/api"
	"nightjar/internal/jobs"
	"nightjar/keys"
)

func newQueueCmd(e *env) *cobra.Command {
	list := func(cmd *cobra.Command, _ []string) error { return e.listQueue(cmd.Context()) }
	cmd := &cobra.Command{
		Use:   "queue",
		Short: "Show and direct the node's uploads and downloads",
		Long: `Show the node's jobs, or direct them. The node keeps them on its disk, encrypted: they go on when it is started again, wait for what is in
the way, and are tried again at growing intervals until they succeed or are cancelled. Jobs that read standard input or write standard output are
listed too, and end with their command.

The columns are: the job's id, what it does, to what, its state, how far it is, its rate, the time that is left, and what it waits for.
Jobs that have ended stay listed until they are cleared; the oldest go by themselves.`,
		Example: `  nightjar queue
  nightjar queue watch
  nightjar queue pause --all
  nightjar queue priority high ID
  nightjar queue cancel ID`,
		Args: noArgs,
		RunE: list,
	}
	cmd.AddCommand(
		&cobra.Command{
			Use: "list", Short: "List all jobs", Long: "List all jobs, as nightjar queue does by itself.",
			Example: "  nightjar queue list\n  nightjar queue list --json", Args: noArgs, RunE: list,
		},
		newQueueShowCmd(e), newQueueWatchCmd(e), newQueuePriorityCmd(e),
		newQueueActCmd(e, queueAction{
			use: "pause", short: "Stop jobs until they are resumed",
			long: "Stop jobs until they are resumed, also across restarts of the node. What they have done is kept.",
			all:  func(j api.Job) bool { return j.Queued && !j.State.Final() && j.State != jobs.Paused },
			act: func(ctx context.Context, c *api.Client, id jobs.ID) error {
				_, err := c.Pause(ctx, id)
				return err
			},
		}),
		newQueueActCmd(e, queueAction{
			use: "resume", short: "Have jobs go on now",
			long: "Have jobs that are paused, or wait for their next try, go on now.",
			all:  func(j api.Job) bool { return j.State == jobs.Paused || j.State == jobs.Retrying },
			act: func(ctx context.Context, c *api.Client, id jobs.ID) error {
				_, err := c.Resume(ctx, id)
				return err
			},
		}),
		newQueueActCmd(e, queueAction{
			use: "cancel", short: "End jobs and remove what they have written",
			long: "End jobs and remove what they have written so far. What a put has inserted stays in the network, where nobody can find it.",
			all:  func(j api.Job) bool { return !j.State.Final() },
			act:  func(ctx context.Context, c *api.Client, id jobs.ID) error { return c.Cancel(ctx, id) },
		}),
		newQueueActCmd(e, queueAction{
			use: "clear", short: "Take jobs that have ended from the list",
			long: "Take jobs that have ended from the list, and what the node knows of them from its disk.",
			all:  func(j api.Job) bool { return j.State.Final() },
			act:  func(ctx context.Context, c *api.Client, id jobs.ID) error { return c.Remove(ctx, id) },
		}),
	)
	return cmd
}

// queueAction is something that can be done to jobs.
type queueAction struct {
	use, short, long string
	all              func(api.Job) bool // which jobs --all means
	act              func(context.Context, *api.Client, jobs.ID) error
}

func newQueueActCmd(e *env, a queueAction) *cobra.Command {
	var all bool
	cmd := &cobra.Command{
		Use: a.use + " ID...|--all", Short: a.short, Long: a.long,
		Example: fmt.Sprintf("  nightjar queue %s nrwxgzlmnzxw63dt\n  nightjar queue %s --all", a.use, a.use),
		Args:    someIDs(&all),
		RunE: func(cmd *cobra.Command, args []string) error {
			return e.withClient(cmd.Context(), func(ctx context.Context, c *api.Client) error {
				ids, err := chooseJobs(ctx, c, args, all, a.all)
				if err != nil {
					return err
				}
				return e.each(ids, a.use, func(id jobs.ID) error { return a.act(ctx, c, id) })
			})
		},
	}
	cmd.Flags().BoolVar(&all, "all", false, "all jobs that this can be done to")
	return cmd
}

// someIDs accepts ids, or --all and none.
func someIDs(all *bool) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		switch {
		case len(args) == 0 && !*all:
			return usage(cmd, "%s needs ids of jobs, or --all", cmd.CommandPath())
		case len(args) > 0 && *all:
			return usage(cmd, "%s takes ids of jobs or --all, not both", cmd.CommandPath())
		}
		return nil
	}
}

// chooseJobs are the jobs with these ids, or all that fit.
func chooseJobs(ctx context.Context, c *api.Client, args []string, all bool, fits func(api.Job) bool) (ids []jobs.ID, err error) {
	for _, id := range args {
		ids = append(ids, jobs.ID(id))
	}
	if !all {
		return ids, nil
	}
	list, err := c.Jobs(ctx)
	for _, j := range list {
		if fits(j) {
			ids = append(ids, j.ID)
		}
	}
	return ids, during(err, "list the jobs")
}

// each does something to each job, says for which ones it failed, and goes on with the others.
func (e *env) each(ids []jobs.ID, what string, act func(jobs.ID) error) error {
	done, failed := []jobs.ID{}, error(nil)
	for _, id := range ids {
		if err := during(act(id), "%s job %s", what, id); err != nil {
			e.printError(err)
			if failed == nil {
				failed = toldError(judge(err).exit)
			}
			continue
		}
		done = append(done, id)
	}
	if e.json {
		return errors.Join(failed, e.printJSON(map[string][]jobs.ID{"jobs": done}))
	}
	return failed
}

func newQueuePriorityCmd(e *env) *cobra.Command {
	var all bool
	cmd := &cobra.Command{
		Use:   "priority low|normal|high ID...|--all",
		Short: "Say how urgent jobs are",
		Long: `Say how urgent jobs are, from now on. More urgent ones run first; of what is on its way at once, low, normal and high get shares of
1 to 3 to 9.`,
		Example: `  nightjar queue priority high nrwxgzlmnzxw63dt
  nightjar queue priority low --all`,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return usage(cmd, "%s needs low, normal or high", cmd.CommandPath())
			}
			if _, err := jobs.ParsePriority(args[0]); err != nil || args[0] == "" {
				return usage(cmd, "%q is no priority: low, normal or high", args[0])
			}
			return someIDs(&all)(cmd, args[1:])
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			return e.withClient(cmd.Context(), func(ctx context.Context, c *api.Client) error {
				ids, err := chooseJobs(ctx, c, args[1:], all, func(j api.Job) bool { return j.Queued && !j.State.Final() })
				if err != nil {
					return err
				}
				return e.each(ids, "change", func(id jobs.ID) error {
					_, err := c.SetPriority(ctx, id, args[0])
					return err
				})
			})
		},
	}
	cmd.Flags().BoolVar(&all, "all", false, "all jobs that have not ended")
	return cmd
}

func (e *env) listQueue(ctx context.Context) error {
	return e.withClient(ctx, func(ctx context.Context, c *api.Client) error {
		list, err := c.Jobs(ctx)
		if err != nil {
			return during(err, "list the jobs")
		}
		if e.json {
			return e.printJSON(api.Jobs{Jobs: append([]api.Job{}, list...)})
		}
		if len(list) == 0 {
			e.notice("the queue is empty")
			return nil
		}
		return printQueue(e.stdout, list)
	})
}

// printQueue prints a line for each job.
func printQueue(w io.Writer, list []api.Job) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, j := range list {
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n", j.ID, j.Kind, jobName(j), j.State, percent(j), rateOf(j), timeLeft(j), reason(j))
	}
	return t.Flush()
}

// jobName says for people what a job is about, on one line.
func jobName(j api.Job) string {
	name := j.Name
	switch {
	case name != "":
	case j.Site != "":
		name = j.Site
	case j.Path != "":
		name = filepath.Base(j.Path)
	case j.URI != "":
		if u, err := keys.ParseURI(j.URI); err == nil {
			name = shortURI(u)
		}
	}
	if name == "" {
		return "-"
	}
	return oneLine(name)
}

// oneLine is a name as a terminal may show it in a table: nothing in it acts on the terminal or breaks the line.
func oneLine(s string) string {
	s = strings.Map(func(r rune) rune {
		if r == '\n' || r == '\t' {
			return ' '
		}
		return r
	}, printable(s))
	const most = 60
	if r := []rune(s); len(r) > most {
		return string(r[:most-1]) + "…"
	}
	return s
}

func percent(j api.Job) string {
	if j.State == jobs.Done {
		return "100%"
	}
	return fmt.Sprintf("%d%%", min(99, 100*j.Progress.Done/blocksNeeded(j, j.Size)))
}

func rateOf(j api.Job) string {
	if j.State != jobs.Running || j.Progress.Rate <= 0 {
		return "-"
	}
	return byteSize(j.Progress.Rate).String() + "/s"
}

// timeLeft estimates when a job that runs is done, or says when one that waits goes on.
func timeLeft(j api.Job) string {
	switch need := blocksNeeded(j, j.Size); {
	case !j.Next.IsZero():
		return "in " + max(0, time.Until(j.Next)).Round(time.Second).String()
	case j.State != jobs.Running || j.Progress.Done == 0 || j.Progress.Done >= need:
		return "-"
	default:
		return time.Duration(float64(time.Since(j.Started)) * float64(need-j.Progress.Done) / float64(j.Progress.Done)).Round(time.Second).String()
	}
}

// reason is why a job does not go on, or how it ended, on one line.
func reason(j api.Job) string {
	switch {
	case j.Error != nil:
		text := judge(j.Error).say
		if text == "" {
			text = unprefixed(j.Error.Message)
		}
		return oneLineOf(text)
	case j.Obstacle != "":
		return oneLineOf("waiting: " + j.Obstacle)
	}
	return ""
}

// oneLineOf is a text of any length on one line.
func oneLineOf(s string) string { return strings.Join(strings.Fields(printable(s)), " ") }
