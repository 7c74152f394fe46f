package jobs

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"nightjar/internal/content"
	"nightjar/keys"
)

// never is when a job is due that waits for its user.
var never = time.Unix(1<<40, 0)

// queued is what a queued job has beside what every job has. Fields below the line are guarded by Job.mu.
type queued struct {
	work   work // what makes two jobs the same
	keep   KeepSpec
	secret secret
	hidden bool        // there is nothing to save, any more or because the record was damaged
	final  atomic.Bool // whoever has seen that the job is final can make another one
	saving sync.Mutex  // held while a record is made and written, so that the newest is written last
	// ----
	orders   orders
	progress progress
	tries    int
	attempt
	over    bool     // the job is being made final
	left    bool     // to the next process: its record is as it shall be
	outcome *outcome // how, once that is known
}

// attempt is what is known of the attempt under way.
type attempt struct {
	cancel  context.CancelCauseFunc
	ending  bool   // it was told to end
	wasFull bool   // the one before found the disk full
	moved   uint64 // blocks that it brought over the network
}

// work tells jobs that do the same from all others. It is a hash, since what a job does may be told by an insert URI, which is in memory no longer
// than the job needs it.
type work [sha256.Size]byte

func workOf(format string, args ...any) (w work) {
	text := fmt.Appendf(nil, format, args...)
	w = sha256.Sum256(text)
	clear(text)
	return w
}

// outcome is how a job ends.
type outcome struct {
	err error
	at  time.Time
}

func (m *Manager) newQueued(spec Spec) *Job {
	o := ordersOf(spec)
	j := m.newJob(spec.kind(), o.Timeout)
	j.q = &queued{orders: o}
	rand.Read(j.q.secret.Salt[:])
	rand.Read(j.q.secret.Key[:])
	j.setSpec(spec)
	return j
}

// setSpec notes what a job does.
func (j *Job) setSpec(spec Spec) {
	q := j.q
	j.snap.Plan = Plan{Queued: true, Path: q.orders.Path, Priority: q.orders.Priority}
	if s, ok := spec.(PutSpec); ok {
		j.snap.Site = s.Site
	}
	switch s := spec.(type) {
	case PutSpec:
		j.put = s
		j.snap.Name = s.Name
		s.Priority, s.Tries, s.Timeout = 0, 0, 0
		q.work = workOf("put %q %q %q %q %q %t %t %t %d %t",
			s.Path, s.Name, s.MIME, encode(s.Target), s.Site, s.Convergent, s.Hidden, s.Times, s.Redundancy, s.EarlyURI)
	case GetSpec:
		j.get = s
		q.work = workOf("get %q %q", s.Path, encode(s.URI))
	case KeepSpec:
		q.keep = s
		j.snap.URI = s.URI
		q.work = workOf("keep %q %d %t %g %d", encode(s.URI), s.Every, s.Check, s.Sample, s.MaxBlocks)
	}
}

func encode(u keys.URI) string {
	if u == (keys.URI{}) {
		return ""
	}
	return u.Encode()
}

// inspect looks at the source or the target before the job is accepted.
func (j *Job) inspect() error {
	switch j.Kind() {
	case Put:
		src, err := openSource(context.Background(), j.put.Path, j.put.Hidden)
		if err != nil {
			return err
		}
		defer src.close()
		if j.put.Site != "" {
			if err := j.inspectSite(src); err != nil {
				return err
			}
		}
		j.put.Folder, j.snap.Folder = src.folder, src.folder
		j.q.progress.Source = src.fingerprint()
		j.snap.Size = src.size()
	case Get:
		return j.target().check()
	}
	return nil
}

// due is when the job is to be started, and its state.
func (j *Job) due() (time.Time, State) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.snap.State == Paused && j.snap.Next.IsZero() {
		return never, Paused
	}
	return j.snap.Next, j.snap.State
}

func (j *Job) priority() Priority {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.snap.Priority
}

// begin makes the job running, unless its state has changed since it was seen to be due.
func (j *Job) begin(cancel context.CancelCauseFunc) (begun bool) {
	j.change(func(s *Snapshot) {
		now := time.Now()
		if j.q.over || s.State == Running || s.State == Paused && s.Next.IsZero() || s.Next.After(now) {
			return
		}
		begun = true
		j.q.cancel, j.q.ending, j.q.moved, j.q.wasFull = cancel, false, 0, diskFull(s.Err)
		j.meter = meter{}
		s.State, s.Started, s.Next, s.Err = Running, now, time.Time{}, nil
		s.Progress, s.Rate = content.Progress{}, 0
	})
	return begun
}

// interrupt ends the attempt under way and reports whether there is one. If not, the caller may find that one has begun since.
func (j *Job) interrupt(cause error) bool {
	j.mu.Lock()
	cancel := j.q.cancel
	j.q.ending = cancel != nil
	j.mu.Unlock()
	if cancel != nil {
		cancel(cause)
	}
	return cancel != nil
}

func (j *Job) isEnding() bool {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.q.ending
}

