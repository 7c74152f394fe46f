package main

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/decor"

	"nightjar/internal/api"
	"nightjar/internal/jobs"
	"nightjar/keys"
)

const barWidth = 32

// follow draws a job's progress until done is called, if progress is drawn at all. size is the number of content bytes,
// 0 if it is not known. done returns when the line is gone.
func (e *env) follow(ctx context.Context, c *api.Client, job api.Job, size uint64) (done func()) {
	if !e.drawsProgress() {
		return e.tellObstacles(ctx, c, job)
	}
	ctx, cancel := context.WithCancel(ctx)
	lines := mpb.New(mpb.WithOutput(e.stderr), mpb.WithWidth(barWidth))
	var latest atomic.Pointer[api.Job]
	latest.Store(&job)
	bar := lines.AddBar(0,
		mpb.BarRemoveOnComplete(),
		mpb.PrependDecorators(decor.Any(func(decor.Statistics) string {
			return phase(*latest.Load())
		}, decor.WC{C: decor.DextraSpace})),
		mpb.AppendDecorators(decor.Percentage(), decor.Any(func(decor.Statistics) string {
			return pace(*latest.Load(), size)
		})),
	)
	ended := make(chan struct{})
	// Ends with the job, or when done cancels its context.
	go func() {
		defer close(ended)
		// Progress is an extra: the transfer itself tells why it failed.
		_ = c.Watch(ctx, job.ID, func(j api.Job) {
			latest.Store(&j)
			bar.SetTotal(int64(blocksNeeded(j, size)), false)
			bar.SetCurrent(int64(j.Progress.Done))
		})
	}()
	return func() {
		cancel()
		<-ended
		bar.Abort(true)
		lines.Wait()
	}
}

// tellObstacles says in lines what a job waits for, where no progress is drawn.
func (e *env) tellObstacles(ctx context.Context, c *api.Client, job api.Job) (done func()) {
	if e.quiet {
		return func() {}
	}
	ctx, cancel := context.WithCancel(ctx)
	ended := make(chan struct{})
	// Ends with the job, or when done cancels its context.
	go func() {
		defer close(ended)
		told := ""
		// The transfer itself tells why it failed.
		_ = c.Watch(ctx, job.ID, func(j api.Job) {
			if j.Obstacle != "" && j.Obstacle != told {
				e.notice("waiting: %s", j.Obstacle)
			}
			told = j.Obstacle
		})
	}()
	return func() {
		cancel()
		<-ended
	}
}

// phase says what the job is doing.
func phase(j api.Job) string {
	switch {
	case j.State == jobs.Waiting:
		return "waiting"
	case waitsFor(j) != "":
		return waitsFor(j)
	case j.Obstacle != "":
		return "waiting: " + j.Obstacle
	case j.Kind == jobs.Put:
		return "inserting"
	case j.Kind == jobs.Keep:
		return "asking"
	case j.Progress.Done == 0:
		return "searching"
	}
	return "fetching"
}

// blocksNeeded estimates how many blocks a job needs: the node learns the number bit by bit, which alone would make the bar jump back.
func blocksNeeded(j api.Job, size uint64) uint64 {
	need := j.Progress.Need
	if size == 0 {
		size = j.Progress.Size
	}
	estimate := (size + keys.DataSize - 1) / keys.DataSize
	if j.Kind == jobs.Put {
		estimate *= 2 // as many check blocks as data blocks
	}
	return max(need, estimate, 1)
}

// pace says how fast the job is and how long it will take.
func pace(j api.Job, size uint64) string {
	need, rate := blocksNeeded(j, size), j.Progress.Rate
	spent := time.Since(j.Started)
	begun := !j.Started.IsZero() && j.Progress.Done > 0 && spent > 0
	if j.Kind == jobs.Put && begun {
		// A put takes in content long before it has inserted it.
		rate = float64(size) * float64(j.Progress.Done) / float64(need) / spent.Seconds()
	}
	if rate <= 0 {
		return ""
	}
	text := " " + byteSize(rate).String() + "/s"
	if !begun || j.Progress.Done >= need {
		return text
	}
	left := time.Duration(float64(spent) * float64(need-j.Progress.Done) / float64(j.Progress.Done))
	return text + fmt.Sprintf(", %s left", left.Round(time.Second))
}
