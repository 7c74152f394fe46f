package quiclink

import (
	"errors"
	"io"
	"net"
	"net/netip"
	"os"
	"sync"

	"github.com/quic-go/quic-go"

	"nightjar/internal/link"
)

// codeEnd is the application error code of an orderly end: none.
const codeEnd = 0

// channel is a link.Channel over the one stream of a QUIC connection.
type channel struct {
	*quic.Stream
	conn    *quic.Conn
	socket  *socket
	binding link.Binding
	close   sync.Once
}

// newChannel checks what the TLS handshake agreed on and takes the stream. On failure the connection is closed and its use
// of the socket given back; the error is link.ErrAuth.
func newChannel(qc *quic.Conn, s *socket, stream func() (*quic.Stream, error)) (link.Channel, error) {
	c := &channel{conn: qc, socket: s}
	var err error
	if c.binding, err = link.BindTLS(qc.ConnectionState().TLS, alpn); err == nil {
		c.Stream, err = stream()
	}
	if err != nil {
		c.Close()
		return nil, link.ErrAuth
	}
	return c, nil
}

func (c *channel) Binding() link.Binding { return c.binding }

func (c *channel) Remote() netip.Addr {
	if a, ok := c.conn.RemoteAddr().(*net.UDPAddr); ok {
		return a.AddrPort().Addr()
	}
	return netip.Addr{}
}

func (c *channel) Read(p []byte) (int, error) {
	n, err := c.Stream.Read(p)
	return n, streamError(err)
}

func (c *channel) Write(p []byte) (int, error) {
	n, err := c.Stream.Write(p)
	return n, streamError(err)
}

// Close ends the connection. What the library has not sent yet is lost.
func (c *channel) Close() error {
	c.close.Do(func() {
		c.conn.CloseWithError(codeEnd, "")
		c.socket.release()
	})
	return nil
}

// streamError says in the words of package link how a stream ended. None of them holds what the other end sent as a reason.
func streamError(err error) error {
	if err == nil || err == io.EOF {
		return err
	}
	if e, ok := errors.AsType[*quic.ApplicationError](err); ok {
		switch {
		case !e.Remote:
			return net.ErrClosed
		case e.ErrorCode == codeEnd:
			return io.EOF
		}
		return errBroken
	}
	if e, ok := errors.AsType[net.Error](err); ok && e.Timeout() {
		return os.ErrDeadlineExceeded
	}
	return errBroken
}

// errBroken reports a connection that ended in disorder.
var errBroken = errors.New("quiclink: the connection broke")
