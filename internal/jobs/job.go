package jobs

import (
	"context"
	"errors"
	"sync"
	"time"

	"nightjar/internal/content"
	"nightjar/keys"
)

// ID names a job: 16 letters and digits.
type ID string

// Kind is what a job does.
type Kind string

// The kinds of job.
const (
	Put  Kind = "put"
	Get  Kind = "get"
	Keep Kind = "keep" // only queued
)

// State is how far a job is.
type State string

// The states of a job; the last three are final. Paused and Retrying are for queued jobs alone.
const (
	Waiting   State = "waiting"  // for its turn, or until Snapshot.Next
	Running   State = "running"  //
	Paused    State = "paused"   // by its user, or because of Snapshot.Err, which somebody must do something about
	Retrying  State = "retrying" // Snapshot.Err is in the way, and looked at again at Snapshot.Next
	Done      State = "done"
	Failed    State = "failed"
	Cancelled State = "cancelled"
)

// Final reports whether a job in this state can change no more.
func (s State) Final() bool { return s == Done || s == Failed || s == Cancelled }

// Times are when what happened to a job; the zero time is "not yet".
type Times struct {
	Created time.Time
	Started time.Time // last
	Ended   time.Time
	Next    time.Time // when a job that waits, is retrying or paused by itself goes on
}

// Plan is what a snapshot says of queued jobs alone.
type Plan struct {
	Queued   bool   // the job is kept on the disk and run by the manager
	Path     string // what is read or written
	Site     string // that is published
	Priority Priority
	Tries    int             // failures in a row that passed or may pass
	Health   *content.Health // what a keep found last; after a restart without the list of segments. It is not changed any more

	Gone bool // the job is no longer listed; only in what Manager.Watch sends
}

// Snapshot describes a job at one moment.
type Snapshot struct {
	ID     ID
	Kind   Kind
	Folder bool   // the content is a folder; of a get known once its manifest was found
	Name   string // the name that the user gave, "" = none
	State  State
	Times
	Progress content.Progress
	Rate     float64  // content bytes per second of late
	URI      keys.URI // the result of a put, known when it is done or, if that was asked for, earlier; the resolved request URI of a get whose manifest was found; what a keep keeps
	Size     uint64   // content bytes; of a put known when it is done, of a get once its manifest was found
	MIME     string   // of a get of a file once its manifest was found
	Obstacle error    // why a running job cannot go on at the moment; nil = nothing is in the way
	Err      error    // why State is Failed, Cancelled, Retrying or Paused; nil otherwise, and if the user paused it
	Plan
}

// Job is one insert or fetch.
type Job struct {
	m       *Manager
	timeout time.Duration
	put     PutSpec
	get     GetSpec
	q       *queued     // nil if the job is fed or drained by somebody
	abandon *time.Timer // runs giveUp while nobody has claimed the job

	listedAsFinished bool // guarded by Manager.mu: counted among the finished ones

	mu      sync.Mutex
	snap    Snapshot
	claimed bool
	cancel  context.CancelCauseFunc // of the claimed run
	network Network                 // of the claimed run, while it runs
	meter   meter
	changed chan struct{} // closed and forgotten at the next change; nil while nobody watches

	ended chan struct{} // closed by finish, once
}

// ID names the job.
func (j *Job) ID() ID { return j.snap.ID }

// Kind is what the job does.
func (j *Job) Kind() Kind { return j.snap.Kind }

// Folder reports whether a put expects a folder.
func (j *Job) Folder() bool { return j.put.Folder }

// Snapshot describes the job as it is now.
func (j *Job) Snapshot() Snapshot {
	j.mu.Lock()
	s, network := j.snap, j.network
	j.mu.Unlock()
	if network != nil && s.State == Running {
		s.Obstacle = network.Obstacle()
	}
	return s
}

// Watch describes the job as it is now and returns a channel that is closed once that is out of date, except that an obstacle
// comes and goes unannounced. A listener that comes late finds the newest state, so it can lose steps in between but never
// the final one. After a final state the channel is never closed.
func (j *Job) Watch() (Snapshot, <-chan struct{}) {
	j.mu.Lock()
	if j.changed == nil {
		j.changed = make(chan struct{})
	}
	changed := j.changed
	j.mu.Unlock()
	return j.Snapshot(), changed
}

// Ended is closed when the job has become final.
func (j *Job) Ended() <-chan struct{} { return j.ended }

// change applies f unless the job is final, tells the listeners, and reports whether it applied f.
func (j *Job) change(f func(*Snapshot)) bool {
	j.mu.Lock()
	if j.snap.State.Final() {
		j.mu.Unlock()
		return false
	}
	f(&j.snap)
	changed := j.changed
	j.changed = nil
	j.mu.Unlock()
	if changed != nil {
		close(changed)
	}
	j.m.hub.note(j, false)
	return true
}

func (j *Job) end(cause error) {
	j.mu.Lock()
	claimed, cancel := j.claimed, j.cancel
	j.claimed = true // so that nobody claims it while it is being ended
	j.mu.Unlock()
	switch {
	case cancel != nil:
		cancel(cause)
	case !claimed:
		j.abandon.Stop()
		j.finish(cause)
	}
}

func (j *Job) giveUp() {
	j.mu.Lock()
	claimed := j.claimed
	j.claimed = true
	j.mu.Unlock()
	if !claimed {
		j.finish(ErrAbandoned)
	}
}

// claim makes the caller the only one who runs the job.
func (j *Job) claim(cancel context.CancelCauseFunc) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.claimed {
		if j.snap.Err != nil {
			return j.snap.Err
		}
		return ErrState
	}
	j.claimed = true
	j.cancel = cancel
	j.abandon.Stop()
	return nil
}

// finish makes the job final, and reports whether it was not before.
func (j *Job) finish(err error) bool {
	changed := j.change(func(s *Snapshot) {
		s.Ended, s.Next = time.Now(), time.Time{}
		s.Err = err
		s.State = finalState(err)
		j.put.Target.Wipe() // a finished job stays listed for long; only whoever runs it reads this
		switch {
		case j.q == nil:
		case errors.Is(err, ErrClosed):
			j.q.left = true
		default:
			j.q.final.Store(true)
			j.q.secret = secret{} // who has the salt can test for what was inserted
		}
	})
	if !changed {
		return false
	}
	close(j.ended)
	if j.q == nil || !errors.Is(err, ErrClosed) {
		j.m.finished(j)
	}
	return true
}

func (j *Job) report(p content.Progress) {
	if j.network != nil {
		j.network.Expect(p.Need)
	}
	now := time.Now()
	j.change(func(s *Snapshot) {
		s.Progress = p
		s.Rate = j.meter.rate(now, p.Bytes)
	})
}
