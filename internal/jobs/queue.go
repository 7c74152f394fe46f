package jobs

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"nightjar/store/vault"
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

	// Why an attempt was ended, beside ErrCancelled and ErrClosed.
	errPaused = errors.New("jobs: paused")
	errYield  = errors.New("jobs: a more urgent job takes its place")
)

// queuedAtOnce is how many queued jobs of a kind run at once, so that attached ones, which somebody waits for, find a slot, and memory stays
// bounded: puts and keeps hold two segments each.
func queuedAtOnce(k Kind) int {
	switch k {
	case Put:
		return 2
	case Get:
		return 4
	}
	return 1
}

// slotKind is whose slots a kind takes: a keep reads and inserts, and has a segment in memory as a put has.
func slotKind(k Kind) Kind {
	if k == Keep {
		return Put
	}
	return k
}

// Start reads the queue from the vault and goes on with it. damaged is how many records could not be read: those whose ID is
// known are listed as failed jobs. The error is ErrNoQueue, the vault's, or of making Config.Dir.
func (m *Manager) Start() (damaged int, err error) {
	if m.cfg.Vault == nil {
		return 0, ErrNoQueue
	}
	if err := os.MkdirAll(m.cfg.Dir, 0o700); err != nil {
		return 0, fmt.Errorf("jobs: making the folder of jobs: %w", err)
	}
	loaded, damaged, err := m.load()
	if err != nil {
		return damaged, err
	}
	m.mu.Lock()
	if m.closed || m.started {
		m.mu.Unlock()
		return damaged, ErrClosed
	}
	m.started = true
	if damaged > 0 {
		m.trouble = append(m.trouble, fmt.Sprintf("the records of %d jobs are damaged; what they were about is lost, what they inserted is not", damaged))
	} else if m.cfg.Vault.Lost() {
		m.trouble = append(m.trouble, "records of jobs or sites that were accepted are missing: the disk, or somebody, has damaged the vault; look whether nightjar queue and nightjar site list show all that they should, and import the keys of sites that you have exported")
	}
	m.jobs = append(m.jobs, loaded...)
	m.running.Add(2)
	m.mu.Unlock()
	m.sweep(damaged > 0 || len(m.cfg.Trouble) > 0)
	for _, j := range loaded {
		j.tidy()
		m.hub.note(j, false)
	}
	go m.dispatch()   // ends with Close
	go m.healer.run() // likewise ends with Close
	return damaged, nil
}

// load makes jobs of the vault's records, in the order in which they were made.
func (m *Manager) load() (loaded []*Job, damaged int, err error) {
	err = m.cfg.Vault.Each(space, func(id, value []byte) error {
		if !validID(string(id)) {
			damaged++
			return nil
		}
		r, err := m.codec.decode(value)
		if err != nil {
			damaged++
			loaded = append(loaded, m.damagedJob(ID(id)))
			return nil
		}
		j, err := m.fromRecord(ID(id), r)
		if err != nil {
			damaged++
			j = m.damagedJob(ID(id))
		}
		loaded = append(loaded, j)
		return nil
	})
	if lost, ok := errors.AsType[*vault.DamagedError](err); ok {
		damaged += lost.Records
		err = nil
	}
	slices.SortStableFunc(loaded, func(a, b *Job) int { return a.snap.Created.Compare(b.snap.Created) })
	return loaded, damaged, err
}

// validID accepts what newID draws: it names files.
func validID(id string) bool {
	return len(id) == 16 && strings.Trim(id, "abcdefghijklmnopqrstuvwxyz234567") == ""
}

// sweep removes files of jobs that are not there. Those of a job whose record is damaged may be of use to whoever repairs it.
func (m *Manager) sweep(damaged bool) {
	entries, err := os.ReadDir(m.cfg.Dir)
	if err != nil || damaged {
		return
	}
	for _, e := range entries {
		id, _, _ := strings.Cut(e.Name(), ".")
		j, err := m.Job(ID(id))
		if validID(id) && (err != nil || j.Snapshot().State.Final()) {
			os.Remove(filepath.Join(m.cfg.Dir, e.Name()))
		}
	}
}

// Queue adds a job that is kept on the disk and run by the manager, or returns the open one that does the same already. When it returns
// the job survives whatever happens to the process. The error wraps ErrSpec, ErrTarget, ErrNoQueue, ErrQueueFull or ErrClosed, or
// is the vault's or, for a source or target, the system's.
func (m *Manager) Queue(spec Spec) (*Job, error) {
	if m.cfg.Vault == nil {
		return nil, ErrNoQueue
	}
	if err := checkSpec(spec); err != nil {
		return nil, err
	}
	j := m.newQueued(spec)
	if same, err := m.same(j); same != nil || err != nil {
		return same, err
	}
	if err := j.inspect(); err != nil {
		return nil, err
	}
	if err := j.save(); err != nil {
		return nil, err
	}
	same, err := m.enlist(j)
	if same != nil || err != nil {
		if gone := j.erase(); gone != nil {
			m.cfg.Log.Warn("jobs: the record of a job could not be removed")
		}
		return same, err
	}
	m.hub.note(j, false)
	m.wake()
	return j, nil
}