// attempt runs the job once, from where it was.
func (j *Job) attempt(ctx context.Context) error {
	if j.timeout > 0 {
		var stop context.CancelFunc
		ctx, stop = context.WithDeadlineCause(ctx, j.snap.Created.Add(j.timeout), ErrTimeout)
		defer stop()
	}
	j.connect()
	defer j.disconnect()
	var err error
	switch j.Kind() {
	case Put:
		err = j.attemptPut(ctx)
	case Get:
		err = j.attemptGet(ctx)
	case Keep:
		err = j.attemptKeep(ctx)
	}
	return j.verdict(ctx, err)
}

// settle decides what becomes of the job after an attempt.
func (j *Job) settle(err error) {
	if errors.Is(err, ErrClosed) {
		j.finish(err) // here alone: the record stays, and the next process goes on
		return
	}
	over := false
	j.change(func(s *Snapshot) {
		q := j.q
		q.cancel, q.ending = nil, false
		if q.moved >= goodProgress {
			q.tries = 0
		}
		s.State, s.Next = Waiting, time.Time{}
		switch again := j.Kind() == Keep && q.keep.Every > 0; {
		case errors.Is(err, errYield):
		case errors.Is(err, errPaused):
			s.State = Paused
		case err == nil && again:
			q.tries = 0
			s.Next = time.Now().Add(around(q.keep.Every)) // a round interval would tell the rounds of one keeper from all others
		case err == nil, errors.Is(err, ErrCancelled), !j.postpone(s, err):
			over = true
			s.State, q.over, q.outcome = Running, true, &outcome{err, time.Now()}
		}
		s.Tries = q.tries
	})
	if over {
		j.wrapUp(err)
		return
	}
	j.keepSaved()
}

// postpone notes when the job is tried again, or returns false if it is not. Job.mu is held.
func (j *Job) postpone(s *Snapshot, err error) bool {
	j.q.tries++
	limit := s.Created.Add(j.timeout)
	late := j.timeout > 0 && !time.Now().Before(limit)
	wait, fate := judge(err, j.q.tries, j.q.orders.Tries, late)
	if fate == conclude {
		return false
	}
	s.State, s.Err = Retrying, readable(err)
	if fate == hold {
		s.State = Paused
	}
	if wait > 0 {
		s.Next = time.Now().Add(wait)
	}
	if j.timeout > 0 && s.Next.After(limit) {
		s.Next = limit
	}
	return true
}

// conclude makes a queued job final that does not run. If an attempt has begun meanwhile, it is told to end.
func (j *Job) conclude(err error) {
	j.mu.Lock()
	cancel := j.q.cancel
	over := j.q.over || j.snap.State.Final() || cancel != nil
	if !over {
		j.q.over, j.q.outcome = true, &outcome{err, time.Now()}
	}
	j.mu.Unlock()
	if cancel != nil {
		cancel(err)
	}
	if !over {
		j.wrapUp(err)
	}
}

// wrapUp makes a queued job final, for good: first on the disk, then what it leaves behind goes, then it is told.
func (j *Job) wrapUp(err error) {
	if !j.keepSaved() && errors.Is(err, ErrCancelled) {
		j.strike()
	}
	j.clean(err != nil)
	j.finish(err)
}

// Cancel ends the job with ErrCancelled and removes what it has written so far. A running job ends soon, not at once. A job that is final stays as it is.
func (j *Job) Cancel() {
	if j.q == nil {
		j.end(ErrCancelled)
		return
	}
	if !j.interrupt(ErrCancelled) {
		j.conclude(ErrCancelled)
	}
}

// Pause stops a queued job until Resume. The error is ErrState if the job is not queued or is final.
func (j *Job) Pause() error {
	if j.q == nil {
		return ErrState
	}
	paused := false
	open := j.change(func(s *Snapshot) {
		if j.q.over {
			return
		}
		if s.State == Running {
			j.q.ending = true
			j.q.cancel(errPaused)
			return
		}
		paused = true
		s.State, s.Err, s.Next = Paused, nil, time.Time{}
	})
	if !open {
		return ErrState
	}
	if paused {
		j.keepSaved()
	}
	return nil
}

// Resume has a paused, retrying or waiting job go on at once. The error is ErrState if the job is not queued, running or final.
func (j *Job) Resume() error {
	if j.q == nil || j.Snapshot().State == Running {
		return ErrState
	}
	if !j.change(func(s *Snapshot) {
		if s.State != Running && !j.q.over { // it may have begun since
			s.State, s.Err, s.Next = Waiting, nil, time.Time{}
		}
	}) {
		return ErrState
	}
	j.keepSaved()
	j.m.wake()
	return nil
}

// SetPriority changes when a queued job runs and what share of the network it has, from now on. The error is ErrState as of Pause, or ErrSpec.
func (j *Job) SetPriority(p Priority) error {
	if p < Low || p > High {
		return fmt.Errorf("%w: there is no such priority", ErrSpec)
	}
	if j.q == nil || !j.change(func(s *Snapshot) { s.Priority = p }) {
		return ErrState
	}
	j.mu.Lock()
	j.q.orders.Priority = p
	network := j.network
	j.mu.Unlock()
	if n, ok := network.(*shared); ok { // else it does not run
		n.share.prioritise(p)
	}
	j.keepSaved()
	j.m.wake()
	return nil
}

// shared is the network of the attempt under way, for its goroutine.
func (j *Job) shared() *shared { return j.network.(*shared) }

// brought counts a block that went over the network.
func (j *Job) brought() {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.q.moved++
}
