package link

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"slices"
	"sync"
	"time"
)

// grace is how long a pending handshake keeps its place when others wait for one: many round trips for an honest peer, a
// fraction of what a stranger who only holds the place would like.
const grace = time.Second

// retryMax bounds the pause after the system refused to accept, for want of descriptors say.
const retryMax = time.Second

// sourceBits6 is the part of an IPv6 address that counts as one source: a single machine has a /64 to itself.
const sourceBits6 = 64

// Acceptor runs the handshakes of strangers beside each other and hands out those that succeed. It is the part of a listener
// that all transports share.
//
//	Admit ──place──▶ Start ──goroutine: open, prove──▶ Accept
//	  ▲                        │
//	  └───── place free ◀──────┴── failed, overdue, pushed out, or handed over
type Acceptor struct {
	self  *Self
	ready chan Conn
	done  chan struct{} // closed by Close
	room  chan struct{} // holds a token after a place became free
	wg    sync.WaitGroup

	mu      sync.Mutex
	closed  bool
	pending []*Ticket // oldest first
	sources map[netip.Addr]int
}

// Ticket is a stranger's place among the pending handshakes.
type Ticket struct {
	a      *Acceptor
	source netip.Addr // invalid when it does not count
	since  time.Time
	ctx    context.Context // lives as long as the handshake may; kept here since the place and its time are one thing
	cancel context.CancelFunc
	proved bool // guarded by a.mu; a peer that waits for Accept is not pushed out
}

// NewAcceptor makes an acceptor for the node's listeners. Close ends it.
func (s *Self) NewAcceptor() *Acceptor {
	return &Acceptor{
		self:    s,
		ready:   make(chan Conn),
		done:    make(chan struct{}),
		room:    make(chan struct{}, 1),
		sources: make(map[netip.Addr]int),
	}
}

// Admit gives a stranger a place, at once or when one is free. It returns nil if the source has too many places or the
// acceptor is closed: the stranger is to be dropped.
func (a *Acceptor) Admit(source netip.Addr) *Ticket {
	for {
		t, wait := a.admit(source)
		if t != nil || wait <= 0 {
			return t
		}
		timer := time.NewTimer(wait)
		select {
		case <-a.room:
		case <-timer.C:
		case <-a.done:
		}
		timer.Stop()
	}
}

// TryAdmit is Admit for those who cannot wait: it also returns nil if all places are taken.
func (a *Acceptor) TryAdmit(source netip.Addr) *Ticket {
	t, _ := a.admit(source)
	return t
}

// Busy reports whether so many handshakes are pending that a stranger should first show that its address is real.
func (a *Acceptor) Busy() bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return len(a.pending) >= max(1, a.self.opts.Handshakes/4)
}

// admit returns a ticket, or how long to wait before asking again; neither means no.
func (a *Acceptor) admit(source netip.Addr) (*Ticket, time.Duration) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.closed {
		return nil, 0
	}
	now := time.Now()
	source = sourceOf(source)
	if a.sources[source] >= a.self.opts.HandshakesPerSource {
		if wait := a.pushOut(now, func(t *Ticket) bool { return t.source == source }); wait > 0 {
			return nil, 0
		}
	}
	if len(a.pending) >= a.self.opts.Handshakes {
		if wait := a.pushOut(now, func(*Ticket) bool { return true }); wait > 0 {
			return nil, wait
		}
	}
	t := &Ticket{a: a, source: source, since: now}
	t.ctx, t.cancel = context.WithTimeout(context.Background(), a.self.opts.HandshakeTime)
	a.pending = append(a.pending, t)
	if source.IsValid() {
		a.sources[source]++
	}
	return t, 0
}

// pushOut ends the oldest of the matching handshakes that has had its grace and returns 0, or returns how long that is still to come.
func (a *Acceptor) pushOut(now time.Time, match func(*Ticket) bool) time.Duration {
	for _, t := range a.pending {
		if t.proved || !match(t) {
			continue
		}
		if wait := grace - now.Sub(t.since); wait > 0 {
			return wait
		}
		a.remove(t)
		return 0
	}
	return grace
}

