package jobs

import (
	"context"
	"crypto/rand"
	"encoding/base32"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"

	"nightjar/internal/content"
	"nightjar/internal/sites"
	"nightjar/keys"
	"nightjar/store/vault"
)

var (
	// ErrBusy reports that as many jobs are open as the node allows.
	ErrBusy = errors.New("jobs: too many jobs are open")
	// ErrNoJob reports an id that names no job, or one that was forgotten since it finished.
	ErrNoJob = errors.New("jobs: no such job")
	// ErrState reports a job that cannot do what was asked: it is of the other kind, or was fed, drained or finished before.
	ErrState = errors.New("jobs: the job is not waiting for this")
	// ErrCancelled reports a job that was cancelled, or whose caller went away.
	ErrCancelled = errors.New("jobs: cancelled")
	// ErrTimeout reports a job that did not finish in the time that it was given.
	ErrTimeout = errors.New("jobs: time ran out")
	// ErrAbandoned reports a job that nobody fed or drained.
	ErrAbandoned = errors.New("jobs: nobody sent or fetched the job's data")
	// ErrClosed reports a node that is stopping.
	ErrClosed = errors.New("jobs: the node is stopping")
)

// Network is where one job's blocks come from and go to.
type Network interface {
	content.Source
	content.Positioned
	content.Sink
	// Expect says how many blocks the job will have asked for or inserted in the end, as far as that is known.
	Expect(blocks uint64)
	// Obstacle is why the network can be asked for nothing at the moment, in words for people; nil = nothing is in the way.
	Obstacle() error
	// Close says that the job is over.
	Close()
}

// Config says how many jobs there may be; the zero value of every number means its default.
type Config struct {
	// Network is called for every job that runs, so that the network can keep apart what belongs to different jobs.
	Network func() Network
	// Cache is where blocks are kept that were read of what a URI belongs to, so that what is read again needs no network; nil = nowhere.
	Cache       func(uri keys.URI) content.Shelf
	MaxOpen     int           // jobs waiting or running; default 64
	Puts        int           // puts running at once; default 4: each holds two segments of content in memory
	Gets        int           // gets running at once; default 8
	Keep        int           // finished jobs that stay listed; default 64
	Patience    time.Duration // how long a job waits to be fed or drained; default 1 min
	FindTimeout time.Duration // how long a get without a timeout of its own looks for its manifest, obstacles aside; default 1 min

	Vault     *vault.Vault // keeps the queue; nil = there is none
	Dir       string       // for files of queued jobs; made if it is missing
	MaxQueued int          // queued jobs that are not final; default 1000
	Window    int          // blocks of all jobs together that are on their way; default 448
	Log       *slog.Logger // nil = silent; never told what a job is about
	Sites     *sites.Book  // whose sites may be published; nil = none
	Trouble   []string     // what Manager.Trouble says from the beginning
}

func (c Config) withDefaults() Config {
	setDefault(&c.MaxOpen, 64)
	setDefault(&c.Puts, 4)
	setDefault(&c.Gets, 8)
	setDefault(&c.Keep, 64)
	setDefault(&c.Patience, time.Minute)
	setDefault(&c.FindTimeout, time.Minute)
	setDefault(&c.MaxQueued, 1000)
	setDefault(&c.Window, parallel)
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	return c
}

func setDefault[T int | time.Duration](v *T, d T) {
	if *v == 0 {
		*v = d
	}
}

// Manager holds the jobs of one node.
type Manager struct {
	cfg   Config
	slots map[Kind]chan struct{} // a running job holds one token of its kind

	memory content.Memory // of all jobs: what one leaves the next need not make anew
	codec  codec
	window *window
	hub    *hub
	healer *healer
	kick   chan struct{} // capacity 1: the dispatcher has something to look at
	stop   chan struct{} // closed by Close

	running sync.WaitGroup // claimed jobs, dispatcher and healer; Add only under mu while not closed

	mu      sync.Mutex
	trouble []string
	jobs    []*Job // in the order in which they were made
	started bool
	closed  bool
}

// New returns a manager without jobs. It starts nothing.
func New(cfg Config) *Manager {
	cfg = cfg.withDefaults()
	m := &Manager{
		cfg: cfg, trouble: cfg.Trouble, codec: newCodec(), window: newWindow(cfg.Window), hub: newHub(),
		kick: make(chan struct{}, 1), stop: make(chan struct{}),
		slots: map[Kind]chan struct{}{
			Put: make(chan struct{}, cfg.Puts),
			Get: make(chan struct{}, cfg.Gets),
		},
	}
	m.healer = newHealer(m)
	return m
}

