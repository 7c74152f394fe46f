package fproxy

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"sync"
	"time"
)

// errSilent ends a fetch for which the network gave nothing for too long.
var errSilent = fmt.Errorf("fproxy: the network was silent for too long: %w", context.DeadlineExceeded)

// obstacleTime is how long a browser waits for something that cannot come because no circuit can be built. It is then told why.
const obstacleTime = 10 * time.Second

// watch cancels a context when the network is silent for too long, or cannot be asked. It runs only while something waits for
// the network, not while the browser takes its time.
type watch struct {
	limit    time.Duration
	obstacle func() error
	cancel   context.CancelCauseFunc

	mu    sync.Mutex
	timer *time.Timer
	since time.Time // when the waiting began; zero while nothing waits
}

// watched returns a context that ends with r's, or when the watch runs out. The watch runs.
func (p *Proxy) watched(r *http.Request) (context.Context, *watch, context.CancelFunc) {
	ctx, cancel := context.WithCancelCause(r.Context())
	w := &watch{limit: p.timeout, cancel: cancel, obstacle: func() error { return p.status.get().Onion.Obstacle }}
	w.start()
	return ctx, w, func() {
		w.stop()
		cancel(context.Canceled)
	}
}

func (w *watch) start() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.since = time.Now()
	if first := min(w.limit, obstacleTime); w.timer == nil {
		w.timer = time.AfterFunc(first, w.look)
	} else {
		w.timer.Reset(first)
	}
}

func (w *watch) stop() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.since = time.Time{}
	w.timer.Stop()
}

// look gives up, or looks again later.
func (w *watch) look() {
	obstacle := w.obstacle()
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.since.IsZero() {
		return
	}
	switch left := w.limit - time.Since(w.since); {
	case obstacle != nil:
		w.cancel(obstacle)
	case left <= 0:
		w.cancel(errSilent)
	default:
		w.timer.Reset(min(left, obstacleTime))
	}
}

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