// same finds an open job that does what j would, or ErrTarget if one writes to the same place something else.
func (m *Manager) same(j *Job) (*Job, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.sameLocked(j)
}

func (m *Manager) sameLocked(j *Job) (*Job, error) {
	for _, other := range m.jobs {
		if other.q == nil || other.listedAsFinished || other.q.final.Load() || other.Kind() != j.Kind() {
			continue
		}
		switch {
		case other.q.work == j.q.work:
			return other, nil
		case j.Kind() == Get && other.q.orders.Path == j.q.orders.Path:
			return nil, fmt.Errorf("%w: another job writes there", ErrTarget)
		case j.put.Site != "" && other.put.Site == j.put.Site:
			return nil, fmt.Errorf("%w: another job publishes %q", ErrTarget, j.put.Site)
		}
	}
	return nil, nil
}

func (m *Manager) enlist(j *Job) (same *Job, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.closed || !m.started {
		return nil, ErrClosed
	}
	if same, err := m.sameLocked(j); same != nil || err != nil {
		return same, err
	}
	open := 0
	for _, other := range m.jobs {
		if other.q != nil && !other.listedAsFinished {
			open++
		}
	}
	if open >= m.cfg.MaxQueued {
		return nil, ErrQueueFull
	}
	m.jobs = append(m.jobs, j)
	return nil, nil
}

// wake has the dispatcher look.
func (m *Manager) wake() {
	select {
	case m.kick <- struct{}{}:
	default:
	}
}

// dispatch starts queued jobs when their time has come and there is a slot. It ends with Close.
func (m *Manager) dispatch() {
	defer m.running.Done()
	for {
		wait := time.Hour
		if next := m.step(time.Now()); !next.IsZero() {
			wait = time.Until(next)
		}
		t := time.NewTimer(wait)
		select {
		case <-m.kick:
		case <-t.C:
		case <-m.stop:
			t.Stop()
			return
		}
		t.Stop()
	}
}

// step starts what can be started, most urgent first, and returns when the next job is due.
func (m *Manager) step(now time.Time) (next time.Time) {
	var ready []*Job
	running, ending := map[Kind][]*Job{}, map[Kind]int{}
	for _, j := range m.all() {
		if j.q == nil {
			continue
		}
		switch at, state := j.due(); {
		case state == Running:
			running[j.Kind()] = append(running[j.Kind()], j)
			if j.isEnding() {
				ending[j.Kind()]++
			}
		case state.Final() || at == never:
		case !at.After(now):
			ready = append(ready, j)
		case next.IsZero() || at.Before(next):
			next = at
		}
	}
	slices.SortStableFunc(ready, func(a, b *Job) int { return cmp.Compare(b.priority(), a.priority()) })
	for _, j := range ready {
		k := j.Kind()
		if len(running[k]) < queuedAtOnce(k) && m.launch(j) {
			running[k] = append(running[k], j)
			continue
		}
		if ending[k] > 0 { // its place is about to be free
			ending[k]--
			continue
		}
		if other := lessUrgent(running[k], j.priority()); other != nil {
			other.interrupt(errYield)
		}
	}
	return next
}

// lessUrgent is the least urgent of the jobs that run and go on running, if it is less urgent than p.
func lessUrgent(running []*Job, p Priority) (least *Job) {
	for _, j := range running {
		if q := j.priority(); q < p && !j.isEnding() && (least == nil || q < least.priority()) {
			least = j
		}
	}
	return least
}

// launch runs a job if there is a slot for it.
func (m *Manager) launch(j *Job) bool {
	slots := m.slots[slotKind(j.Kind())]
	select {
	case slots <- struct{}{}:
	default:
		return false
	}
	release := func() {
		<-slots
		m.wake()
	}
	if m.claimed() != nil {
		release()
		return false
	}
	ctx, cancel := context.WithCancelCause(context.Background())
	if !j.begin(cancel) {
		m.running.Done()
		release()
		return false
	}
	// Ends with the attempt, which Close, Cancel and Pause end through its context.
	go func() {
		defer m.running.Done()
		defer release()
		defer cancel(nil)
		j.settle(j.attempt(ctx))
	}()
	return true
}

// Remove takes a final job from the list; the error is ErrNoJob, ErrState if the job is not final, or the vault's: then it stays listed.
func (m *Manager) Remove(id ID) error {
	j, err := m.Job(id)
	if err != nil {
		return err
	}
	if !j.Snapshot().State.Final() {
		return ErrState
	}
	if j.q != nil {
		if err := j.erase(); err != nil {
			return err
		}
	}
	m.mu.Lock()
	m.jobs = slices.DeleteFunc(m.jobs, func(other *Job) bool { return other == j })
	m.mu.Unlock()
	m.hub.note(j, true)
	return nil
}

// Clear removes all final jobs and returns how many.
func (m *Manager) Clear() int {
	n := 0
	for _, j := range m.all() {
		if j.Snapshot().State.Final() && m.Remove(j.ID()) == nil {
			n++
		}
	}
	return n
}

// forget removes what is left of a job that is no longer listed.
func (m *Manager) forget(j *Job) {
	if j.q != nil {
		if err := j.erase(); err != nil {
			m.cfg.Log.Warn("jobs: the record of a job could not be removed")
		}
	}
	m.hub.note(j, true)
}
