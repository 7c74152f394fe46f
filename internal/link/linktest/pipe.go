package linktest

import (
	"io"
	"net"
	"net/netip"
	"os"
	"sync"
	"syscall"
	"time"

	"nightjar/internal/link"
)

// pipeSize is how many bytes may be under way in one direction.
const pipeSize = 256 << 10

// flow is one direction of a pipe.
type flow struct {
	latency time.Duration

	mu       sync.Mutex
	changed  chan struct{} // closed and replaced whenever a field below changes
	chunks   []chunk
	size     int
	endAt    time.Time // when the reader learns that the writer has ended; zero while it has not
	noReader bool
	broken   bool
	readBy   time.Time
	writeBy  time.Time
}

// chunk is what one write sent, and when it arrives.
type chunk struct {
	at   time.Time
	data []byte
}

func newFlow(latency time.Duration) *flow {
	return &flow{latency: latency, changed: make(chan struct{})}
}

// change runs f on the flow and wakes those who wait.
func (f *flow) change(fn func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	fn()
	close(f.changed)
	f.changed = make(chan struct{})
}

// try calls attempt until it says that it is done. In between it waits for a change or for the time that attempt names.
func (f *flow) try(attempt func(now time.Time) (done bool, again time.Time)) {
	for {
		f.mu.Lock()
		now := time.Now()
		done, again := attempt(now)
		changed := f.changed
		f.mu.Unlock()
		if done {
			return
		}
		if again.IsZero() {
			<-changed
			continue
		}
		timer := time.NewTimer(again.Sub(now))
		select {
		case <-changed:
		case <-timer.C:
		}
		timer.Stop()
	}
}

func (f *flow) read(p []byte) (n int, err error) {
	f.try(func(now time.Time) (bool, time.Time) {
		var arrival time.Time
		switch {
		case f.noReader:
			err = net.ErrClosed
		case f.broken:
			err = syscall.ECONNRESET
		case passed(f.readBy, now):
			err = os.ErrDeadlineExceeded
		case len(f.chunks) > 0 && !f.chunks[0].at.After(now):
			n = f.take(p)
		case len(f.chunks) == 0 && passed(f.endAt, now):
			err = io.EOF
		case len(f.chunks) > 0:
			arrival = f.chunks[0].at
		default:
			arrival = f.endAt
		}
		return n > 0 || err != nil, earlier(arrival, f.readBy)
	})
	return n, err
}

// take moves bytes of the first chunk to p and makes room for the writer. Called under the lock.
func (f *flow) take(p []byte) int {
	n := copy(p, f.chunks[0].data)
	if f.chunks[0].data = f.chunks[0].data[n:]; len(f.chunks[0].data) == 0 {
		f.chunks = f.chunks[1:]
	}
	f.size -= n
	close(f.changed)
	f.changed = make(chan struct{})
	return n
}

func (f *flow) write(p []byte) (n int, err error) {
	for n < len(p) && err == nil {
		f.try(func(now time.Time) (bool, time.Time) {
			switch room := pipeSize - f.size; {
			case !f.endAt.IsZero():
				err = net.ErrClosed
			case f.broken || f.noReader:
				err = syscall.ECONNRESET
			case passed(f.writeBy, now):
				err = os.ErrDeadlineExceeded
			case room > 0:
				part := append([]byte(nil), p[n:min(len(p), n+room)]...)
				f.chunks = append(f.chunks, chunk{now.Add(f.latency), part})
				f.size += len(part)
				n += len(part)
				close(f.changed)
				f.changed = make(chan struct{})
			default:
				return false, f.writeBy
			}
			return true, time.Time{}
		})
	}
	return n, err
}

// passed reports whether a time that is set has come.
func passed(t, now time.Time) bool { return !t.IsZero() && !now.Before(t) }

// earlier is the earlier of two times, of which zero means never.
func earlier(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}

// end is one end of a pipe: a link.Channel.
type end struct {
	in, out *flow
	binding link.Binding
	once    sync.Once
	onClose func()
}

func (e *end) Binding() link.Binding       { return e.binding }
func (e *end) Remote() netip.Addr          { return netip.Addr{} }
func (e *end) Read(p []byte) (int, error)  { return e.in.read(p) }
func (e *end) Write(p []byte) (int, error) { return e.out.write(p) }

func (e *end) SetReadDeadline(t time.Time) error {
	e.in.change(func() { e.in.readBy = t })
	return nil
}

func (e *end) SetWriteDeadline(t time.Time) error {
	e.out.change(func() { e.out.writeBy = t })
	return nil
}

// closeWrite ends the direction away from this end.
func (e *end) closeWrite() {
	e.out.change(func() {
		if e.out.endAt.IsZero() {
			e.out.endAt = time.Now().Add(e.out.latency)
		}
	})
}

func (e *end) Close() error {
	e.once.Do(func() {
		e.closeWrite()
		e.in.change(func() { e.in.noReader = true })
		e.onClose()
	})
	return nil
}

// lose loses the connection: both ends learn of it at once, and what was under way is gone.
func (e *end) lose() {
	e.in.change(func() { e.in.broken = true })
	e.out.change(func() { e.out.broken = true })
}
