package link

import (
	"context"
	"crypto/ed25519"
	"errors"
	"net"
	"net/netip"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"nightjar/routing/wire"
)

var (
	anywhere  = netip.MustParseAddr("192.0.2.1")
	elsewhere = netip.MustParseAddr("198.51.100.1")
)

func newTestSelf(t *testing.T, o Options) *Self {
	t.Helper()
	_, key, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	return NewSelf(key, o)
}

// addr is a different source for each i.
func addr(i int) netip.Addr { return netip.AddrFrom4([4]byte{203, 0, 113, byte(i)}) }

func TestOldestStrangerMakesRoomAfterItsGrace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newTestSelf(t, Options{Handshakes: 3}).NewAcceptor()
		defer a.Close()
		first := a.TryAdmit(addr(0))
		time.Sleep(grace / 2)
		second, third := a.TryAdmit(addr(1)), a.TryAdmit(addr(2))
		if first == nil || second == nil || third == nil {
			t.Fatal("no place though there are three")
		}
		if a.TryAdmit(addr(3)) != nil {
			t.Error("a fourth place")
		}
		time.Sleep(grace / 2)
		if a.TryAdmit(addr(3)) == nil || first.ctx.Err() == nil {
			t.Error("the oldest did not make room")
		}
		if second.ctx.Err() != nil || third.ctx.Err() != nil {
			t.Error("somebody else was pushed out")
		}
		if a.TryAdmit(addr(4)) != nil {
			t.Error("a fourth place")
		}
	})
}

func TestAdmitWaitsForAPlace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newTestSelf(t, Options{Handshakes: 1}).NewAcceptor()
		defer a.Close()
		first := a.Admit(addr(0))
		start := time.Now()
		time.AfterFunc(grace/4, first.Release)
		if a.Admit(addr(1)) == nil || time.Since(start) != grace/4 {
			t.Errorf("admitted after %v, want when the place was given back", time.Since(start))
		}
		start = time.Now()
		if a.Admit(addr(2)) == nil || time.Since(start) != grace {
			t.Errorf("admitted after %v, want after the other's grace", time.Since(start))
		}
		start = time.Now()
		time.AfterFunc(grace/4, a.Stop)
		if a.Admit(addr(3)) != nil || time.Since(start) != grace/4 {
			t.Errorf("Stop left a stranger waiting for %v", time.Since(start))
		}
	})
}

func TestOneSourceTakesFewPlaces(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newTestSelf(t, Options{HandshakesPerSource: 2}).NewAcceptor()
		defer a.Close()
		first, second := a.Admit(anywhere), a.Admit(netip.MustParseAddr("::ffff:192.0.2.1"))
		if first == nil || second == nil {
			t.Fatal("no place")
		}
		if a.Admit(anywhere) != nil {
			t.Error("a third place for one source")
		}
		if a.Admit(elsewhere) == nil {
			t.Error("another source has no place")
		}
		time.Sleep(grace)
		if a.Admit(anywhere) == nil || first.ctx.Err() == nil || second.ctx.Err() != nil {
			t.Error("the source's oldest did not make room")
		}
		second.Release()
		second.Release() // counts once
		if a.Admit(anywhere) == nil || a.Admit(anywhere) != nil {
			t.Error("places are counted wrongly")
		}
	})
}

func TestSources(t *testing.T) {
	for _, c := range []struct{ ip, source string }{
		{"192.0.2.1", "192.0.2.1"},
		{"::ffff:192.0.2.1", "192.0.2.1"},
		{"2001:db8:1:2:3:4:5:6", "2001:db8:1:2::"},
		{"2001:db8:1:2:ffff::", "2001:db8:1:2::"},
		{"fe80::1%eth0", "fe80::"},
		{"127.0.0.1", ""},
		{"127.255.0.1", ""},
		{"::1", ""},
		{"::ffff:127.0.0.1", ""},
		{"", ""},
	} {
		ip, _ := netip.ParseAddr(c.ip)
		want, _ := netip.ParseAddr(c.source)
		if got := sourceOf(ip); got != want {
			t.Errorf("the source of %q is %v, want %q", c.ip, got, c.source)
		}
	}
}

func TestLoopbackIsNotCounted(t *testing.T) {
	a := newTestSelf(t, Options{HandshakesPerSource: 1}).NewAcceptor()
	defer a.Close()
	for i := range 10 {
		if a.TryAdmit(netip.MustParseAddr("127.0.0.1")) == nil {
			t.Fatalf("the %d. has no place", i+1)
		}
	}
}

func TestBusy(t *testing.T) {
	a := newTestSelf(t, Options{Handshakes: 8}).NewAcceptor()
	defer a.Close()
	one := a.TryAdmit(addr(0))
	if a.Busy() {
		t.Error("busy with one of eight")
	}
	a.TryAdmit(addr(1))
	if !a.Busy() {
		t.Error("not busy with two of eight")
	}
	one.Release()
	if a.Busy() {
		t.Error("still busy")
	}
}

// pipeChannel is a channel in a bubble.
type pipeChannel struct {
	net.Conn
	binding Binding
}

