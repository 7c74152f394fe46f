package fproxy

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"time"
)

// errSilent ends a fetch for which the network gave nothing for too long.
var errSilent = fmt.Errorf("fproxy: the network was silent for too long: %w", context.DeadlineExceeded)

// watch cancels a context when the network is silent for too long. It runs only while something waits for the network,
// not while the browser takes its time.
type watch struct {
	timer *time.Timer
	limit time.Duration
}

// watched returns a context that ends with r's, or when the watch runs out. The watch runs.
func watched(r *http.Request, limit time.Duration) (context.Context, *watch, context.CancelFunc) {
	ctx, cancel := context.WithCancelCause(r.Context())
	w := &watch{time.AfterFunc(limit, func() { cancel(errSilent) }), limit}
	return ctx, w, func() {
		w.timer.Stop()
		cancel(context.Canceled)
	}
}

func (w *watch) start() { w.timer.Reset(w.limit) }
func (w *watch) stop()  { w.timer.Stop() }

// why is the reason of a failed fetch: that of the context, if it has ended, because then err only says that it has.
func why(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return err
}

// source reads a file under a watch and remembers why reading failed.
type source struct {
	io.ReadSeeker
	watch *watch
	err   error
}

func (s *source) Read(b []byte) (int, error) {
	s.watch.start()
	n, err := s.ReadSeeker.Read(b)
	s.watch.stop()
	if err != nil && err != io.EOF {
		s.err = err
	}
	return n, err
}

func (s *source) Seek(offset int64, whence int) (int64, error) {
	at, err := s.ReadSeeker.Seek(offset, whence)
	if err != nil {
		s.err = err
	}
	return at, err
}

// late is a ResponseWriter that sends the status only with the first byte of the body, so that a fetch which fails before
// that can still be answered with a page that says so.
type late struct {
	http.ResponseWriter
	status int
	sent   bool
}

func (w *late) WriteHeader(status int) {
	if w.status == 0 {
		w.status = status
	}
	if status >= http.StatusBadRequest { // package http takes it away from its own errors, of which 416 comes here
		w.Header().Set("Cache-Control", "no-store")
	}
}

func (w *late) Write(b []byte) (int, error) {
	w.send()
	extend(w.ResponseWriter)
	return w.ResponseWriter.Write(b)
}

// send sends the status, unless it was sent.
func (w *late) send() {
	if w.sent {
		return
	}
	w.sent = true
	if w.status == 0 {
		w.status = http.StatusOK
	}
	w.ResponseWriter.WriteHeader(w.status)
}
