package link

import (
	"crypto/tls"
	"net"
	"testing"
)

// handshake makes a TLS connection of two configurations and returns both ends' states.
func handshake(t *testing.T, change func(client, server *tls.Config)) (client, server tls.ConnectionState) {
	t.Helper()
	serverConfig, err := ServerTLS("http/1.1")
	if err != nil {
		t.Fatal(err)
	}
	clientConfig := ClientTLS("http/1.1")
	change(clientConfig, serverConfig)
	x, y := net.Pipe()
	defer x.Close()
	defer y.Close()
	c, s := tls.Client(x, clientConfig), tls.Server(y, serverConfig)
	shaken := make(chan error, 1)
	go func() { shaken <- s.Handshake() }() // ends with the handshake
	if err := c.Handshake(); err != nil {
		t.Fatal(err)
	}
	if err := <-shaken; err != nil {
		t.Fatal(err)
	}
	return c.ConnectionState(), s.ConnectionState()
}

func TestBindTLSGivesBothEndsTheSameAndEachConnectionAnother(t *testing.T) {
	var seen [2]Binding
	for i := range seen {
		client, server := handshake(t, func(_, _ *tls.Config) {})
		x, errX := BindTLS(client, "http/1.1")
		y, errY := BindTLS(server, "http/1.1")
		if errX != nil || errY != nil || x != y {
			t.Fatalf("two ends bind differently: %v, %v", errX, errY)
		}
		seen[i] = x
	}
	if seen[0] == seen[1] {
		t.Error("two connections have one binding")
	}
}

// TestBindTLSChecksForItself: SPEC §2.1 holds even where the configuration of one end would have allowed something else.
func TestBindTLSChecksForItself(t *testing.T) {
	for name, change := range map[string]func(*tls.Config){
		"another group":    func(c *tls.Config) { c.CurvePreferences = []tls.CurveID{tls.X25519} },
		"an older version": func(c *tls.Config) { c.MinVersion, c.MaxVersion = tls.VersionTLS12, tls.VersionTLS12 },
		"another protocol": func(c *tls.Config) { c.NextProtos = []string{"h2"} },
		"no protocol":      func(c *tls.Config) { c.NextProtos = nil },
	} {
		client, server := handshake(t, func(c, s *tls.Config) {
			c.CurvePreferences, s.CurvePreferences = nil, nil
			change(c)
			change(s)
		})
		for _, state := range []tls.ConnectionState{client, server} {
			if _, err := BindTLS(state, "http/1.1"); err != ErrAuth {
				t.Errorf("%s: %v, want ErrAuth", name, err)
			}
		}
	}
	good, _ := handshake(t, func(_, _ *tls.Config) {})
	resumed := good
	resumed.DidResume = true
	if _, err := BindTLS(resumed, "http/1.1"); err != ErrAuth {
		t.Errorf("a resumed session: %v, want ErrAuth", err)
	}
	early := good
	early.HandshakeComplete = false
	if _, err := BindTLS(early, "http/1.1"); err != ErrAuth {
		t.Errorf("before the handshake is complete: %v, want ErrAuth", err)
	}
}
