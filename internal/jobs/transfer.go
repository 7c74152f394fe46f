package jobs

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"nightjar/internal/content"
	"nightjar/keys"
)

// parallel is how many blocks of a job are on their way: each waits a tenth of a second on average before it is launched, so
// that fewer would leave the circuits, and an insert's disks, idle. It is as many as two guards let through.
const parallel = 448

// Put inserts the file that r holds; it returns when the job is final, with the job's error, or ErrState. interrupt is
// called if the job ends while r is still being read; it must make a blocked Read return.
func (j *Job) Put(ctx context.Context, r io.Reader, interrupt func()) error {
	if j.Kind() != Put || j.put.Folder {
		return ErrState
	}
	return j.run(ctx, interrupt, func(ctx context.Context) error {
		uri, err := content.PutFile(ctx, j.network, r, j.putOptions())
		return j.inserted(uri, err)
	})
}

// PutFolder inserts the files that r gives; otherwise it is as Put.
func (j *Job) PutFolder(ctx context.Context, r content.FolderReader, interrupt func()) error {
	if j.Kind() != Put || !j.put.Folder {
		return ErrState
	}
	return j.run(ctx, interrupt, func(ctx context.Context) error {
		uri, err := content.PutFolder(ctx, j.network, r, j.putOptions())
		return j.inserted(uri, err)
	})
}

func (j *Job) putOptions() content.PutOptions {
	return content.PutOptions{
		Target:     j.put.Target,
		Name:       j.put.Name,
		MIME:       j.put.MIME,
		Convergent: j.put.Convergent,
		Check:      j.network,
		Parallel:   parallel,
		Progress:   j.report,
		Memory:     &j.m.memory,
		Now:        time.Now,
	}
}

func (j *Job) inserted(uri keys.URI, err error) error {
	if err != nil {
		return err
	}
	j.change(func(s *Snapshot) {
		s.URI = uri
		s.Size = s.Progress.Bytes
	})
	return nil
}

// Get finds the job's content and has deliver fetch and pass it on; it returns when the job is final, with the job's
// error, or ErrState. interrupt is called if the job ends while deliver is still running; it must make a blocked write return.
func (j *Job) Get(ctx context.Context, deliver func(context.Context, *content.Object) error, interrupt func()) error {
	if j.Kind() != Get {
		return ErrState
	}
	return j.run(ctx, interrupt, func(ctx context.Context) error {
		o, err := j.find(ctx, j.network, j.get.URI)
		if err != nil {
			return err
		}
		j.note(o)
		return deliver(ctx, o)
	})
}

// note says in the job's state what was found.
func (j *Job) note(o *content.Object) {
	info := o.Info()
	j.change(func(s *Snapshot) {
		s.Folder = o.IsFolder()
		s.URI = o.URI()
		s.Size = info.Size
		s.MIME = info.MIME
	})
}

// find opens the content. A key that nobody has ever used must not keep a person waiting, so that finding has a limit even where fetching has none.
func (j *Job) find(ctx context.Context, src content.Source, uri keys.URI) (*content.Object, error) {
	if j.timeout == 0 {
		var stop context.CancelFunc
		ctx, stop = j.patient(ctx)
		defer stop()
	}
	if j.m.cfg.Cache != nil {
		src = content.Cached(src, j.m.cfg.Cache(uri), uri)
	}
	o, err := content.Open(ctx, src, uri, content.GetOptions{
		MaxSize: j.get.MaxSize, Progress: j.report, Parallel: parallel, Memory: &j.m.memory, Heal: j.m.Healer(),
	})
	return o, j.verdict(ctx, err)
}

// patienceStep is the grain of FindTimeout.
const patienceStep = time.Second

// patient returns a context that ends with ErrTimeout when the network has been asked for FindTimeout. What cannot be asked waits:
// the time of an obstacle does not count.
func (j *Job) patient(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancelCause(ctx)
	network := j.network
	var wait func(left time.Duration)
	wait = func(left time.Duration) {
		// Runs once more after ctx has ended, at most.
		time.AfterFunc(min(left, patienceStep), func() {
			if network.Obstacle() == nil {
				left -= patienceStep
			}
			switch {
			case ctx.Err() != nil:
			case left <= 0:
				cancel(ErrTimeout)
			default:
				wait(left)
			}
		})
	}
	wait(j.m.cfg.FindTimeout)
	return ctx, func() { cancel(context.Canceled) }
}

// run claims the job, waits for a slot, and does the work.
func (j *Job) run(ctx context.Context, interrupt func(), work func(context.Context) error) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	if err := j.m.claimed(); err != nil {
		return err
	}
	defer j.m.running.Done()
	if err := j.claim(cancel); err != nil {
		return err
	}
	if j.timeout > 0 {
		var stop context.CancelFunc
		ctx, stop = context.WithTimeoutCause(ctx, j.timeout, ErrTimeout)
		defer stop()
	}
	stop := context.AfterFunc(ctx, interrupt)
	defer stop()
	err := j.verdict(ctx, j.work(ctx, work))
	j.finish(err)
	return err
}

func (j *Job) work(ctx context.Context, work func(context.Context) error) error {
	release, err := j.m.slot(ctx, j.Kind())
	if err != nil {
		return err
	}
	defer release()
	j.connect()
	defer j.disconnect()
	j.change(func(s *Snapshot) {
		s.State = Running
		s.Started = time.Now()
	})
	return j.verdict(ctx, work(ctx))
}

// connect gives the job a network of its own. Only whoever runs the job reads it without the lock.
func (j *Job) connect() {
	if j.m.cfg.Network == nil {
		return // tests run jobs that ask for nothing
	}
	p := Normal
	if j.q != nil {
		p = j.priority()
	}
	network := &shared{j.m.cfg.Network(), j.m.window.join(p)}
	j.mu.Lock()
	defer j.mu.Unlock()
	j.network = network
}

func (j *Job) disconnect() {
	j.mu.Lock()
	network := j.network
	j.network = nil
	j.mu.Unlock()
	if network != nil {
		network.Close()
	}
}

// verdict says why work failed: what ended its context counts for more than the error that followed from it, and what stood in
// the way when time ran out for more than that it did.
func (j *Job) verdict(ctx context.Context, err error) error {
	if err == nil {
		return nil
	}
	switch cause := context.Cause(ctx); {
	case cause == nil:
		return err
	case errors.Is(cause, context.Canceled):
		return ErrCancelled
	case errors.Is(cause, ErrTimeout) && j.network != nil && j.network.Obstacle() != nil:
		return fmt.Errorf("%w (%w)", j.network.Obstacle(), cause)
	case errors.Is(err, cause):
		return err // it says more
	default:
		return cause
	}
}

func finalState(err error) State {
	switch {
	case err == nil:
		return Done
	case errors.Is(err, ErrCancelled):
		return Cancelled
	default:
		return Failed
	}
}
