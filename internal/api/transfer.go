package api

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"time"

	"nightjar/internal/jobs"
)

// Upload sends a put its content: size bytes of a file (-1 = not known), or a folder as foldertar writes it. It returns when the
// job is final, or ctx ends. A failure to read body is returned as it is. After an error body may still be in a Read.
func (c *Client) Upload(ctx context.Context, id jobs.ID, body io.Reader, size int64) (Job, error) {
	source := pump(ctx, body)
	defer source.Close()
	req, err := c.request(ctx, "PUT", "jobs/"+string(id)+"/data", source)
	if err != nil {
		return Job{}, err
	}
	req.Header.Set("Content-Type", "application/octet-stream")
	if size == 0 {
		req.Body = http.NoBody // to package http a length of 0 with a body means "not known"
	} else {
		req.ContentLength = size
		req.Header.Set("Expect", "100-continue") // so that a job that wants no data says so before it is sent
	}
	resp, err := c.do(req)
	if err != nil {
		if broken := source.failure(); broken != nil {
			return Job{}, broken
		}
		return Job{}, c.reason(ctx, id, err)
	}
	defer resp.Body.Close()
	var job Job
	return job, decode(resp.Body, &job)
}

// pumped is a reader behind a pipe. Reading the pipe ends with its context or Close, even while the reader itself blocks, as
// standard input may for ever: package http waits for a Read of the body before it gives up a request.
type pumped struct {
	*io.PipeReader
	mu  sync.Mutex
	err error // why the reader failed; guarded by mu
}

func pump(ctx context.Context, r io.Reader) *pumped {
	pr, pw := io.Pipe()
	p := &pumped{PipeReader: pr}
	stop := context.AfterFunc(ctx, func() { pr.CloseWithError(context.Cause(ctx)) })
	// Ends when the pipe is closed and r has returned from its last Read.
	go func() {
		defer stop()
		_, err := io.Copy(pw, readerFunc(func(b []byte) (int, error) {
			n, err := r.Read(b)
			if err != nil && err != io.EOF {
				p.mu.Lock()
				p.err = err
				p.mu.Unlock()
			}
			return n, err
		}))
		pw.CloseWithError(err)
	}()
	return p
}

// failure is the error by which the reader ended, or nil.
func (p *pumped) failure() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.err
}

// readerFunc is a function as a reader.
type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(b []byte) (int, error) { return f(b) }

// Download is the content of a get, on its way.
type Download struct {
	Folder bool   // the bytes are a folder as foldertar writes it
	MIME   string // of a file
	Size   int64  // of a file in bytes; -1 for a folder
	body   io.ReadCloser
	reason func(error) error
}

// Read reads the content's bytes. io.EOF means that they are complete; any other error says why they are not.
func (d *Download) Read(p []byte) (int, error) {
	n, err := d.body.Read(p)
	if err != nil && err != io.EOF {
		err = d.reason(err)
	}
	return n, err
}

// Close ends the transfer; if it is not complete, the job fails.
func (d *Download) Close() error { return d.body.Close() }

// Download starts a get and returns when its content has been found.
func (c *Client) Download(ctx context.Context, id jobs.ID) (*Download, error) {
	req, err := c.request(ctx, "GET", "jobs/"+string(id)+"/data", nil)
	if err != nil {
		return nil, err
	}
	resp, err := c.do(req)
	if err != nil {
		return nil, c.reason(ctx, id, err)
	}
	return &Download{
		Folder: resp.Header.Get(headerKind) == "folder",
		MIME:   resp.Header.Get(headerMIME),
		Size:   resp.ContentLength,
		body:   resp.Body,
		reason: func(err error) error { return c.reason(ctx, id, fmt.Errorf("%w: %w", ErrDropped, plain(err))) },
	}, nil
}

// reasonTime is how long to wait for a node to say why it broke a transfer.
const reasonTime = 5 * time.Second

// reason finds out why a transfer broke: a node that fails in the middle can only break the connection, but it knows the job's error.
func (c *Client) reason(ctx context.Context, id jobs.ID, err error) error {
	if cause := context.Cause(ctx); cause != nil {
		return cause
	}
	if !errors.Is(err, ErrDropped) {
		return err
	}
	ctx, stop := context.WithTimeout(ctx, reasonTime)
	defer stop()
	if job, askErr := c.wait(ctx, id); askErr == nil && job.Error != nil && !errors.Is(job.Error, ErrDropped) {
		return job.Error
	}
	return err
}

// WatchAll calls f with the state of each job now, and whenever one has changed, until ctx ends or f fails; gone says that the job is no longer listed, and
// that nothing but its ID is known.
func (c *Client) WatchAll(ctx context.Context, f func(j Job, gone bool) error) error {
	req, err := c.request(ctx, "GET", "jobs/events", nil)
	if err != nil {
		return err
	}
	resp, err := c.do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	lines := bufio.NewScanner(resp.Body)
	lines.Buffer(nil, maxEvent)
	gone := false
	for lines.Scan() {
		if event, ok := strings.CutPrefix(lines.Text(), "event: "); ok {
			gone = event == "gone"
		}
		data, ok := strings.CutPrefix(lines.Text(), "data: ")
		if !ok {
			continue
		}
		var job Job // of a Removed the ID alone is there
		if err := json.Unmarshal([]byte(data), &job); !gone && err != nil {
			return fmt.Errorf("the node's event is not understood: %w", err)
		}
		if err := f(job, gone); err != nil {
			return err
		}
	}
	return c.transportError(ctx, &watchError{lines.Err()})
}

// wait returns a job once it is final.
func (c *Client) wait(ctx context.Context, id jobs.ID) (job Job, err error) {
	err = c.Watch(ctx, id, func(j Job) { job = j })
	return job, err
}

// Watch calls f with the job's state now and whenever it has changed, until the job is final.
func (c *Client) Watch(ctx context.Context, id jobs.ID, f func(Job)) error {
	req, err := c.request(ctx, "GET", "jobs/"+string(id)+"/events", nil)
	if err != nil {
		return err
	}
	resp, err := c.do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	lines := bufio.NewScanner(resp.Body)
	lines.Buffer(nil, maxEvent)
	for lines.Scan() {
		data, ok := strings.CutPrefix(lines.Text(), "data: ")
		if !ok {
			continue
		}
		var job Job
		if err := json.Unmarshal([]byte(data), &job); err != nil {
			return fmt.Errorf("the node's event is not understood: %w", err)
		}
		f(job)
		if job.State.Final() {
			return nil
		}
	}
	return c.transportError(ctx, &watchError{lines.Err()})
}

// maxEvent is the longest line of an event: a URI and an error's text fit easily.
const maxEvent = 256 << 10

// watchError is the end of an event stream that had no final event.
type watchError struct{ err error }

func (e *watchError) Error() string { return "the events ended early" }

func (e *watchError) Unwrap() error {
	if e.err == nil {
		return io.ErrUnexpectedEOF
	}
	return e.err
}
