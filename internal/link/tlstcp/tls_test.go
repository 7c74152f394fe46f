package tlstcp

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"net"
	"strings"
	"testing"
	"time"

	"nightjar/internal/link"
)

// listen starts a listener of a new node for strangers.
func listen(t *testing.T) *listener {
	t.Helper()
	l, err := newTransport(link.Options{}).listen("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l
}

func TestListenerDemandsTheChannelOfTheSpec(t *testing.T) {
	address := listen(t).Address()
	for name, change := range map[string]func(*tls.Config){
		"TLS 1.2": func(c *tls.Config) { c.MinVersion, c.MaxVersion = tls.VersionTLS12, tls.VersionTLS12 },
		"no post-quantum key exchange": func(c *tls.Config) {
			c.CurvePreferences = []tls.CurveID{tls.X25519, tls.CurveP256}
		},
		"another post-quantum key exchange": func(c *tls.Config) {
			c.CurvePreferences = []tls.CurveID{tls.SecP256r1MLKEM768}
		},
		"another protocol": func(c *tls.Config) { c.NextProtos = []string{"h2"} },
	} {
		config := link.ClientTLS(alpn)
		change(config)
		if c, err := tls.Dial("tcp", address, config); err == nil {
			c.Close()
			t.Errorf("%s: the handshake succeeds", name)
		}
	}
}

// TestStrangerWithoutALPN: crypto/tls lets it in, BindTLS does not.
func TestStrangerWithoutALPN(t *testing.T) {
	config := link.ClientTLS()
	c, err := tls.Dial("tcp", listen(t).Address(), config)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	c.SetDeadline(time.Now().Add(10 * time.Second))
	if n, err := c.Read(make([]byte, 1)); n != 0 || err == nil {
		t.Errorf("read %d bytes, %v", n, err)
	} else if e, ok := errors.AsType[net.Error](err); ok && e.Timeout() {
		t.Error("it was let in")
	}
}

// dialServer dials a TLS server with a configuration of its own.
func dialServer(t *testing.T, config *tls.Config) error {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	served := make(chan struct{})
	go func() { // ends with its connection
		defer close(served)
		raw, err := l.Accept()
		if err != nil {
			return
		}
		c := tls.Server(raw, config)
		defer c.Close()
		c.Handshake()
	}()
	ch, err := newTransport(link.Options{}).open(t.Context(), l.Addr().String())
	if err == nil {
		ch.Close()
	}
	<-served
	return err
}

func TestDiallerDemandsTheChannelOfTheSpec(t *testing.T) {
	for name, change := range map[string]func(*tls.Config){
		"TLS 1.2":                      func(c *tls.Config) { c.MinVersion, c.MaxVersion = tls.VersionTLS12, tls.VersionTLS12 },
		"no post-quantum key exchange": func(c *tls.Config) { c.CurvePreferences = []tls.CurveID{tls.X25519} },
		"another protocol":             func(c *tls.Config) { c.NextProtos = []string{"h2"} },
		"no protocol":                  func(c *tls.Config) { c.NextProtos = nil },
	} {
		config, err := link.ServerTLS(alpn)
		if err != nil {
			t.Fatal(err)
		}
		change(config)
		if err := dialServer(t, config); !errors.Is(err, link.ErrAuth) {
			t.Errorf("%s: %v, want ErrAuth", name, err)
		}
	}
}

// TestWhatAnObserverSees proves SPEC §9.1: no server name, no identity in the clear, nothing that ties connections together.
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
		if got := strings.Join(h.SupportedProtos, " "); got != "h2 http/1.1" {
			t.Errorf("the dialler offers %q", got)
		}
		return nil, nil
	}
	if err := dialServer(t, config); err != nil {
		t.Fatal(err)
	}
}