// Release gives the place back and ends what still uses it. It may be called more than once.
func (t *Ticket) Release() {
	t.a.mu.Lock()
	defer t.a.mu.Unlock()
	t.a.remove(t)
}

// remove is Release under the lock.
func (a *Acceptor) remove(t *Ticket) {
	t.cancel()
	for i, p := range a.pending {
		if p != t {
			continue
		}
		a.pending = slices.Delete(a.pending, i, i+1)
		if a.sources[t.source]--; a.sources[t.source] <= 0 {
			delete(a.sources, t.source)
		}
		select {
		case a.room <- struct{}{}:
		default:
		}
		return
	}
}

// Start runs a stranger's handshake: open makes the channel, within its context, and returns an error after it has
// cleaned up. The place is given back when the handshake has failed or Accept has taken the connection. False means that
// the acceptor is closed and open will not be called.
func (a *Acceptor) Start(t *Ticket, open func(context.Context) (Channel, error)) bool {
	// Ends when the handshake has ended, which the ticket's context bounds, and the connection is taken or the acceptor closed.
	return a.Go(func() {
		defer t.Release()
		ch, err := open(t.ctx)
		if err != nil {
			return
		}
		c, err := a.self.Respond(t.ctx, ch)
		if err != nil {
			return
		}
		a.mu.Lock()
		t.proved = true
		a.mu.Unlock()
		select {
		case a.ready <- c:
		case <-a.done:
			c.Close()
		}
	})
}

// Go runs f, which must end when the acceptor is closed; Close waits for it. False means that it is closed and f will not run.
func (a *Acceptor) Go(f func()) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.closed {
		return false
	}
	a.wg.Go(f) // who calls says what ends f
	return true
}

// Stranger is somebody who has connected and proved nothing yet.
type Stranger struct {
	Source netip.Addr
	Open   func(context.Context) (Channel, error) // as for Start
	Drop   func()                                 // ends the connection if Open is not called
}

// Serve takes strangers from next, which waits for one and returns net.ErrClosed when the listening socket is closed. It is
// the loop of a listener whose strangers can wait in the system's queue while all places are taken.
func (a *Acceptor) Serve(next func() (Stranger, error)) {
	pause := time.Millisecond
	for {
		s, err := next()
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil { // out of descriptors, say
			a.pause(pause)
			pause = min(2*pause, retryMax)
			continue
		}
		pause = time.Millisecond
		t := a.Admit(s.Source)
		if t == nil {
			s.Drop()
			continue
		}
		if !a.Start(t, s.Open) {
			t.Release()
			s.Drop()
		}
	}
}

func (a *Acceptor) pause(d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-a.done:
	}
}

// Accept returns the next connection whose ends have proved who they are: ctx.Err() when ctx ends, net.ErrClosed after Close.
func (a *Acceptor) Accept(ctx context.Context) (Conn, error) {
	select {
	case c := <-a.ready:
		return c, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-a.done:
		return nil, net.ErrClosed
	}
}

// Close is Stop, and returns when what the acceptor runs has ended. The listening socket must be closed before.
func (a *Acceptor) Close() {
	a.Stop()
	a.wg.Wait()
}

// Stop ends all pending handshakes and lets nothing new begin. Accept returns net.ErrClosed.
func (a *Acceptor) Stop() {
	a.mu.Lock()
	defer a.mu.Unlock()
	if !a.closed {
		a.closed = true
		close(a.done)
	}
	for _, t := range a.pending {
		t.cancel()
	}
}

// sourceOf is what counts as one source, or the invalid address for loopback, which does not count.
func sourceOf(ip netip.Addr) netip.Addr {
	ip = ip.Unmap().WithZone("")
	if ip.IsLoopback() || !ip.IsValid() {
		return netip.Addr{}
	}
	if ip.Is6() {
		p, err := ip.Prefix(sourceBits6)
		if err != nil {
			return ip
		}
		return p.Addr()
	}
	return ip
}
