package link

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"nightjar/routing/wire"
)

const (
	// headerSize is the length that precedes every frame: 24 bits, big-endian (SPEC §5).
	headerSize = 3
	// writeBuffer is how much is collected before it goes to the channel: four full TLS records.
	writeBuffer = 64 << 10
	// readBuffer is how much is read ahead: one full TLS record. maxSpare is the largest frame that is kept for another.
	readBuffer = 16 << 10
	maxSpare   = 4 << 10
	// rearm is the part of IdleTime for which a read deadline is left as it is: setting one costs more than reading a small frame.
	rearm = 8
)

// Channel is an encrypted, ordered stream of bytes to somebody who has not said yet who it is. Closing it ends a Read and a
// Write that wait.
type Channel interface {
	io.ReadWriteCloser
	SetReadDeadline(t time.Time) error
	SetWriteDeadline(t time.Time) error
	// Binding is the value that ties proofs to this channel.
	Binding() Binding
	// Remote is the address at which the other end is seen; invalid if there is none.
	Remote() netip.Addr
}

// pools lend links their buffers.
type pools struct{ in, out sync.Pool } // of *[]byte: readBuffer long, and with room for writeBuffer

func newPools() *pools {
	p := &pools{}
	p.in.New = func() any { b := make([]byte, readBuffer); return &b }
	p.out.New = func() any { b := make([]byte, 0, writeBuffer); return &b }
	return p
}

// conn carries frames over a channel.
type conn struct {
	peer   wire.NodeID
	ch     Channel
	opts   Options
	pools  *pools
	closed atomic.Bool
	close  sync.Once

	// Owned by the reader.
	header  [headerSize]byte
	in      *[]byte // what was read ahead; nil when that is used up, so that an idle link holds no buffer
	ahead   []byte  // the part of it that is left
	spare   []byte  // a frame that was given back
	armed   time.Time
	readErr error

	// Owned by the writer.
	out      *[]byte // nil when nothing is queued, so that an idle link holds no buffer
	writeErr error
}

func (c *conn) Peer() wire.NodeID { return c.peer }

func (c *conn) Remote() netip.Addr { return c.ch.Remote() }

func (c *conn) Read() ([]byte, error) {
	if c.readErr != nil {
		return nil, c.readErr
	}
	frame, err := c.read()
	if err != nil {
		c.readErr = c.failure("read", err)
		return nil, c.readErr
	}
	return frame, nil
}

func (c *conn) read() ([]byte, error) {
	if now := time.Now(); now.Sub(c.armed) > c.opts.IdleTime/rearm {
		if err := c.ch.SetReadDeadline(now.Add(c.opts.IdleTime)); err != nil {
			return nil, err
		}
		c.armed = now
	}
	// What begins a frame is awaited without a buffer.
	if err := c.fill(c.header[:], false); err != nil {
		return nil, err
	}
	n, err := frameSize(c.header)
	if err != nil {
		return nil, err
	}
	frame := c.frame(n)
	if err := c.fill(frame, true); err != nil {
		if errors.Is(err, io.EOF) {
			err = io.ErrUnexpectedEOF
		}
		return nil, err
	}
	return frame, nil
}

// frame is memory for a frame of n bytes.
func (c *conn) frame(n int) []byte {
	if b := c.spare; n <= cap(b) && n > cap(b)/2 {
		c.spare = nil
		return b[:n]
	}
	return make([]byte, n)
}

// fill fills p with what comes next. With ahead it reads more than that if more is there. The error is io.EOF only if
// nothing has come.
func (c *conn) fill(p []byte, ahead bool) error {
	for got := 0; got < len(p); {
		if c.in == nil && (!ahead || len(p)-got >= readBuffer) {
			n, err := io.ReadFull(c.ch, p[got:])
			return partly(got+n, err)
		}
		if c.in == nil {
			if err := c.readAhead(); err != nil {
				return partly(got, err)
			}
		}
		n := copy(p[got:], c.ahead)
		got, c.ahead = got+n, c.ahead[n:]
		if len(c.ahead) == 0 {
			c.pools.in.Put(c.in)
			c.in, c.ahead = nil, nil
		}
	}
	return nil
}

// partly is the error of an end after so many bytes.
func partly(got int, err error) error {
	if got > 0 && err == io.EOF {
		return io.ErrUnexpectedEOF
	}
	return err
}

// readAhead waits for bytes and takes all that have come, as far as they fit.
func (c *conn) readAhead() error {
	b := c.pools.in.Get().(*[]byte)
	n, err := io.ReadAtLeast(c.ch, *b, 1)
	if err != nil {
		c.pools.in.Put(b)
		return err
	}
	c.in, c.ahead = b, (*b)[:n]
	return nil
}

func (c *conn) Ready() bool {
	if len(c.ahead) < headerSize {
		return false
	}
	n, err := frameSize([headerSize]byte(c.ahead))
	return err != nil || n <= len(c.ahead)-headerSize
}

func (c *conn) Release(frame []byte) {
	if cap(frame) <= maxSpare {
		c.spare = frame
	}
}

func (c *conn) Write(frame []byte) error {
	if c.writeErr != nil {
		return c.writeErr
	}
	if len(frame) < 1 || len(frame) > MaxFrame {
		return ErrFrame
	}
	header := frameHeader(len(frame))
	if err := c.queue(header[:]); err != nil {
		return err
	}
	return c.queue(frame)
}

// queue collects p and writes whenever the buffer is full.
func (c *conn) queue(p []byte) error {
	for len(p) > 0 {
		if c.out == nil {
			c.out = c.pools.out.Get().(*[]byte)
		}
		b := *c.out
		n := copy(b[len(b):cap(b)], p)
		*c.out, p = b[:len(b)+n], p[n:]
		if len(*c.out) == cap(b) {
			if err := c.Flush(); err != nil {
				return err
			}
		}
	}
	return nil
}

func (c *conn) Flush() error {
	if c.writeErr != nil || c.out == nil {
		return c.writeErr
	}
	err := c.ch.SetWriteDeadline(time.Now().Add(c.opts.WriteTime))
	if err == nil {
		_, err = c.ch.Write(*c.out)
	}
	*c.out = (*c.out)[:0]
	c.pools.out.Put(c.out)
	c.out = nil
	if err != nil {
		c.writeErr = c.failure("write", err)
	}
	return c.writeErr
}

func (c *conn) Close() error {
	c.closed.Store(true)
	c.close.Do(func() { c.ch.Close() })
	return nil
}

// failure is the error that the caller sees for err: what it must tell apart stays as it is, and nothing names an address.
func (c *conn) failure(op string, err error) error {
	if c.closed.Load() {
		return net.ErrClosed
	}
	if err == io.EOF || err == ErrFrame {
		return err
	}
	return plain(op, err)
}

// plain wraps err without the addresses that errors of package net carry.
func plain(op string, err error) error {
	if errors.Is(err, os.ErrDeadlineExceeded) {
		err = os.ErrDeadlineExceeded
	}
	if e, ok := errors.AsType[*net.OpError](err); ok {
		err = e.Err
	}
	return fmt.Errorf("link: %s: %w", op, err)
}

func frameHeader(n int) [headerSize]byte {
	return [headerSize]byte{byte(n >> 16), byte(n >> 8), byte(n)}
}

// frameSize returns the size that a header announces, if a frame can have it.
func frameSize(h [headerSize]byte) (int, error) {
	n := int(h[0])<<16 | int(h[1])<<8 | int(h[2])
	if n < 1 || n > MaxFrame {
		return 0, ErrFrame
	}
	return n, nil
}
