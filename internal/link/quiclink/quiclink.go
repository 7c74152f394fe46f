package quiclink

import (
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"

	"github.com/quic-go/quic-go"

	"nightjar/internal/link"
	"nightjar/routing/wire"
)

const (
	// name is the transport's name in a wire.Addr.
	name = "quic"
	// alpn is the protocol that both ends name (SPEC §2.3).
	alpn = "h3"
)

const (
	// connWindow is how much a peer may send that this node has not read: enough for 100 MiB/s over 40 ms.
	connWindow = 4 << 20
	// startWindow is where the windows begin; they grow while the peer is read as fast as it sends.
	startWindow = 512 << 10
)

var (
	// errAddress reports an address that is no literal.
	errAddress = errors.New("quiclink: the address is not IP:port")
	// errRefused reports an other end that has no room for a connection now.
	errRefused = errors.New("quiclink: connection refused")
	// errPlaces refuses a stranger for whom there is no place; it is never shown.
	errPlaces = errors.New("quiclink: no place")
)

type transport struct {
	self    *link.Self
	sockets sockets
}

// New makes the transport for a node. It starts nothing.
func New(identity ed25519.PrivateKey, o link.Options) link.Transport {
	return newTransport(identity, o)
}

func newTransport(identity ed25519.PrivateKey, o link.Options) *transport {
	return &transport{self: link.NewSelf(identity, o)}
}

func (t *transport) Name() string { return name }

// config is the part of the QUIC configuration that both ends share; streams is how many the other end may open.
func (t *transport) config(streams int64) *quic.Config {
	o := t.self.Options()
	return &quic.Config{
		Versions:                       []quic.Version{quic.Version1},
		HandshakeIdleTimeout:           o.HandshakeTime,
		MaxIdleTimeout:                 o.IdleTime,
		KeepAlivePeriod:                o.IdleTime / 3,
		InitialStreamReceiveWindow:     startWindow,
		MaxStreamReceiveWindow:         connWindow,
		InitialConnectionReceiveWindow: startWindow,
		MaxConnectionReceiveWindow:     connWindow,
		MaxIncomingStreams:             streams,
		MaxIncomingUniStreams:          -1,
	}
}

func (t *transport) Dial(ctx context.Context, address string, peer wire.NodeID) (link.Conn, error) {
	return t.self.Dial(ctx, peer, func(ctx context.Context) (link.Channel, error) { return t.open(ctx, address) })
}

// open makes a channel to whoever answers at address.
func (t *transport) open(ctx context.Context, address string) (link.Channel, error) {
	to, err := netip.ParseAddrPort(address)
	if err != nil {
		return nil, errAddress // a name would be looked up, by which others learn whom this node calls
	}
	s, err := t.sockets.forDial(to.Addr())
	if err != nil {
		return nil, err
	}
	qc, err := s.quic.Dial(ctx, net.UDPAddrFromAddrPort(to), link.ClientTLS(alpn), t.config(-1))
	if err != nil {
		s.release()
		return nil, dialError(err)
	}
	// The library lets a connection live on when the dial's context ends; the stream's own end is link.Self's business.
	return newChannel(qc, s, func() (*quic.Stream, error) { return qc.OpenStreamSync(ctx) })
}

// dialError says in the words of package link why a QUIC handshake failed. The library's own errors all call themselves
// net.ErrClosed, and some hold a text that the other end chose.
func dialError(err error) error {
	if e, ok := errors.AsType[*quic.TransportError](err); ok && e.ErrorCode == quic.ConnectionRefused {
		return errRefused
	}
	if e, ok := errors.AsType[net.Error](err); ok && e.Timeout() {
		return os.ErrDeadlineExceeded
	}
	if _, ok := errors.AsType[*net.OpError](err); ok || errors.Is(err, context.Canceled) || errors.Is(err, quic.ErrTransportClosed) {
		return err
	}
	return link.ErrAuth // somebody answered, but not as a node does
}

func (t *transport) Listen(address string) (link.Listener, error) {
	l, err := t.listen(address)
	if err != nil {
		return nil, err
	}
	return l, nil
}

func (t *transport) listen(address string) (*listener, error) {
	config, err := link.ServerTLS(alpn)
	if err != nil {
		return nil, err
	}
	local, err := net.ResolveUDPAddr("udp", address)
	if err != nil {
		return nil, fmt.Errorf("quiclink: %w", err)
	}
	a := t.self.NewAcceptor()
	s, err := t.sockets.forListener(local, func(q *quic.Transport) {
		q.VerifySourceAddress = func(net.Addr) bool { return a.Busy() }
		q.ConnContext = func(ctx context.Context, info *quic.ClientInfo) (context.Context, error) { return admit(ctx, a, info) }
	})
	if err != nil {
		return nil, fmt.Errorf("quiclink: %w", err)
	}
	q, err := s.quic.Listen(config, t.config(1))
	if err != nil {
		s.unlisten()
		return nil, fmt.Errorf("quiclink: %w", err)
	}
	l := &listener{Acceptor: a, socket: s, quic: q}
	a.Go(l.serve) // ends when the QUIC listener is closed
	return l, nil
}

// ticketKey is where a connection's context keeps its place.
type ticketKey struct{}

// admit gives a stranger a place when its first packet arrives, and takes it back when its connection ends.
func admit(ctx context.Context, a *link.Acceptor, info *quic.ClientInfo) (context.Context, error) {
	var source netip.Addr
	if u, ok := info.RemoteAddr.(*net.UDPAddr); ok {
		source = u.AddrPort().Addr()
	}
	ticket := a.TryAdmit(source)
	if ticket == nil {
		return nil, errPlaces
	}
	// Ends at once: it runs when the connection has ended.
	context.AfterFunc(ctx, ticket.Release)
	return context.WithValue(ctx, ticketKey{}, ticket), nil
}

type listener struct {
	*link.Acceptor
	socket *socket
	quic   *quic.Listener
}

func (l *listener) Address() string { return l.quic.Addr().String() }

// serve starts the proof of every connection whose QUIC handshake is complete.
func (l *listener) serve() {
	defer l.Stop() // if the socket broke, Accept says so
	for {
		qc, err := l.quic.Accept(context.Background())
		if err != nil {
			return
		}
		l.socket.use()
		ticket, ok := qc.Context().Value(ticketKey{}).(*link.Ticket)
		if !ok || !l.Start(ticket, func(ctx context.Context) (link.Channel, error) { return l.open(ctx, qc) }) {
			qc.CloseWithError(0, "")
			l.socket.release()
		}
	}
}

// open waits for the stranger's stream.
func (l *listener) open(ctx context.Context, qc *quic.Conn) (link.Channel, error) {
	return newChannel(qc, l.socket, func() (*quic.Stream, error) { return qc.AcceptStream(ctx) })
}

// Close refuses new connections, ends the pending ones and gives the socket back.
func (l *listener) Close() error {
	l.quic.Close()
	l.Acceptor.Close()
	l.socket.unlisten()
	return nil
}
