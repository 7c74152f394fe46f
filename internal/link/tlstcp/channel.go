package tlstcp

import (
	"crypto/tls"
	"errors"
	"net"
	"net/netip"
	"sync"
	"time"

	"nightjar/internal/link"
)

const (
	// closeTime bounds the farewell to a peer that may not be reading.
	closeTime = 100 * time.Millisecond
	// recordSize is what one TLS record carries at most.
	recordSize = 16 << 10
	// maxRecords keeps below the 2^24.5 records after which RFC 8446 §5.5 wants new keys for AES-GCM: 256 GiB in full records.
	maxRecords = 1 << 24
	// sealedSize is 64 KiB of plaintext as records: per record 5 bytes of header, 1 of type and 16 of tag.
	sealedSize = 4 * (recordSize + 22)
)

// errSpent reports a channel whose keys have been used as much as they may. The node dials again.
var errSpent = errors.New("tlstcp: the channel's keys are used up")

// channel is a link.Channel over a TLS connection.
type channel struct {
	*tls.Conn
	socket  *socket
	binding link.Binding
	writing sync.Mutex
	records int // sent; guarded by writing
}

func (c *channel) Binding() link.Binding { return c.binding }

func (c *channel) Remote() netip.Addr {
	if a, ok := c.RemoteAddr().(*net.TCPAddr); ok {
		return a.AddrPort().Addr()
	}
	return netip.Addr{}
}

// Write sends p in as many records as it needs and in one write to the socket.
func (c *channel) Write(p []byte) (int, error) {
	c.writing.Lock() // held while the socket takes the bytes: Close asks by it whether the farewell has a chance
	defer c.writing.Unlock()
	c.records += (len(p) + recordSize - 1) / recordSize
	if c.records > maxRecords {
		return 0, errSpent
	}
	c.socket.hold()
	n, err := c.Conn.Write(p)
	if e := c.socket.release(); err == nil {
		err = e
	}
	return n, err
}

// Close says farewell if that needs no waiting for a Write, and closes the socket.
func (c *channel) Close() error {
	c.socket.hurry()
	if c.writing.TryLock() {
		c.Conn.CloseWrite() // the peer learns nothing new from a failure here
		c.writing.Unlock()
	}
	return c.socket.Close()
}

// pool lends the buffers in which records are collected.
type pool struct{ p sync.Pool }

func newPool() *pool {
	return &pool{sync.Pool{New: func() any {
		b := make([]byte, 0, sealedSize)
		return &b
	}}}
}

// socket is the TCP connection below TLS. crypto/tls writes record by record; between hold and release the socket collects
// the records, which makes one system call of four.
type socket struct {
	net.Conn
	raw  *raw
	pool *pool

	mu  sync.Mutex // held across writes to the socket: records must not overtake each other
	out *[]byte    // not nil between hold and release

	late    sync.Mutex // guards the write deadline
	hurried bool
}

func newSocket(c net.Conn, p *pool) *socket { return &socket{Conn: c, raw: newRaw(c), pool: p} }

func (s *socket) Read(p []byte) (int, error) { return s.raw.read(p) }

func (s *socket) hold() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.out = s.pool.p.Get().(*[]byte)
}

func (s *socket) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.out == nil {
		return s.raw.write(p)
	}
	if len(*s.out) > 0 && len(*s.out)+len(p) > cap(*s.out) {
		_, err := s.raw.write(*s.out)
		*s.out = (*s.out)[:0]
		if err != nil {
			return 0, err
		}
	}
	*s.out = append(*s.out, p...)
	return len(p), nil
}

func (s *socket) release() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	b := s.out
	s.out = nil
	var err error
	if len(*b) > 0 {
		_, err = s.raw.write(*b)
		*b = (*b)[:0]
	}
	s.pool.p.Put(b)
	return err
}

// hurry bounds all writes from now on.
func (s *socket) hurry() {
	s.late.Lock()
	defer s.late.Unlock()
	s.hurried = true
	s.Conn.SetWriteDeadline(time.Now().Add(closeTime))
}

// SetWriteDeadline does nothing after hurry: crypto/tls gives its farewell five seconds.
func (s *socket) SetWriteDeadline(t time.Time) error {
	s.late.Lock()
	defer s.late.Unlock()
	if s.hurried {
		return nil
	}
	return s.Conn.SetWriteDeadline(t)
}
