package tlstcp

import (
	"context"
	"crypto/ed25519"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"testing"

	"nightjar/internal/link"
	"nightjar/internal/link/linktest"
)

func newKey() ed25519.PrivateKey {
	_, key, err := ed25519.GenerateKey(nil)
	if err != nil {
		panic(err)
	}
	return key
}

func newTransport(o link.Options) *transport { return New(newKey(), o).(*transport) }

// channels is a linktest.ChannelListener.
type channels struct {
	net.Listener
	t      *transport
	config *tls.Config
}

func (l channels) Accept(ctx context.Context) (link.Channel, error) {
	raw, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return l.t.stranger(raw, l.config).Open(ctx)
}

func (l channels) Address() string { return l.Addr().String() }

func subject(testing.TB) linktest.Subject {
	t := newTransport(link.Options{})
	return linktest.Subject{
		New:         New,
		Addresses:   true,
		DialChannel: t.open,
		ListenChannel: func() (linktest.ChannelListener, error) {
			config, err := link.ServerTLS(alpn)
			if err != nil {
				return nil, err
			}
			l, err := net.Listen("tcp", "127.0.0.1:0")
			return channels{l, t, config}, err
		},
		HalfClose: func(ch link.Channel) error {
			c := ch.(*channel)
			return errors.Join(c.CloseWrite(), c.socket.Conn.(*net.TCPConn).CloseWrite())
		},
		Stranger: func(address string) (io.ReadWriteCloser, error) {
			return net.Dial("tcp", address)
		},
		StrangerHears: true,
	}
}

func TestConformance(t *testing.T) { linktest.Run(t, subject) }
