package api

import (
	"encoding/json"
	"fmt"
	"net/http"
	"time"

	"nightjar/internal/jobs"
)

const (
	eventPause = 100 * time.Millisecond // between two events of progress, or two bursts of them: people see no more than that
	burstGap   = 5 * time.Millisecond   // what comes with no longer gap between is one burst
	burstTime  = 20 * time.Millisecond  // but no burst is longer: jobs that never rest would be one without end
	lookPause  = time.Second            // how often to look for what comes and goes unannounced: an obstacle
	listenTime = 30 * time.Second       // a listener that has not taken an event by then is let go
)

// events sends the job's state whenever it changes, as server-sent events, and ends after the final one.
func (s *Server) events(w http.ResponseWriter, r *http.Request) error {
	j, err := s.job(r)
	if err != nil {
		return err
	}
	l := newListener(w)
	look := time.NewTicker(lookPause)
	defer look.Stop()
	for {
		state, changed := j.Watch()
		if l.job(state) != nil || l.flush() != nil || state.State.Final() {
			return nil // the answer has begun: a listener that is gone cannot be told
		}
		for same := true; same; {
			select {
			case <-changed:
				same = false
			case <-look.C:
				same = obstacle(state) == obstacle(j.Snapshot())
			case <-r.Context().Done():
				return nil
			}
		}
		select {
		case <-time.After(eventPause):
		case <-j.Ended():
		case <-r.Context().Done():
			return nil
		}
	}
}

func obstacle(s jobs.Snapshot) string {
	if s.Obstacle == nil {
		return ""
	}
	return s.Obstacle.Error()
}

// allEvents sends the state of all jobs, and then of each that has changed, in bursts at least eventPause apart. What changes in between is kept by
// the manager, which keeps one place for each job: a slow listener costs no more than that.
func (s *Server) allEvents(w http.ResponseWriter, r *http.Request) error {
	l := newListener(w)
	changes := s.cfg.Jobs.Watch(r.Context())
	look := time.NewTicker(lookPause)
	defer look.Stop()
	if l.flush() != nil { // a listener learns at once that it is one, even if there are no jobs
		return nil
	}
	for {
		var err error
		select {
		case state, open := <-changes:
			if !open {
				return nil
			}
			err = l.burst(state, changes)
		case <-look.C:
			err = l.obstacles(s.cfg.Jobs.List())
		case <-r.Context().Done():
			return nil
		}
		if err != nil {
			return nil
		}
	}
}

// listener is one that is sent events.
type listener struct {
	w    http.ResponseWriter
	rc   *http.ResponseController
	told map[jobs.ID]string // obstacles of running jobs that it knows of
}

func newListener(w http.ResponseWriter) *listener {
	w.Header().Set("Content-Type", "text/event-stream")
	return &listener{w: w, rc: http.NewResponseController(w), told: map[jobs.ID]string{}}
}

// burst sends state and what follows it closely, and then pauses.
func (l *listener) burst(state jobs.Snapshot, changes <-chan jobs.Snapshot) error {
	began := time.Now()
	gap := time.NewTimer(burstGap)
	defer gap.Stop()
	for more := true; more; {
		if err := l.job(state); err != nil {
			return err
		}
		if time.Since(began) >= burstTime {
			break
		}
		gap.Reset(burstGap)
		select {
		case state, more = <-changes:
		case <-gap.C:
			more = false
		}
	}
	if err := l.flush(); err != nil {
		return err
	}
	time.Sleep(eventPause - time.Since(began))
	return nil
}

// obstacles sends the jobs whose obstacle has come or gone since it was sent last.
func (l *listener) obstacles(all []jobs.Snapshot) error {
	for _, s := range all {
		if s.State == jobs.Running && obstacle(s) != l.told[s.ID] {
			if err := l.job(s); err != nil {
				return err
			}
		}
	}
	return l.flush()
}

// job sends one job's state.
func (l *listener) job(s jobs.Snapshot) error {
	if s.Gone {
		delete(l.told, s.ID)
		return l.send("gone", Removed{ID: s.ID, Jobs: 1})
	}
	if why := obstacle(s); why != "" {
		l.told[s.ID] = why
	} else {
		delete(l.told, s.ID)
	}
	return l.send("job", newJob(s))
}

func (l *listener) send(event string, v any) error {
	b, err := json.Marshal(v)
	if err != nil {
		return err
	}
	if err := l.rc.SetWriteDeadline(time.Now().Add(listenTime)); err != nil {
		return err
	}
	_, err = fmt.Fprintf(l.w, "event: %s\ndata: %s\n\n", event, b)
	return err
}

func (l *listener) flush() error {
	if err := l.rc.SetWriteDeadline(time.Now().Add(listenTime)); err != nil {
		return err
	}
	return l.rc.Flush()
}
