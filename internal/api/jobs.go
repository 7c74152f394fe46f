package api

import (
	"fmt"
	"math"
	"net/http"
	"time"
	"unicode/utf8"

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
	if req.TimeoutMS < 0 || req.TimeoutMS > math.MaxInt64/int64(time.Millisecond) {
		return nil, fmt.Errorf("%w: timeout_ms is out of range", ErrRequest)
	}
	timeout := time.Duration(req.TimeoutMS) * time.Millisecond
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
	return nil, fmt.Errorf("%w: kind must be put or get", ErrRequest)
}

func putSpec(req JobRequest) (jobs.PutSpec, error) {
	if len(req.Name) > maxName || len(req.MIME) > maxName || !utf8.ValidString(req.Name) {
		return jobs.PutSpec{}, fmt.Errorf("%w: name and mime have at most %d bytes", ErrRequest, maxName)
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
