package linktest_test

import (
	"context"
	"crypto/ed25519"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"runtime"
	"syscall"
	"testing"

	"nightjar/internal/link"
	"nightjar/internal/link/linktest"
	"nightjar/internal/link/quiclink"
	"nightjar/internal/link/tlstcp"
	"nightjar/routing/wire"
)

// frameSize is that of a block with its message around it.
const frameSize = 32<<10 + 24

// heap stands for what a node holds: with a heap of nothing the collector would run for every few frames.
const heap = 48 << 20

// BenchmarkThroughput moves frames one way over one connection on loopback. Every reader takes new memory for each frame, as
// the contract of link.Conn demands; the plain rows do it too, so that the difference is the transport's.
func BenchmarkThroughput(b *testing.B) {
	b.Run("plain TCP", func(b *testing.B) { throughput(b, plainTCP) })
	b.Run("plain TLS", func(b *testing.B) { throughput(b, plainTLS) })
	b.Run("tcp", func(b *testing.B) { throughput(b, links(tlstcp.New)) })
	b.Run("quic", func(b *testing.B) { throughput(b, links(quiclink.New)) })
	b.Run("mem", func(b *testing.B) { throughput(b, links(linktest.NewNetwork().Transport)) })
}

// BenchmarkHandshake connects and ends the connection.
func BenchmarkHandshake(b *testing.B) {
	b.Run("plain TLS", func(b *testing.B) { handshakes(b, plainTLS) })
	b.Run("tcp", func(b *testing.B) { handshakes(b, links(tlstcp.New)) })
	b.Run("quic", func(b *testing.B) { handshakes(b, links(quiclink.New)) })
}

// connector makes a listener on loopback and returns how to make connections to it, as pairs of ends.
type connector func(b *testing.B) (pair func() (w sender, r receiver))

type sender interface {
	Write(frame []byte) error
	Flush() error
	Close() error
}

type receiver interface {
	Read() ([]byte, error)
	Close() error
}

func throughput(b *testing.B, connect connector) {
	ballast := make([]byte, heap)
	defer runtime.KeepAlive(ballast)
	w, r := connect(b)()
	defer w.Close()
	defer r.Close()
	frame := make([]byte, frameSize)
	b.SetBytes(frameSize)
	runtime.GC()
	begin := processor(b)
	b.ResetTimer()
	read := make(chan error, 1)
	go func() { // ends with the last frame or the connection
		for range b.N {
			if _, err := r.Read(); err != nil {
				read <- err
				return
			}
		}
		read <- nil
	}()
	for range b.N {
		if err := w.Write(frame); err != nil {
			b.Fatal(err)
		}
	}
	if err := errors.Join(w.Flush(), <-read); err != nil {
		b.Fatal(err)
	}
	b.StopTimer()
	b.ReportMetric((processor(b)-begin)/(float64(b.N)*frameSize/(1<<30)), "cpu-s/GiB")
}

func handshakes(b *testing.B, connect connector) {
	pair := connect(b)
	begin := processor(b)
	b.ResetTimer()
	for range b.N {
		w, r := pair()
		w.Close()
		r.Close()
	}
	b.StopTimer()
	b.ReportMetric((processor(b)-begin)*1e3/float64(b.N), "cpu-ms/op")
}

// processor is the processor time of this process in seconds.
func processor(b *testing.B) float64 {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return float64(u.Utime.Nano()+u.Stime.Nano()) / 1e9
}

// links are connections of a transport.
func links(transport func(ed25519.PrivateKey, link.Options) link.Transport) connector {
	return func(b *testing.B) func() (sender, receiver) {
		public, key, err := ed25519.GenerateKey(nil)
		check(b, err)
		_, own, err := ed25519.GenerateKey(nil)
		check(b, err)
		l, err := transport(key, link.Options{}).Listen("127.0.0.1:0")
		check(b, err)
		b.Cleanup(func() { l.Close() })
		dialler := transport(own, link.Options{})
		return func() (sender, receiver) {
			x, err := dialler.Dial(context.Background(), l.Address(), wire.NodeID(public))
			check(b, err)
			y, err := l.Accept(context.Background())
			check(b, err)
			return x, y
		}
	}
}

func check(b *testing.B, err error) {
	b.Helper()
	if err != nil {
		b.Fatal(err)
	}
}

// plain is what a transport is compared with: one write and one read for each frame, all of one size.
type plain struct{ net.Conn }

func (p plain) Write(frame []byte) error {
	_, err := p.Conn.Write(frame)
	return err
}

func (plain) Flush() error { return nil }

func (p plain) Read() ([]byte, error) {
	frame := make([]byte, frameSize)
	_, err := io.ReadFull(p.Conn, frame)
	return frame, err
}

func plainTCP(b *testing.B) func() (sender, receiver) { return plainPairs(b, nil, nil) }

func plainTLS(b *testing.B) func() (sender, receiver) {
	server, err := link.ServerTLS("http/1.1")
	check(b, err)
	return plainPairs(b, server, link.ClientTLS("http/1.1"))
}

func plainPairs(b *testing.B, server, client *tls.Config) func() (sender, receiver) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	check(b, err)
	b.Cleanup(func() { l.Close() })
	return func() (sender, receiver) {
		x, err := net.Dial("tcp", l.Addr().String())
		check(b, err)
		y, err := l.Accept()
		check(b, err)
		if server == nil {
			return plain{x}, plain{y}
		}
		s, c := tls.Server(y, server), tls.Client(x, client)
		shaken := make(chan error, 1)
		go func() { shaken <- s.Handshake() }() // ends with the handshake
		check(b, c.Handshake())
		check(b, <-shaken)
		return plain{c}, plain{s}
	}
}