func (p pipeChannel) Binding() Binding { return p.binding }

func (p pipeChannel) Remote() netip.Addr { return netip.Addr{} }

// knockAt starts the handshake of a stranger, and returns the stranger's end.
func knockAt(a *Acceptor, t *Ticket) pipeChannel {
	mine, theirs := net.Pipe()
	a.Start(t, func(context.Context) (Channel, error) { return pipeChannel{Conn: theirs}, nil })
	return pipeChannel{Conn: mine}
}

func TestAProvedPeerIsNotPushedOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, me := newTestSelf(t, Options{Handshakes: 1}), newTestSelf(t, Options{})
		a := b.NewAcceptor()
		defer a.Close()
		ch := knockAt(a, a.Admit(anywhere))
		c, err := me.Dial(t.Context(), b.id, func(context.Context) (Channel, error) { return ch, nil })
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		synctest.Wait()
		time.Sleep(10 * grace)
		if a.TryAdmit(elsewhere) != nil {
			t.Error("the place of a peer that waits for Accept was given away")
		}
		got, err := a.Accept(t.Context())
		if err != nil || got.Peer() != me.id {
			t.Fatalf("Accept: %v", err)
		}
		defer got.Close()
		synctest.Wait()
		if a.TryAdmit(elsewhere) == nil {
			t.Error("the place was not given back")
		}
	})
}

func TestAStrangersTimeIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newTestSelf(t, Options{}).NewAcceptor()
		defer a.Close()
		ch := knockAt(a, a.Admit(anywhere))
		start := time.Now()
		if _, err := ch.Read(make([]byte, 1)); err == nil {
			t.Error("it was sent something")
		}
		if d := time.Since(start); d != defaultHandshakeTime {
			t.Errorf("it was dropped after %v", d)
		}
		synctest.Wait()
		if len(a.pending) != 0 || len(a.sources) != 0 {
			t.Error("its place is still taken")
		}
	})
}

func TestCloseEndsPendingHandshakesAndLetsNoneBegin(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newTestSelf(t, Options{})
		a := b.NewAcceptor()
		ch := knockAt(a, a.Admit(anywhere))
		late := a.Admit(elsewhere)
		start := time.Now()
		a.Close()
		if time.Since(start) != 0 {
			t.Errorf("Close took %v", time.Since(start))
		}
		if _, err := ch.Read(make([]byte, 1)); err == nil {
			t.Error("the pending one was sent something")
		}
		if a.Start(late, func(context.Context) (Channel, error) { t.Error("it began"); return nil, ErrAuth }) {
			t.Error("Start began after Close")
		}
		if a.Admit(anywhere) != nil || a.TryAdmit(anywhere) != nil {
			t.Error("somebody was admitted after Close")
		}
		if _, err := a.Accept(t.Context()); !errors.Is(err, net.ErrClosed) {
			t.Errorf("Accept: %v", err)
		}
		a.Close()
	})
}

func TestServeOutlivesFailuresOfTheSystem(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newTestSelf(t, Options{HandshakesPerSource: 1}).NewAcceptor()
		failures, strangers, dropped := 0, 0, 0
		var ends []net.Conn
		start := time.Now()
		a.Serve(func() (Stranger, error) {
			switch {
			case failures < 20:
				failures++
				return Stranger{}, syscall.EMFILE
			case strangers < 3:
				strangers++
				mine, theirs := net.Pipe()
				ends = append(ends, mine)
				return Stranger{
					Source: anywhere,
					Open:   func(context.Context) (Channel, error) { return pipeChannel{Conn: theirs}, nil },
					Drop:   func() { dropped++; theirs.Close() },
				}, nil
			}
			return Stranger{}, net.ErrClosed
		})
		if d := time.Since(start); d < 10*retryMax || d > 20*retryMax {
			t.Errorf("20 failures took %v: too fast burns the processor, too slow loses time", d)
		}
		if dropped != 2 {
			t.Errorf("%d dropped, want the second and the third of one source", dropped)
		}
		a.Close()
		for _, e := range ends {
			if _, err := e.Read(make([]byte, 1)); err == nil {
				t.Error("a stranger was left open")
			}
		}
	})
}

func TestDialErrors(t *testing.T) {
	s := newTestSelf(t, Options{HandshakeTime: time.Second})
	peer := wire.NodeID{1}
	refused := &net.OpError{Op: "dial", Addr: &net.TCPAddr{IP: net.IPv4(192, 0, 2, 9)}, Err: syscall.ECONNREFUSED}
	for _, c := range []struct {
		name string
		open func(context.Context) (Channel, error)
		want error
	}{
		{"somebody else", func(context.Context) (Channel, error) { return nil, ErrAuth }, ErrAuth},
		{"nobody", func(context.Context) (Channel, error) { return nil, refused }, syscall.ECONNREFUSED},
	} {
		if _, err := s.Dial(t.Context(), peer, c.open); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", c.name, err, c.want)
		}
	}
	if _, err := s.Dial(t.Context(), s.id, nil); err != ErrAuth {
		t.Errorf("itself: %v, want ErrAuth", err)
	}
}
