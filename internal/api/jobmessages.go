package api

import (
	"time"

	"nightjar/internal/content"
	"nightjar/internal/jobs"
	"nightjar/keys"
)

// JobRequest is the body of POST jobs.
type JobRequest struct {
	Kind      jobs.Kind `json:"kind"`
	TimeoutMS int64     `json:"timeout_ms,omitempty"` // 0 = no limit
	// Put only.
	Folder     bool   `json:"folder,omitempty"`
	Name       string `json:"name,omitempty"`
	MIME       string `json:"mime,omitempty"`
	Target     string `json:"target,omitempty"` // "" = a new CHK
	Convergent bool   `json:"convergent,omitempty"`
	// Get and keep.
	URI     string `json:"uri,omitempty"`
	MaxSize uint64 `json:"max_size,omitempty"` // 0 = no limit
	Queueing
}

// Queueing is what JobRequest says of jobs that the node runs by itself: of those that have a path, and of keeps.
type Queueing struct {
	Path     string `json:"path,omitempty"`     // absolute
	Priority string `json:"priority,omitempty"` // low, normal, high; "" = normal
	Tries    int    `json:"tries,omitempty"`    // 0 = until it succeeds
	// Put only.
	Hidden     bool   `json:"hidden,omitempty"`
	Times      bool   `json:"times,omitempty"`
	Redundancy string `json:"redundancy,omitempty"` // "" = the standard
	EarlyURI   bool   `json:"early_uri,omitempty"`
	Site       string `json:"site,omitempty"` // publishes path as its next edition
	// Get only.
	Force bool `json:"force,omitempty"`
	// Keep only.
	EveryMS   int64   `json:"every_ms,omitempty"` // 0 = once
	Check     bool    `json:"check,omitempty"`
	Sample    float64 `json:"sample,omitempty"`     // 0 = the default
	MaxBlocks uint64  `json:"max_blocks,omitempty"` // 0 = the default
}

// Job is a job in answers and events.
type Job struct {
	ID       jobs.ID    `json:"id"`
	Kind     jobs.Kind  `json:"kind"`
	State    jobs.State `json:"state"`
	Folder   bool       `json:"folder"`
	Name     string     `json:"name,omitempty"`
	Created  time.Time  `json:"created"`
	Started  time.Time  `json:"started,omitzero"`
	Ended    time.Time  `json:"ended,omitzero"`
	Progress Progress   `json:"progress"`
	URI      string     `json:"uri,omitempty"`
	Size     uint64     `json:"size"`
	MIME     string     `json:"mime,omitempty"`
	Obstacle string     `json:"obstacle,omitempty"` // why a running job cannot go on at the moment
	Error    *Error     `json:"error,omitempty"`    // why it has failed, is paused, or is tried again
	Plan
}

// Plan is what Job says of jobs that the node runs by itself.
type Plan struct {
	Queued   bool      `json:"queued"`
	Path     string    `json:"path,omitempty"`
	Site     string    `json:"site,omitempty"`
	Priority string    `json:"priority,omitempty"`
	Tries    int       `json:"tries,omitempty"` // failures in a row
	Next     time.Time `json:"next,omitzero"`   // when it goes on by itself
	Health   *Health   `json:"health,omitempty"`
}

// Health is what a keep found last.
type Health struct {
	Blocks   uint64    `json:"blocks"`   // asked for
	Missing  uint64    `json:"missing"`  // of those not found
	Repaired uint64    `json:"repaired"` // inserted again
	Segments uint64    `json:"segments"` // in all; 0 with a verify capability, which names blocks alone
	Lost     uint64    `json:"lost"`     // segments that cannot be rebuilt any more
	Classes  []Segment `json:"classes"`  // the segments of files, of containers of small files and of tables, summed up; [] after a restart of the node
	Weakest  *Segment  `json:"weakest,omitempty"`
}

// Segment is what was found of a segment, or of all of a class.
type Segment struct {
	Class    string  `json:"class"`    // files, containers, tables
	Segments int     `json:"segments"` // how many are summed up
	Needed   int     `json:"needed"`   // blocks that it takes to rebuild them
	Blocks   int     `json:"blocks"`   // that they have
	Asked    int     `json:"asked"`
	Found    int     `json:"found"`
	Repaired int     `json:"repaired"`
	Left     float64 `json:"left"` // blocks there are for each one that is needed, in the weakest: below 1 it is lost
}

// Progress is how far a job is.
type Progress struct {
	Done  uint64  `json:"done"`  // blocks
	Need  uint64  `json:"need"`  // blocks
	Bytes uint64  `json:"bytes"` // content bytes delivered or taken in
	Size  uint64  `json:"size"`  // content bytes in all; 0 = not known yet
	Rate  float64 `json:"rate"`  // content bytes per second of late
}

// Jobs is the answer to GET jobs.
type Jobs struct {
	Jobs []Job `json:"jobs"`
}

// Priority is the body of POST jobs/{id}/priority.
type Priority struct {
	Priority string `json:"priority"` // low, normal, high
}

// Removed is the answer to POST jobs/{id}/remove and POST jobs/clear, and the data of an event that says that a job is no longer listed.
type Removed struct {
	ID   jobs.ID `json:"id,omitempty"`
	Jobs int     `json:"jobs"` // how many
}

// classOf says what a segment holds.
func classOf(s content.SegmentHealth) string {
	switch {
	case s.Table:
		return "tables"
	case s.Path == "":
		return "containers"
	}
	return "files"
}

func newHealth(h *content.Health) *Health {
	if h == nil {
		return nil
	}
	a := &Health{Blocks: h.Blocks, Missing: h.Missing, Repaired: h.Repaired, Segments: h.Count, Lost: h.Lost, Classes: []Segment{}}
	if h.Count > 0 {
		a.Weakest = &Segment{Class: classOf(h.Weakest)}
		a.Weakest.add(h.Weakest)
	}
	for _, class := range []string{"files", "containers", "tables"} {
		sum := Segment{Class: class}
		for _, s := range h.Segments {
			if classOf(s) == class {
				sum.add(s)
			}
		}
		if sum.Segments > 0 {
			a.Classes = append(a.Classes, sum)
		}
	}
	return a
}

func (s *Segment) add(h content.SegmentHealth) {
	if left := h.Left(); h.Asked > 0 && (s.Asked == 0 || left < s.Left) {
		s.Left = left
	}
	s.Segments++
	s.Needed += h.Needed
	s.Blocks += h.Blocks
	s.Asked += h.Asked
	s.Found += h.Found
	s.Repaired += h.Repaired
}

func newJob(s jobs.Snapshot) Job {
	j := Job{
		ID: s.ID, Kind: s.Kind, State: s.State, Folder: s.Folder, Name: s.Name,
		Created: s.Created, Started: s.Started, Ended: s.Ended,
		Progress: Progress{Done: s.Progress.Done, Need: s.Progress.Need, Bytes: s.Progress.Bytes, Size: s.Progress.Size, Rate: s.Rate},
		Size:     s.Size, MIME: s.MIME,
	}
	if s.Queued {
		j.Plan = Plan{Queued: true, Path: s.Path, Site: s.Site, Priority: s.Priority.String(), Tries: s.Tries, Next: s.Next, Health: newHealth(s.Health)}
	}
	if s.URI != (keys.URI{}) {
		j.URI = s.URI.Encode()
	}
	if s.Obstacle != nil {
		j.Obstacle = s.Obstacle.Error()
	}
	if s.Err != nil {
		j.Error = newError(s.Err)
	}
	return j
}
