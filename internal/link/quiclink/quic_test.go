package quiclink

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/netip"
	"testing"
	"time"

	"github.com/quic-go/quic-go"

	"nightjar/internal/link"
)

func listen(t *testing.T, o link.Options) (*transport, *listener) {
	t.Helper()
	tr := newTransport(newKey(), o)
	l, err := tr.listen("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return tr, l
}

// dial makes a QUIC connection as a stranger does.
func dial(t *testing.T, address string, config *tls.Config, qconfig *quic.Config) (*quic.Conn, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	c, err := quic.DialAddr(ctx, address, config, qconfig)
	if err == nil {
		t.Cleanup(func() { c.CloseWithError(0, "") })
	}
	return c, err
}

func TestListenerDemandsTheChannelOfTheSpec(t *testing.T) {
	_, l := listen(t, link.Options{})
	for name, change := range map[string]func(*tls.Config, *quic.Config){
		"no post-quantum key exchange": func(c *tls.Config, _ *quic.Config) {
			c.CurvePreferences = []tls.CurveID{tls.X25519, tls.CurveP256}
		},
		"another protocol": func(c *tls.Config, _ *quic.Config) { c.NextProtos = []string{"hq-interop"} },
		"no protocol":      func(c *tls.Config, _ *quic.Config) { c.NextProtos = nil },
		"QUIC v2":          func(_ *tls.Config, q *quic.Config) { q.Versions = []quic.Version{quic.Version2} },
	} {
		config, qconfig := link.ClientTLS(alpn), &quic.Config{}
		change(config, qconfig)
		if _, err := dial(t, l.Address(), config, qconfig); err == nil {
			t.Errorf("%s: the handshake succeeds", name)
		}
	}
}

func TestDiallerDemandsTheChannelOfTheSpec(t *testing.T) {
	for name, change := range map[string]func(*tls.Config){
		"no post-quantum key exchange": func(c *tls.Config) { c.CurvePreferences = []tls.CurveID{tls.X25519} },
		"another protocol":             func(c *tls.Config) { c.NextProtos = []string{"hq-interop"} },
		"no protocol":                  func(c *tls.Config) { c.NextProtos = nil },
	} {
		config, err := link.ServerTLS(alpn)
		if err != nil {
			t.Fatal(err)
		}
		change(config)
		l, err := quic.ListenAddr("127.0.0.1:0", config, nil)
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		tr := newTransport(newKey(), link.Options{})
		if ch, err := tr.open(t.Context(), l.Addr().String()); !errors.Is(err, link.ErrAuth) {
			t.Errorf("%s: %v, want ErrAuth", name, err)
			if err == nil {
				ch.Close()
			}
		}
	}
}

// TestWhatAnObserverSees proves SPEC §9.1 for the Initial packet, whose keys everybody can derive.
func TestWhatAnObserverSees(t *testing.T) {
	config, err := link.ServerTLS(alpn)
	if err != nil {
		t.Fatal(err)
	}
	config.GetConfigForClient = func(h *tls.ClientHelloInfo) (*tls.Config, error) {
		if h.ServerName != "" {
			t.Errorf("the dialler names %q", h.ServerName)
		}
		if len(h.SupportedCurves) != 1 || h.SupportedCurves[0] != tls.X25519MLKEM768 {
			t.Errorf("the dialler offers %v", h.SupportedCurves)
		}
		if len(h.SupportedProtos) != 1 || h.SupportedProtos[0] != alpn {
			t.Errorf("the dialler offers %q", h.SupportedProtos)
		}
		return nil, nil
	}
	l, err := quic.ListenAddr("127.0.0.1:0", config, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	ch, err := newTransport(newKey(), link.Options{}).open(t.Context(), l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	ch.Close()
}

// TestAPeerHasOneStream: a second stream, or a unidirectional one, would be memory that nobody reads (invariants 2 and 3).
func TestAPeerHasOneStream(t *testing.T) {
	_, l := listen(t, link.Options{})
	c, err := dial(t, l.Address(), link.ClientTLS(alpn), &quic.Config{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.OpenStream(); err != nil {
		t.Errorf("the first: %v", err)
	}
	if _, err := c.OpenStream(); err == nil {
		t.Error("a second stream")
	}
	if _, err := c.OpenUniStream(); err == nil {
		t.Error("a unidirectional stream")
	}
}

// TestAPeerCannotFillMemory: what a peer may send unread ends at connWindow.
func TestAPeerCannotFillMemory(t *testing.T) {
	_, l := listen(t, link.Options{HandshakeTime: 10 * time.Second})
	c, err := dial(t, l.Address(), link.ClientTLS(alpn), &quic.Config{})
	if err != nil {
		t.Fatal(err)
	}
	s, err := c.OpenStream()
	if err != nil {
		t.Fatal(err)
	}
	s.SetWriteDeadline(time.Now().Add(500 * time.Millisecond))
	n, err := s.Write(make([]byte, 4*connWindow))
	if err == nil || n > connWindow+64<<10 { // the listener reads a little while it lingers
		t.Errorf("sent %d bytes to a listener that reads nothing: %v", n, err)
	}
}

func TestForgedAddressesTakeNoPlaces(t *testing.T) {
	const places = 8
	_, l := listen(t, link.Options{Handshakes: places})
	for range places / 4 {
		if l.TryAdmit(netip.MustParseAddr("192.0.2.1")) == nil {
			t.Fatal("no place")
		}
	}
	// From now on a stranger must answer a Retry, which a dialler does without noticing.
	if !l.socket.quic.VerifySourceAddress(nil) {
		t.Error("no Retry is asked for")
	}
	if _, err := dial(t, l.Address(), link.ClientTLS(alpn), &quic.Config{}); err != nil {
		t.Errorf("a dialler that answers from its address: %v", err)
	}
}

func TestAFullListenerRefuses(t *testing.T) {
	_, l := listen(t, link.Options{Handshakes: 1})
	l.TryAdmit(netip.MustParseAddr("192.0.2.1"))
	_, err := newTransport(newKey(), link.Options{}).open(t.Context(), l.Address())
	if !errors.Is(err, errRefused) {
		t.Errorf("got %v, want errRefused", err)
	}
}

func TestAPlaceIsGivenBackWhenTheConnectionFails(t *testing.T) {
	_, l := listen(t, link.Options{Handshakes: 1}) // with one place, busy means that it is taken
	config := link.ClientTLS("hq-interop")
	if _, err := dial(t, l.Address(), config, &quic.Config{}); err == nil {
		t.Fatal("the handshake succeeds")
	}
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(4 * time.Second); l.Busy(); <-tick.C {
		if time.Now().After(deadline) {
			t.Fatal("the place is still taken")
		}
	}
}

// pair connects a new node to a listener.
func pair(t *testing.T, from *transport, to *transport, l *listener) (dialled, accepted link.Conn) {
	t.Helper()
	dialled, err := from.Dial(t.Context(), l.Address(), to.self.ID())
	if err != nil {
		t.Fatal(err)
	}
	accepted, err = l.Accept(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { dialled.Close(); accepted.Close() })
	return dialled, accepted
}

func (a *sockets) count() (listening int, dialling bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	return len(a.listen), a.dial != nil
}

func TestTheLastUserClosesTheSocket(t *testing.T) {
	b, l := listen(t, link.Options{})
	a := newTransport(newKey(), link.Options{})
	x, y := pair(t, a, b, l)
	x2, y2 := pair(t, a, b, l)
	if a.sockets.dial.users != 2 {
		t.Errorf("two connections have %d uses of one socket", a.sockets.dial.users)
	}
	local := l.socket.udp.LocalAddr().String()
	l.Close()
	x.Close()
	y.Close()
	if _, dialling := a.sockets.count(); !dialling {
		t.Error("the socket was closed while a connection used it")
	}
	x2.Close()
	if _, dialling := a.sockets.count(); dialling {
		t.Error("the dialling socket is kept")
	}
	if _, err := net.ListenPacket("udp", local); err == nil {
		t.Error("the listening socket was closed while a connection used it")
	}
	y2.Close()
	c, err := net.ListenPacket("udp", local)
	if err != nil {
		t.Fatalf("the listening socket is kept: %v", err)
	}
	c.Close()
}

func TestANodeIsSeenWithOnePort(t *testing.T) {
	b, l := listen(t, link.Options{})
	a, _ := listen(t, link.Options{})
	pair(t, a, b, l)
	if _, dialling := a.sockets.count(); dialling {
		t.Error("a node that listens dials from another port")
	}
}

func TestReaches(t *testing.T) {
	for _, c := range []struct {
		local, to string
		want      bool
	}{
		{"127.0.0.1:0", "127.0.0.2", true},
		{"127.0.0.1:0", "192.0.2.1", false},
		{"127.0.0.1:0", "::1", false},
		{"0.0.0.0:0", "192.0.2.1", true},
		{"0.0.0.0:0", "2001:db8::1", false},
		{"[::]:0", "2001:db8::1", true},
		{"[::]:0", "192.0.2.1", true},
		{"[::1]:0", "::1", true},
		{"[::1]:0", "2001:db8::1", false},
	} {
		local := netip.MustParseAddrPort(c.local)
		if got := reaches(local.Addr(), netip.MustParseAddr(c.to)); got != c.want {
			t.Errorf("%s reaches %s: %t", c.local, c.to, got)
		}
	}
}

func TestNamesAreNotDialled(t *testing.T) {
	tr := newTransport(newKey(), link.Options{})
	for _, address := range []string{"localhost:4001", "127.0.0.1", "", ":4001"} {
		if _, err := tr.open(t.Context(), address); !errors.Is(err, errAddress) {
			t.Errorf("%q: %v, want errAddress", address, err)
		}
	}
}