func TestListenersGiveNoTicketsAndShareNoCertificate(t *testing.T) {
	var seen [][]byte
	tr := newTransport(link.Options{})
	for range 2 {
		l, err := tr.listen("127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		tickets := &ticketCounter{}
		config := link.ClientTLS(alpn)
		config.SessionTicketsDisabled = false
		config.ClientSessionCache = tickets
		c, err := tls.Dial("tcp", l.Address(), config)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		// A ticket would come with the first record, so that a Read takes it in; the listener's silence ends the Read.
		c.SetReadDeadline(time.Now().Add(100 * time.Millisecond))
		c.Read(make([]byte, 1))
		if tickets.n != 0 {
			t.Error("the listener gives a ticket")
		}
		cert := c.ConnectionState().PeerCertificates[0]
		id := tr.self.ID()
		if cert.Subject.String() != "CN=localhost" || bytes.Contains(cert.Raw, id[:]) {
			t.Errorf("the certificate says %v", cert.Subject)
		}
		seen = append(seen, cert.RawSubjectPublicKeyInfo)
	}
	if bytes.Equal(seen[0], seen[1]) {
		t.Error("two listeners have one certificate key")
	}
}

// ticketCounter is a session cache that counts what it is given.
type ticketCounter struct{ n int }

func (c *ticketCounter) Get(string) (*tls.ClientSessionState, bool) { return nil, false }
func (c *ticketCounter) Put(string, *tls.ClientSessionState)        { c.n++ }

// counting counts the writes to a socket.
type counting struct {
	net.Conn
	writes int
}

func (c *counting) Write(p []byte) (int, error) {
	c.writes++
	return c.Conn.Write(p)
}

// connected makes a channel to a TLS server, of which the test gets the connection.
func connected(t *testing.T) (*channel, *counting, *tls.Conn) {
	t.Helper()
	config, err := link.ServerTLS(alpn)
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	raw, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	accepted, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	server := tls.Server(accepted, config)
	t.Cleanup(func() { server.Close() })
	shaken := make(chan error, 1)
	go func() { shaken <- server.Handshake() }() // ends with the handshake
	c := &counting{Conn: raw}
	s := newSocket(c, newPool())
	ch, err := secure(t.Context(), tls.Client(s, link.ClientTLS("h2", alpn)), s)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ch.Close() })
	if err := <-shaken; err != nil {
		t.Fatal(err)
	}
	return ch.(*channel), c, server
}

func TestOneWriteIsOneSystemCall(t *testing.T) {
	ch, socket, server := connected(t)
	for _, n := range []int{1, recordSize, recordSize + 1, 64 << 10} {
		socket.writes = 0
		done := make(chan error, 1)
		go func() { // ends when the bytes have come or the connection ends
			_, err := server.Read(make([]byte, 1))
			for got := 1; got < n && err == nil; {
				var m int
				m, err = server.Read(make([]byte, n))
				got += m
			}
			done <- err
		}()
		if _, err := ch.Write(make([]byte, n)); err != nil {
			t.Fatal(err)
		}
		if err := <-done; err != nil {
			t.Fatal(err)
		}
		if socket.writes != 1 {
			t.Errorf("%d bytes took %d writes", n, socket.writes)
		}
	}
}

func TestAChannelIsUsedUp(t *testing.T) {
	ch, _, _ := connected(t)
	ch.records = maxRecords - 1
	if _, err := ch.Write([]byte("last")); err != nil {
		t.Fatal(err)
	}
	if _, err := ch.Write([]byte("one more")); !errors.Is(err, errSpent) {
		t.Errorf("got %v, want errSpent", err)
	}
}

func TestNamesAreNotDialled(t *testing.T) {
	tr := newTransport(link.Options{})
	for _, address := range []string{"localhost:4001", "127.0.0.1", "", ":4001", "127.0.0.1:http"} {
		if _, err := tr.open(context.Background(), address); !errors.Is(err, errAddress) {
			t.Errorf("%q: %v, want errAddress", address, err)
		}
	}
}
