package api

import (
	"encoding/json"
	"fmt"
	"net/http"
	"time"

	"nightjar/internal/jobs"
)

const (
	eventPause = 100 * time.Millisecond // between two events of progress: people see no more than that
	lookPause  = time.Second            // how often to look for what comes and goes unannounced: an obstacle
	listenTime = 30 * time.Second       // a listener that has not taken an event by then is let go
)

// events sends the job's state whenever it changes, as server-sent events, and ends after the final one.
func (s *Server) events(w http.ResponseWriter, r *http.Request) error {
	j, err := s.job(r)
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", "text/event-stream")
	look := time.NewTicker(lookPause)
	defer look.Stop()
	for {
		state, changed := j.Watch()
		if err := sendEvent(w, state); err != nil || state.State.Final() {
			return nil // the answer has begun: a listener that is gone cannot be told
		}
		for same := true; same; {
			select {
			case <-changed:
				same = false
			case <-look.C:
				same = sameObstacle(state, j.Snapshot())
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

func sameObstacle(a, b jobs.Snapshot) bool { return newJob(a).Obstacle == newJob(b).Obstacle }

func sendEvent(w http.ResponseWriter, s jobs.Snapshot) error {
	b, err := json.Marshal(newJob(s))
	if err != nil {
		return err
	}
	rc := http.NewResponseController(w)
	if err := rc.SetWriteDeadline(time.Now().Add(listenTime)); err != nil {
		return err
	}
	if _, err := fmt.Fprintf(w, "event: job\ndata: %s\n\n", b); err != nil {
		return err
	}
	return rc.Flush()
}
