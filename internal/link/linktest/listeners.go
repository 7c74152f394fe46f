package linktest

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"syscall"
	"time"

	"nightjar/internal/link"
	"nightjar/routing/wire"
)

// garbage: what is no handshake at all harms nobody.
func (r rig) garbage() {
	b := r.node(link.Options{})
	l := r.listen(b)
	for i := range 8 {
		s, err := r.s.Stranger(l.Address())
		r.must(err)
		defer s.Close()
		s.Write(pattern(i, 1+i*200)) // may fail: the listener may have hung up on the first packet
	}
	r.nextIs(l, b.id)
}

// slowStrangers: those who connect, below the encryption and inside it, and then do nothing, hold up nobody. Their time has
// not passed when the honest node is in.
func (r rig) slowStrangers() {
	b := r.node(link.Options{HandshakeTime: 10 * patience})
	l := r.listen(b)
	for i := range 12 {
		s, err := r.s.Stranger(l.Address())
		r.must(err)
		defer s.Close()
		ch := r.channel(l.Address())
		r.write(ch, make([]byte, 1+i))
	}
	r.nextIs(l, b.id)
}

func (r rig) manyConnections() {
	const peers = 24
	b := r.node(link.Options{})
	l := r.listen(b)
	served := make(chan (<-chan error), peers)
	accepting := inBackground(func() error {
		for range peers {
			c, err := l.Accept(r.ctx)
			if err != nil {
				return err
			}
			served <- inBackground(func() error { return echo(c) })
		}
		return nil
	})
	var asked []<-chan error
	for i := range peers {
		a := r.node(link.Options{})
		asked = append(asked, inBackground(func() error { return r.ask(a, l.Address(), b.id, i) }))
	}
	for _, c := range asked {
		r.must(r.result(c))
	}
	r.must(r.result(accepting))
	for range peers {
		r.must(r.result(<-served))
	}
}

// echo sends one frame back and waits for the end.
func echo(c link.Conn) error {
	defer c.Close()
	f, err := c.Read()
	if err != nil {
		return err
	}
	if err := errors.Join(c.Write(f), c.Flush()); err != nil {
		return err
	}
	c.Read() // the end, by whatever error
	return nil
}

// ask dials, sends a frame and checks that it comes back.
func (r rig) ask(n node, address string, peer wire.NodeID, seed int) error {
	c, err := n.Dial(r.ctx, address, peer)
	if err != nil {
		return fmt.Errorf("dial: %w", err)
	}
	defer c.Close()
	want := pattern(seed, 1000+seed)
	if err := errors.Join(c.Write(want), c.Flush()); err != nil {
		return err
	}
	got, err := c.Read()
	if err != nil {
		return err
	}
	if string(got) != string(want) {
		return errors.New("the answer is another connection's")
	}
	return nil
}

func (r rig) acceptContext() {
	l := r.listen(r.node(link.Options{}))
	ctx, cancel := context.WithCancel(r.ctx)
	accepting := inBackground(func() error {
		_, err := l.Accept(ctx)
		return err
	})
	cancel()
	if err := r.result(accepting); !errors.Is(err, context.Canceled) {
		r.Errorf("Accept: %v, want context.Canceled", err)
	}
}

func (r rig) nobodyListens() {
	a, b := r.node(link.Options{HandshakeTime: short}), r.node(link.Options{})
	l := r.listen(b)
	address := l.Address()
	r.must(l.Close())
	_, err := a.Dial(r.ctx, address, b.id)
	if err == nil || errors.Is(err, link.ErrAuth) || r.ctx.Err() != nil {
		r.Fatalf("Dial: %v, want an error that is not ErrAuth", err)
	}
	_, port, _ := net.SplitHostPort(address)
	if strings.Contains(err.Error(), "127.0.0.1") || strings.Contains(err.Error(), port) {
		r.Errorf("the error names the address: %v", err)
	}
}

func (r rig) names() {
	a, b := r.node(link.Options{HandshakeTime: short}), r.node(link.Options{})
	l := r.listen(b)
	_, port, err := net.SplitHostPort(l.Address())
	r.must(err)
	if _, err := a.Dial(r.ctx, "localhost:"+port, b.id); err == nil {
		r.Error("a name was dialled")
	}
}

func (r rig) addressInUse() {
	l := r.listen(r.node(link.Options{}))
	_, err := r.node(link.Options{}).Listen(l.Address())
	if !errors.Is(err, syscall.EADDRINUSE) {
		r.Errorf("Listen: %v, want EADDRINUSE", err)
	}
}

// listenerEnd: Close ends Accept, the strangers who are still proving themselves, and who has proved itself and was not
// taken. It leaves alone what Accept has given away (invariant 8).
func (r rig) listenerEnd() {
	b := r.node(link.Options{HandshakeTime: 10 * patience})
	l := r.listen(b)
	a := r.node(link.Options{})
	dialled := r.dial(a, l.Address(), b.id)
	accepted := r.accept(l)
	pending := r.channel(l.Address())
	r.write(pending, []byte{1})
	stranger, err := r.s.Stranger(l.Address())
	r.must(err)
	defer stranger.Close()
	waiting := r.dial(r.node(link.Options{}), l.Address(), b.id)

	start := time.Now()
	r.must(l.Close())
	r.must(l.Close())
	if d := time.Since(start); d > patience/2 {
		r.Errorf("Close took %v", d)
	}
	if _, err := l.Accept(r.ctx); !errors.Is(err, net.ErrClosed) {
		r.Errorf("Accept after Close: %v, want net.ErrClosed", err)
	}
	r.result(inBackground(func() error { drain(pending); return nil }))
	if r.s.StrangerHears {
		r.result(inBackground(func() error { drain(stranger); return nil }))
	}
	r.result(inBackground(func() error { waiting.Read(); return nil }))

	r.send(dialled, []byte("still"))
	if got := r.receive(accepted); string(got) != "still" {
		r.Errorf("got %d bytes", len(got))
	}
	r.send(accepted, []byte("here"))
	r.receive(dialled)
}

// remote: a transport over the network says where the other end is; one that has no addresses says nothing.
func (r rig) remote() {
	a, b := r.node(link.Options{}), r.node(link.Options{})
	l := r.listen(b)
	dialled, accepted := r.dial(a, l.Address(), b.id), r.accept(l)
	for _, c := range []link.Conn{dialled, accepted} {
		if at := c.Remote(); at.IsValid() && !at.IsLoopback() || at.IsValid() != r.s.Addresses {
			r.Errorf("%v", at)
		}
	}
}
