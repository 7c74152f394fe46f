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

// conn carries frames over a channel.
type conn struct {
	peer   wire.NodeID
	ch     Channel
	opts   Options
	pool   *sync.Pool // of *[]byte with capacity writeBuffer
	closed atomic.Bool
	close  sync.Once

	// Owned by the reader.
	header  [headerSize]byte
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
	if _, err := io.ReadFull(c.ch, c.header[:]); err != nil {
		return nil, err
	}
	n, err := frameSize(c.header)
	if err != nil {
		return nil, err
	}
	frame := make([]byte, n)
	if _, err := io.ReadFull(c.ch, frame); err != nil {
		if errors.Is(err, io.EOF) {
			err = io.ErrUnexpectedEOF
		}
		return nil, err
	}
	return frame, nil
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
			c.out = c.pool.Get().(*[]byte)
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
	c.pool.Put(c.out)
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
