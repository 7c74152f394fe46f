package main

import (
	"context"
	"errors"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"nightjar/internal/api"
	"nightjar/internal/jobs"
)

// errKept reports a node that went away while a command followed one of its jobs.
var errKept = errors.New("the node has stopped; it keeps the job and goes on with it when it runs again")

// detachHelp explains what becomes of jobs, for all commands that make some.
const detachHelp = `The node does the work, as a job that it keeps on its disk: if the node or this command is killed, or the machine is switched off, nothing is lost. The node
goes on by itself when it is started again, and the same command, given again, finds the job and follows it. Ctrl-C cancels the job and leaves
nothing behind; to leave it running use --detach, which prints the job's id and returns at once, and then nightjar queue.

What fails before anything has come over the network fails the command. After that, and with --detach in any case, the job waits for what is in
the way and is tried again.`

func registerPriority(f *pflag.FlagSet, p *string) {
	f.StringVar(p, "priority", "", "how urgent it is: `low|normal|high` (default normal)")
}

func registerDetach(f *pflag.FlagSet, detach *bool) {
	f.BoolVarP(detach, "detach", "d", false, "leave the job to the node, print its id, and return")
}

func checkPriority(cmd *cobra.Command, p string) error {
	if _, err := jobs.ParsePriority(p); err != nil {
		return usage(cmd, "--priority %q: it is low, normal or high", p)
	}
	return nil
}

// detach makes a queued job and prints its id.
func (e *env) detach(ctx context.Context, c *api.Client, req api.JobRequest) error {
	job, err := createJob(ctx, c, req)
	if err != nil {
		return err
	}
	if e.json {
		return e.printJSON(map[string]jobs.ID{"job": job.ID})
	}
	return e.println(string(job.ID))
}

// attend makes a queued job, or finds the one that is there, and follows it to its end. seen, unless nil, is told each state. A job that does not
// succeed is cancelled, unless the node has gone, which keeps it.
func (e *env) attend(ctx context.Context, c *api.Client, req api.JobRequest, seen func(api.Job)) (api.Job, error) {
	began := time.Now()
	job, err := createJob(ctx, c, req)
	if err != nil {
		return api.Job{}, err
	}
	f := following{e: e, fresh: !job.Created.Before(began), seen: seen}
	if !f.fresh {
		e.notice("the node has this job already, %s; following it", job.ID)
	}
	done := e.follow(ctx, c, job, job.Size)
	id := job.ID // Watch may fail before it has shown the job
	job, err = f.untilEnd(ctx, c, id)
	done()
	switch {
	case err == nil && job.State == jobs.Done:
		return job, nil
	case err == nil && errors.Is(job.Error, jobs.ErrClosed), ctx.Err() == nil && (errors.Is(err, api.ErrDropped) || errors.Is(err, api.ErrNotRunning)):
		return job, errKept
	case err == nil:
		return job, job.Error
	}
	endJob(ctx, c, id)
	return job, err
}

// endJob cancels a job and waits until nothing of it is left.
func endJob(ctx context.Context, c *api.Client, id jobs.ID) {
	ctx, stop := context.WithTimeout(context.WithoutCancel(ctx), jobTime)
	defer stop()
	if c.Cancel(ctx, id) == nil {
		// It has been told to end: if that takes longer than people wait, it ends all the same.
		_ = c.Watch(ctx, id, func(api.Job) {})
	}
}

// following is a command that waits for a queued job.
type following struct {
	e     *env
	fresh bool // the job was made by this command
	seen  func(api.Job)
	moved bool   // something has come over the network
	told  string // reason that was told last
}

// untilEnd watches a job until it is final, or there is no point in waiting for it: the error is then the job's.
func (f *following) untilEnd(ctx context.Context, c *api.Client, id jobs.ID) (job api.Job, err error) {
	ctx, giveUp := context.WithCancelCause(ctx)
	defer giveUp(nil)
	err = c.Watch(ctx, id, func(j api.Job) {
		job = j
		if f.seen != nil {
			f.seen(j)
		}
		if f.hopeless(j) {
			giveUp(j.Error)
			return
		}
		f.tell(j)
	})
	return job, err
}

// hopeless says that a job which may succeed later is not worth waiting for in a terminal.
func (f *following) hopeless(j api.Job) bool {
	// A get counts blocks of manifests as well, and a put takes in bytes before it has inserted any.
	if j.Kind == jobs.Get {
		f.moved = f.moved || j.Progress.Bytes > 0
	} else {
		f.moved = f.moved || j.Progress.Done > 0
	}
	if j.State != jobs.Retrying && j.State != jobs.Paused || j.Error == nil || !f.fresh {
		return false
	}
	return !f.moved && !errors.Is(j.Error, jobs.ErrDiskFull) || errors.Is(j.Error, jobs.ErrTarget)
}

// tell says in lines what the job waits for, where no progress is drawn.
func (f *following) tell(j api.Job) {
	if f.e.drawsProgress() {
		return
	}
	why := waitsFor(j)
	if why != "" && why != f.told {
		f.e.notice("%s", why)
	}
	f.told = why
}

// waitsFor says what a queued job that does not run waits for.
func waitsFor(j api.Job) string {
	switch {
	case j.State == jobs.Paused && j.Error == nil:
		return "paused; to go on: nightjar queue resume " + string(j.ID)
	case j.State == jobs.Paused || j.State == jobs.Retrying:
		return "waiting: " + reason(j)
	}
	return ""
}
