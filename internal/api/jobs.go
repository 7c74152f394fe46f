package api

import (
	"fmt"
	"math"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"nightjar/internal/content"
	"nightjar/internal/jobs"
	"nightjar/keys"
)

// maxName bounds the names that a job remembers.
const maxName = 255

func (s *Server) listJobs(w http.ResponseWriter, r *http.Request) error {
	answer := Jobs{Jobs: []Job{}}
	for _, j := range s.cfg.Jobs.List() {
		answer.Jobs = append(answer.Jobs, newJob(j))
	}
	return writeJSON(w, http.StatusOK, answer)
}

func (s *Server) createJob(w http.ResponseWriter, r *http.Request) error {
	var req JobRequest
	if err := readJSON(w, r, &req); err != nil {
		return err
	}
	j, err := s.newJob(req)
	if err != nil {
		return err
	}
	w.Header().Set("Location", Prefix+"jobs/"+string(j.ID()))
	return writeJSON(w, http.StatusCreated, newJob(j.Snapshot()))
}

func (s *Server) newJob(req JobRequest) (*jobs.Job, error) {
	timeout, err := milliseconds("timeout_ms", req.TimeoutMS)
	if err != nil {
		return nil, err
	}
	if req.Path == "" && req.Kind != jobs.Keep {
		return s.newAttached(req, timeout)
	}
	spec, err := queueSpec(req, timeout)
	if err != nil {
		return nil, err
	}
	return s.cfg.Jobs.Queue(spec)
}

func milliseconds(field string, ms int64) (time.Duration, error) {
	if ms < 0 || ms > math.MaxInt64/int64(time.Millisecond) {
		return 0, fmt.Errorf("%w: %s is out of range", ErrRequest, field)
	}
	return time.Duration(ms) * time.Millisecond, nil
}

// newAttached makes a job that a client feeds or drains.
func (s *Server) newAttached(req JobRequest, timeout time.Duration) (*jobs.Job, error) {
	if req.Queueing != (Queueing{}) {
		return nil, fmt.Errorf("%w: only a job with a path can have what the request says of queueing", ErrRequest)
	}
	switch req.Kind {
	case jobs.Put:
		spec, err := putSpec(req)
		if err != nil {
			return nil, err
		}
		spec.Timeout = timeout
		return s.cfg.Jobs.NewPut(spec)
	case jobs.Get:
		uri, err := keys.ParseURI(req.URI)
		if err != nil {
			return nil, err
		}
		return s.cfg.Jobs.NewGet(jobs.GetSpec{URI: uri, MaxSize: req.MaxSize, Timeout: timeout})
	}
	return nil, fmt.Errorf("%w: kind must be put, get or keep", ErrRequest)
}

// queueSpec describes a job that the node runs by itself.
func queueSpec(req JobRequest, timeout time.Duration) (jobs.Spec, error) {
	if req.Kind != jobs.Keep && !filepath.IsAbs(req.Path) {
		return nil, fmt.Errorf("%w: a path must be absolute: the node's working directory is not the caller's", ErrRequest)
	}
	priority, err := jobs.ParsePriority(req.Priority)
	if err != nil {
		return nil, err
	}
	switch req.Kind {
	case jobs.Put:
		spec, err := putSpec(req)
		if err != nil {
			return nil, err
		}
		if req.Redundancy != "" {
			if spec.Redundancy, err = content.ParseRedundancy(req.Redundancy); err != nil {
				return nil, fmt.Errorf("%w: %w", ErrRequest, err)
			}
		}
		spec.Folder = false // is seen when the path is looked at
		spec.Path, spec.Hidden, spec.EarlyURI = filepath.Clean(req.Path), req.Hidden, req.EarlyURI
		spec.Times, spec.Site = req.Times, req.Site
		spec.Timeout, spec.Priority, spec.Tries = timeout, priority, req.Tries
		return spec, nil
	case jobs.Get:
		return getSpec(req, timeout, priority)
	case jobs.Keep:
		return keepSpec(req, timeout, priority)
	}
	return nil, fmt.Errorf("%w: kind must be put, get or keep", ErrRequest)
}

func getSpec(req JobRequest, timeout time.Duration, priority jobs.Priority) (jobs.Spec, error) {
	uri, err := keys.ParseURI(req.URI)
	if err != nil {
		return nil, err
	}
	path := filepath.Clean(req.Path)
	if err := writable(filepath.Dir(path)); err != nil {
		return nil, err
	}
	return jobs.GetSpec{
		URI: uri, MaxSize: req.MaxSize, Path: path, Force: req.Force, Timeout: timeout, Priority: priority, Tries: req.Tries,
	}, nil
}

