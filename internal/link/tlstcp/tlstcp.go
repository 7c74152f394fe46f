package tlstcp

import (
	"context"
	"crypto/ed25519"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/netip"

	"nightjar/internal/link"
	"nightjar/routing/wire"
)

// name is the transport's name in a wire.Addr.
const name = "tcp"

// alpn is what both ends agree on; the dialler offers what Go's web client offers (SPEC §2.2).
const alpn = "http/1.1"

// errAddress reports an address that is no literal.
var errAddress = errors.New("tlstcp: the address is not IP:port")

type transport struct {
	self *link.Self
	pool *pool
}

// New makes the transport for a node. It starts nothing.
func New(identity ed25519.PrivateKey, o link.Options) link.Transport {
	return &transport{self: link.NewSelf(identity, o), pool: newPool()}
}

func (t *transport) Name() string { return name }

func (t *transport) Dial(ctx context.Context, address string, peer wire.NodeID) (link.Conn, error) {
	return t.self.Dial(ctx, peer, func(ctx context.Context) (link.Channel, error) { return t.open(ctx, address) })
}

// open makes a channel to whoever answers at address.
func (t *transport) open(ctx context.Context, address string) (link.Channel, error) {
	if _, err := netip.ParseAddrPort(address); err != nil {
		return nil, errAddress // a name would be looked up, by which others learn whom this node calls
	}
	var d net.Dialer
	raw, err := d.DialContext(ctx, "tcp", address)
	if err != nil {
		return nil, err
	}
	socket := newSocket(raw, t.pool)
	return secure(ctx, tls.Client(socket, link.ClientTLS("h2", alpn)), socket)
}

func (t *transport) Listen(address string) (link.Listener, error) {
	return t.listen(address)
}

func (t *transport) listen(address string) (*listener, error) {
	config, err := link.ServerTLS(alpn)
	if err != nil {
		return nil, err
	}
	l, err := net.Listen("tcp", address)
	if err != nil {
		return nil, fmt.Errorf("tlstcp: %w", err)
	}
	a := t.self.NewAcceptor()
	out := &listener{Acceptor: a, l: l}
	// Ends when the listening socket is closed.
	a.Go(func() {
		a.Serve(func() (link.Stranger, error) {
			raw, err := l.Accept()
			if err != nil {
				return link.Stranger{}, err
			}
			return t.stranger(raw, config), nil
		})
	})
	return out, nil
}

func (t *transport) stranger(raw net.Conn, config *tls.Config) link.Stranger {
	var source netip.Addr
	if a, ok := raw.RemoteAddr().(*net.TCPAddr); ok {
		source = a.AddrPort().Addr()
	}
	return link.Stranger{
		Source: source,
		Open: func(ctx context.Context) (link.Channel, error) {
			socket := newSocket(raw, t.pool)
			return secure(ctx, tls.Server(socket, config), socket)
		},
		Drop: func() { raw.Close() },
	}
}

// secure makes the TLS handshake. On failure the socket is closed and the error is link.ErrAuth.
func secure(ctx context.Context, c *tls.Conn, s *socket) (link.Channel, error) {
	if err := c.HandshakeContext(ctx); err != nil {
		s.Close()
		return nil, link.ErrAuth
	}
	b, err := link.BindTLS(c.ConnectionState(), alpn)
	if err != nil {
		s.Close()
		return nil, err
	}
	return &channel{Conn: c, socket: s, binding: b}, nil
}

type listener struct {
	*link.Acceptor
	l net.Listener
}

func (l *listener) Address() string { return l.l.Addr().String() }

func (l *listener) Close() error {
	err := l.l.Close()
	l.Acceptor.Close()
	if errors.Is(err, net.ErrClosed) {
		err = nil // closed before
	}
	return err
}
