package quiclink

import (
	"context"
	"crypto/ed25519"
	"io"
	"net"
	"testing"

	"github.com/quic-go/quic-go"

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

// channels is a linktest.ChannelListener: a listener whose strangers are not asked for a proof.
type channels struct {
	s *socket
	l *quic.Listener
}

func (c channels) Accept(ctx context.Context) (link.Channel, error) {
	qc, err := c.l.Accept(ctx)
	if err != nil {
		return nil, err
	}
	c.s.use()
	return newChannel(qc, c.s, func() (*quic.Stream, error) { return qc.AcceptStream(ctx) })
}

func (c channels) Address() string { return c.l.Addr().String() }

func (c channels) Close() error {
	c.l.Close()
	c.s.unlisten()
	return nil
}

func subject(testing.TB) linktest.Subject {
	t := newTransport(newKey(), link.Options{})
	return linktest.Subject{
		New:         New,
		Addresses:   true,
		DialChannel: t.open,
		ListenChannel: func() (linktest.ChannelListener, error) {
			config, err := link.ServerTLS(alpn)
			if err != nil {
				return nil, err
			}
			s, err := t.sockets.forListener(&net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)}, func(*quic.Transport) {})
			if err != nil {
				return nil, err
			}
			l, err := s.quic.Listen(config, t.config(1))
			return channels{s, l}, err
		},
		HalfClose: func(ch link.Channel) error { return ch.(*channel).Stream.Close() },
		Stranger: func(address string) (io.ReadWriteCloser, error) {
			return net.Dial("udp", address)
		},
	}
}

func TestConformance(t *testing.T) { linktest.Run(t, subject) }