// NewPut adds a job that inserts what it will be fed. The error is ErrBusy or ErrClosed.
func (m *Manager) NewPut(spec PutSpec) (*Job, error) {
	j := m.newJob(Put, spec.Timeout)
	j.put = spec
	j.snap.Folder = spec.Folder
	j.snap.Name = spec.Name
	return m.add(j)
}

// NewGet adds a job that fetches once somebody drains it. The error is ErrBusy or ErrClosed.
func (m *Manager) NewGet(spec GetSpec) (*Job, error) {
	j := m.newJob(Get, spec.Timeout)
	j.get = spec
	return m.add(j)
}

func (m *Manager) newJob(kind Kind, timeout time.Duration) *Job {
	return &Job{
		m:       m,
		timeout: timeout,
		ended:   make(chan struct{}),
		snap:    Snapshot{ID: newID(), Kind: kind, State: Waiting, Times: Times{Created: time.Now()}},
	}
}

func (m *Manager) add(j *Job) (*Job, error) {
	// The timer is set before anybody else can see the job; a patience that is over at once finds it in the list or not yet, and both are sound.
	j.abandon = time.AfterFunc(m.cfg.Patience, j.giveUp)
	if err := m.list(j); err != nil {
		j.abandon.Stop()
		return nil, err
	}
	return j, nil
}

func (m *Manager) list(j *Job) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.closed {
		return ErrClosed
	}
	open := 0
	for _, other := range m.jobs {
		if other.q == nil && !other.listedAsFinished {
			open++
		}
	}
	if open >= m.cfg.MaxOpen {
		return ErrBusy
	}
	m.jobs = append(m.jobs, j)
	m.hub.note(j, false)
	return nil
}

// finished keeps the list of finished jobs bounded: the job that was made first is forgotten first.
func (m *Manager) finished(j *Job) {
	m.mu.Lock()
	j.listedAsFinished = true
	done := 0
	for _, other := range m.jobs {
		if other.listedAsFinished && !other.unreadable() {
			done++
		}
	}
	var gone []*Job
	m.jobs = slices.DeleteFunc(m.jobs, func(other *Job) bool {
		if other.listedAsFinished && !other.unreadable() && done > m.cfg.Keep {
			done--
			gone = append(gone, other)
			return true
		}
		return false
	})
	m.mu.Unlock()
	for _, other := range gone {
		m.forget(other)
	}
}

// Trouble is what the user should know of the queue, in words for people: that some of it was damaged. It names no job.
func (m *Manager) Trouble() []string {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Clone(m.trouble)
}

// Job finds a job; the error is ErrNoJob.
func (m *Manager) Job(id ID) (*Job, error) {
	for _, j := range m.all() {
		if j.ID() == id {
			return j, nil
		}
	}
	return nil, ErrNoJob
}

// List describes all jobs in the order in which they were made.
func (m *Manager) List() []Snapshot {
	all := m.all()
	list := make([]Snapshot, len(all))
	for i, j := range all {
		list[i] = j.Snapshot()
	}
	return list
}

func (m *Manager) all() []*Job {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Clone(m.jobs)
}

// Close ends every open job with ErrClosed and returns when all have ended. Queued jobs end here alone: on the disk they are as open as they were,
// and the next Start goes on with them. The vault may be closed afterwards.
func (m *Manager) Close() {
	m.mu.Lock()
	again := m.closed
	m.closed = true
	m.mu.Unlock()
	if !again {
		close(m.stop)
	}
	for _, j := range m.all() {
		switch {
		case j.q == nil:
			j.end(ErrClosed)
		case !j.interrupt(ErrClosed):
			j.finish(ErrClosed)
		}
	}
	m.running.Wait()
	if !again {
		m.hub.close()
	}
}

// claimed counts a job in for Close to wait for, unless Close has begun.
func (m *Manager) claimed() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.closed {
		return ErrClosed
	}
	m.running.Add(1)
	return nil
}

// slot waits until a job of this kind may run.
func (m *Manager) slot(ctx context.Context, kind Kind) (release func(), err error) {
	slots := m.slots[kind]
	select {
	case slots <- struct{}{}:
		return func() { <-slots }, nil
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

// newID draws an id that cannot be guessed: a web page that could guess it still could not use it, but need not even know it.
func newID() ID {
	var b [10]byte
	rand.Read(b[:]) // never fails: crypto/rand ends the program instead
	return ID(strings.ToLower(base32.StdEncoding.EncodeToString(b[:])))
}