func keepSpec(req JobRequest, timeout time.Duration, priority jobs.Priority) (jobs.Spec, error) {
	if req.Path != "" {
		return nil, fmt.Errorf("%w: a keep has no path", ErrRequest)
	}
	uri, err := keys.ParseURI(req.URI)
	if err != nil {
		return nil, err
	}
	every, err := milliseconds("every_ms", req.EveryMS)
	if err != nil {
		return nil, err
	}
	return jobs.KeepSpec{URI: uri, Every: every, Check: req.Check, Sample: req.Sample, MaxBlocks: req.MaxBlocks, Timeout: timeout, Priority: priority, Tries: req.Tries}, nil
}

// writable finds out whether a file can be made in a directory: a download that cannot be written is refused now, not after it was fetched.
func writable(dir string) error {
	f, err := os.CreateTemp(dir, ".nightjar-*")
	if err != nil {
		return fmt.Errorf("the node cannot write to the folder: %w", err)
	}
	closeErr := f.Close()
	if err := os.Remove(f.Name()); err != nil {
		return err
	}
	return closeErr
}

func putSpec(req JobRequest) (jobs.PutSpec, error) {
	if len(req.Name) > maxName || len(req.MIME) > maxName || !utf8.ValidString(req.Name) {
		return jobs.PutSpec{}, fmt.Errorf("%w: name and mime have at most %d bytes", ErrRequest, maxName)
	}
	if strings.ContainsFunc(req.Name, unicode.IsControl) {
		return jobs.PutSpec{}, fmt.Errorf("%w: the name has control characters", ErrRequest)
	}
	spec := jobs.PutSpec{Folder: req.Folder, Name: req.Name, MIME: req.MIME, Convergent: req.Convergent}
	if req.Target == "" {
		return spec, nil
	}
	uri, err := keys.ParseURI(req.Target)
	if err != nil {
		return jobs.PutSpec{}, err
	}
	if uri.Type == keys.CHK || uri.Type != keys.KSK && !uri.Insert {
		return jobs.PutSpec{}, fmt.Errorf("%w: the target must be an insert URI of an SSK or USK, or a KSK", keys.ErrBadURI)
	}
	spec.Target = uri
	return spec, nil
}

func (s *Server) job(r *http.Request) (*jobs.Job, error) {
	return s.cfg.Jobs.Job(jobs.ID(r.PathValue("id")))
}

func (s *Server) showJob(w http.ResponseWriter, r *http.Request) error {
	j, err := s.job(r)
	if err != nil {
		return err
	}
	return writeJSON(w, http.StatusOK, newJob(j.Snapshot()))
}

func (s *Server) cancelJob(w http.ResponseWriter, r *http.Request) error {
	j, err := s.job(r)
	if err != nil {
		return err
	}
	j.Cancel()
	return writeJSON(w, http.StatusAccepted, newJob(j.Snapshot()))
}

func (s *Server) pauseJob(w http.ResponseWriter, r *http.Request) error {
	return s.changeJob(w, r, (*jobs.Job).Pause)
}

func (s *Server) resumeJob(w http.ResponseWriter, r *http.Request) error {
	return s.changeJob(w, r, (*jobs.Job).Resume)
}

func (s *Server) setPriority(w http.ResponseWriter, r *http.Request) error {
	var body Priority
	if err := readJSON(w, r, &body); err != nil {
		return err
	}
	p, err := jobs.ParsePriority(body.Priority)
	if err != nil {
		return err
	}
	return s.changeJob(w, r, func(j *jobs.Job) error { return j.SetPriority(p) })
}

func (s *Server) changeJob(w http.ResponseWriter, r *http.Request, change func(*jobs.Job) error) error {
	j, err := s.job(r)
	if err != nil {
		return err
	}
	if err := change(j); err != nil {
		return err
	}
	return writeJSON(w, http.StatusOK, newJob(j.Snapshot()))
}

func (s *Server) removeJob(w http.ResponseWriter, r *http.Request) error {
	id := jobs.ID(r.PathValue("id"))
	if err := s.cfg.Jobs.Remove(id); err != nil {
		return err
	}
	return writeJSON(w, http.StatusOK, Removed{ID: id, Jobs: 1})
}

func (s *Server) clearJobs(w http.ResponseWriter, r *http.Request) error {
	return writeJSON(w, http.StatusOK, Removed{Jobs: s.cfg.Jobs.Clear()})
}
