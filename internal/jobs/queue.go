package jobs

import (
	"context"
	"errors"
)

var (
	// ErrSpec reports a job that cannot be: a path that is not absolute, a time that is negative, a URI of the wrong kind.
	ErrSpec = errors.New("jobs: the job makes no sense")
	// ErrNoQueue reports a manager that keeps no jobs on the disk.
	ErrNoQueue = errors.New("jobs: this node keeps no queue")
	// ErrQueueFull reports as many queued jobs as the node allows.
	ErrQueueFull = errors.New("jobs: the queue is full")
	// ErrChanged reports a source that is not what it was when its put began; nothing of both is mixed.
	ErrChanged = errors.New("jobs: the source has changed since the job began")
	// ErrTarget reports a target that holds something that may not be replaced, or that another job writes to.
	ErrTarget = errors.New("jobs: the target is taken")
	// ErrDiskFull reports a disk that has no room for what a job writes. The job goes on by itself once it has.
	ErrDiskFull = errors.New("jobs: the disk is full")
	// ErrDamaged reports a job whose record cannot be read any more.
	ErrDamaged = errors.New("jobs: what the node knew of this job is damaged")
)

// Start reads the queue from the vault and goes on with it. damaged is how many records could not be read: those are
// listed as failed jobs as far as they can be told apart. The error is the vault's, or of making Config.Dir.
func (m *Manager) Start() (damaged int, err error) { return 0, ErrNoQueue }

// Queue adds a job that is kept on the disk and run by the manager, or returns the open one that does the same already. When it returns
// the job survives whatever happens to the process. The error wraps ErrSpec, ErrTarget, ErrNoQueue, ErrQueueFull, ErrClosed, or is the vault's.
func (m *Manager) Queue(spec Spec) (*Job, error) { return nil, ErrNoQueue }

// Watch sends the state of every job, at first and whenever it has changed, until ctx ends or the manager is closed; then it closes the
// channel. It delays no job: who receives slowly finds the newest state of each job, and misses those in between. A job that is no
// longer listed is sent once more with Gone set.
func (m *Manager) Watch(ctx context.Context) <-chan Snapshot { return nil }

// Remove takes a final job from the list; the error is ErrNoJob, or ErrState if the job is not final.
func (m *Manager) Remove(id ID) error { return ErrNoJob }

// Clear removes all final jobs and returns how many.
func (m *Manager) Clear() int { return 0 }

// Pause stops a queued job until Resume. The error is ErrState if the job is not queued or is final.
func (j *Job) Pause() error { return ErrState }

// Resume has a paused, retrying or waiting job go on at once. The error is ErrState if the job is not queued, running or final.
func (j *Job) Resume() error { return ErrState }

// SetPriority changes when a queued job runs and what share of the network it has, from now on. The error is as of Pause.
func (j *Job) SetPriority(p Priority) error { return ErrState }
