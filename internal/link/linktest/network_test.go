package linktest

import (
	"context"
	"crypto/ed25519"
	"errors"
	"io"
	"testing"
	"testing/synctest"
	"time"

	"nightjar/internal/link"
	"nightjar/routing/wire"
)

// memChannels is a ChannelListener on a Network.
type memChannels struct{ *memListener }

func (l memChannels) Accept(ctx context.Context) (link.Channel, error) { return l.next(ctx) }

func memSubject(latency time.Duration) func(testing.TB) Subject {
	return func(testing.TB) Subject {
		n := NewNetwork()
		n.SetLatency(func(wire.NodeID, wire.NodeID) time.Duration { return latency })
		return Subject{
			New: n.Transport,
			DialChannel: func(ctx context.Context, address string) (link.Channel, error) {
				return n.connect(ctx, wire.NodeID{}, address)
			},
			ListenChannel: func() (ChannelListener, error) {
				l, err := n.listen(link.NewSelf(newKey(), link.Options{}), loopback)
				return memChannels{l}, err
			},
			HalfClose: func(ch link.Channel) error {
				ch.(*end).closeWrite()
				return nil
			},
			Stranger: func(address string) (io.ReadWriteCloser, error) {
				return n.connect(context.Background(), wire.NodeID{}, address)
			},
			StrangerHears: true,
		}
	}
}

func newKey() ed25519.PrivateKey {
	_, key, err := ed25519.GenerateKey(nil)
	if err != nil {
		panic(err)
	}
	return key
}

func TestConformance(t *testing.T) {
	t.Run("at once", func(t *testing.T) { RunInBubble(t, memSubject(0)) })
	t.Run("40 ms", func(t *testing.T) { RunInBubble(t, memSubject(40*time.Millisecond)) })
}

// bubble runs f with two connected nodes that are 50 ms apart.
func bubble(t *testing.T, f func(r rig, n *Network, a, b node, l link.Listener, x, y link.Conn)) {
	synctest.Test(t, func(t *testing.T) {
		n := NewNetwork()
		n.SetLatency(func(wire.NodeID, wire.NodeID) time.Duration { return 50 * time.Millisecond })
		r := newRig(t, Subject{New: n.Transport})
		a, b := r.node(link.Options{}), r.node(link.Options{})
		l := r.listen(b)
		x := r.dial(a, l.Address(), b.id)
		f(r, n, a, b, l, x, r.accept(l))
	})
}

func TestLatencyIsWhatWasAskedFor(t *testing.T) {
	bubble(t, func(r rig, _ *Network, _, _ node, _ link.Listener, x, y link.Conn) {
		r.receive(func() link.Conn { r.send(x, []byte("sync")); return y }())
		start := time.Now()
		r.send(x, []byte("x"))
		r.receive(y)
		if d := time.Since(start); d != 50*time.Millisecond {
			t.Errorf("a frame took %v", d)
		}
	})
}

func TestBreakLosesTheConnectionsOfTwoNodes(t *testing.T) {
	bubble(t, func(r rig, n *Network, a, b node, l link.Listener, x, y link.Conn) {
		other := r.node(link.Options{})
		z := r.dial(other, l.Address(), b.id)
		w := r.accept(l)
		n.Break(a.id, b.id)
		for _, c := range []link.Conn{x, y} {
			if _, err := c.Read(); err == nil || err == io.EOF {
				t.Errorf("Read of a lost connection: %v", err)
			}
		}
		r.send(z, []byte("others have theirs"))
		r.receive(w)
		r.dial(a, l.Address(), b.id)
		r.accept(l)
	})
}

func TestIsolateCutsANodeOffUntilRestore(t *testing.T) {
	bubble(t, func(r rig, n *Network, a, b node, l link.Listener, x, _ link.Conn) {
		n.Isolate(b.id)
		if _, err := x.Read(); err == nil || err == io.EOF {
			t.Errorf("Read of a lost connection: %v", err)
		}
		start := time.Now()
		if _, err := a.Dial(r.ctx, l.Address(), b.id); err == nil || errors.Is(err, link.ErrAuth) {
			t.Errorf("Dial to a node that is cut off: %v", err)
		}
		if time.Since(start) != (link.Options{}).WithDefaults().HandshakeTime {
			t.Errorf("it took %v", time.Since(start))
		}
		n.Restore(b.id)
		r.dial(a, l.Address(), b.id)
		r.accept(l)
	})
}

func TestANetworkForgetsConnectionsThatAreClosed(t *testing.T) {
	bubble(t, func(r rig, n *Network, _, _ node, _ link.Listener, x, y link.Conn) {
		r.must(x.Close())
		r.must(y.Close())
		if len(n.pipes) != 0 {
			t.Errorf("%d are kept", len(n.pipes))
		}
	})
}
