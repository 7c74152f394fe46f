package linktest

import (
	"context"
	"crypto/ed25519"
	"errors"
	"io"
	"time"

	"nightjar/internal/link"
	"nightjar/routing/wire"
)

func (r rig) wrongIdentity() {
	o := link.Options{HandshakeTime: short}
	a, b, c := r.node(o), r.node(o), r.node(o)
	l := r.listen(b)
	if _, err := a.Dial(r.ctx, l.Address(), c.id); !errors.Is(err, link.ErrAuth) {
		r.Errorf("Dial to somebody else: %v, want ErrAuth", err)
	}
	r.nextIs(l, b.id)
}

func (r rig) self() {
	a := r.node(link.Options{HandshakeTime: short})
	l := r.listen(a)
	if _, err := a.Dial(r.ctx, l.Address(), a.id); !errors.Is(err, link.ErrAuth) {
		r.Errorf("Dial: %v, want ErrAuth", err)
	}
	// Nor does the listener's end allow it.
	ch := r.channel(l.Address())
	r.knock(ch, a.id)
	r.answer(ch)
	proof := link.InitiatorProof(ch.Binding(), a.key, a.id)
	r.write(ch, proof[:])
	if got := drain(ch); got != 0 {
		r.Errorf("it sent %d bytes", got)
	}
	r.nextIs(l, a.id)
}

// knock sends a right knock.
func (r rig) knock(ch link.Channel, to wire.NodeID) {
	r.Helper()
	knock := link.Knock(ch.Binding(), to)
	r.write(ch, knock[:])
}

// answer reads the responder's proof.
func (r rig) answer(ch link.Channel) (proof [link.ProofSize]byte) {
	r.Helper()
	_, err := io.ReadFull(ch, proof[:])
	r.must(err)
	return proof
}

// drain reads until the other end closes and returns how much came.
func drain(ch io.Reader) int64 {
	n, _ := io.Copy(io.Discard, ch)
	return n
}

// strangersGetNothing: whoever does not know the node's identity is sent nothing, and cannot tell by when the channel is
// closed what it did wrong (invariants 2 and 3).
func (r rig) strangersGetNothing() {
	b, other := r.node(link.Options{HandshakeTime: short}), r.node(link.Options{})
	l := r.listen(b)
	elsewhere := r.channel(l.Address()).Binding()
	strangers := map[string]func(ch link.Channel) []byte{
		"nothing":          func(link.Channel) []byte { return nil },
		"a byte":           func(link.Channel) []byte { return []byte{1} },
		"a web request":    func(link.Channel) []byte { return []byte("GET / HTTP/1.1\r\nHost: example.org\r\n\r\n") },
		"much":             func(link.Channel) []byte { return make([]byte, 200<<10) },
		"noise":            func(link.Channel) []byte { return pattern(1, link.KnockSize) },
		"another's knock":  func(ch link.Channel) []byte { return slice(link.Knock(ch.Binding(), other.id)) },
		"a replayed knock": func(link.Channel) []byte { return slice(link.Knock(elsewhere, b.id)) },
		"another version": func(ch link.Channel) []byte {
			k := link.Knock(ch.Binding(), b.id)
			k[0]++
			return k[:]
		},
		"a bit wrong": func(ch link.Channel) []byte {
			k := link.Knock(ch.Binding(), b.id)
			k[link.KnockSize-1] ^= 1
			return k[:]
		},
		"most of a knock": func(ch link.Channel) []byte {
			k := link.Knock(ch.Binding(), b.id)
			return k[:link.KnockSize-1]
		},
	}
	ends := make(map[string]<-chan error)
	for name, say := range strangers {
		start := time.Now()
		ch := r.channel(l.Address())
		said := say(ch)
		ends[name] = inBackground(func() error {
			ch.Write(said) // may fail: nobody reads much
			if n := drain(ch); n != 0 {
				return errors.New("it was sent something")
			}
			if time.Since(start) < short {
				return errors.New("it was refused early, which tells something")
			}
			return nil
		})
	}
	for name, end := range ends {
		if err := r.result(end); err != nil {
			r.Errorf("a stranger that says %s: %v", name, err)
		}
	}
	r.nextIs(l, b.id)
}

func slice[T [link.KnockSize]byte | [link.ProofSize]byte](b T) []byte {
	switch b := any(b).(type) {
	case [link.KnockSize]byte:
		return b[:]
	case [link.ProofSize]byte:
		return b[:]
	}
	return nil
}

// falseInitiators know the node and do not prove who they are themselves.
func (r rig) falseInitiators() {
	b := r.node(link.Options{HandshakeTime: short})
	l := r.listen(b)
	ends := make(map[string]<-chan error)
	for name, prove := range r.falseProofs(b.id, r.channel(l.Address()).Binding()) {
		ch := r.channel(l.Address())
		ends[name] = inBackground(func() error {
			knock := link.Knock(ch.Binding(), b.id)
			if _, err := ch.Write(knock[:]); err != nil {
				return err
			}
			var theirs [link.ProofSize]byte
			if _, err := io.ReadFull(ch, theirs[:]); err != nil {
				return err
			}
			if _, err := ch.Write(prove(ch.Binding(), theirs)); err != nil {
				return err
			}
			if n := drain(ch); n != 0 {
				return errors.New("it was sent more")
			}
			return nil
		})
	}
	for name, end := range ends {
		if err := r.result(end); err != nil {
			r.Errorf("an initiator that proves by %s: %v", name, err)
		}
	}
	r.nextIs(l, b.id)
}

// falseProof makes what an initiator sends third, from the channel's binding and the responder's proof.
type falseProof func(here link.Binding, theirs [link.ProofSize]byte) []byte

// falseProofs are what a responder must refuse. elsewhere is another channel's binding.
func (r rig) falseProofs(responder wire.NodeID, elsewhere link.Binding) map[string]falseProof {
	a, other := r.node(link.Options{}), r.node(link.Options{})
	return map[string]falseProof{
		"nothing":                   func(link.Binding, [link.ProofSize]byte) []byte { return nil },
		"noise":                     func(link.Binding, [link.ProofSize]byte) []byte { return pattern(2, link.ProofSize) },
		"the responder's own proof": func(_ link.Binding, theirs [link.ProofSize]byte) []byte { return theirs[:] },
		"a proof of the other role": func(here link.Binding, _ [link.ProofSize]byte) []byte {
			return slice(link.ResponderProof(here, a.key))
		},
		"a proof for another channel": func(link.Binding, [link.ProofSize]byte) []byte {
			return slice(link.InitiatorProof(elsewhere, a.key, responder))
		},
		"a proof for another responder": func(here link.Binding, _ [link.ProofSize]byte) []byte {
			return slice(link.InitiatorProof(here, a.key, other.id))
		},
		"another's identity": func(here link.Binding, _ [link.ProofSize]byte) []byte {
			p := link.InitiatorProof(here, a.key, responder)
			copy(p[:], other.id[:])
			return p[:]
		},
		// crypto/ed25519 takes this as a signature by the neutral element for every message.
		"anybody's identity": func(link.Binding, [link.ProofSize]byte) []byte {
			p := [link.ProofSize]byte{0: 1, 32: 1}
			return p[:]
		},
		"half a proof": func(here link.Binding, _ [link.ProofSize]byte) []byte {
			p := link.InitiatorProof(here, a.key, responder)
			return p[:link.ProofSize/2]
		},
	}
}

// falseResponders have the wanted peer's address and not its key. The initiator gives them ErrAuth and not its identity.
func (r rig) falseResponders() {
	a, b, other := r.node(link.Options{HandshakeTime: patience}), r.node(link.Options{}), r.node(link.Options{})
	l := r.channelListener()
	answers := map[string]func(ch link.Channel) []byte{
		"noise":                func(link.Channel) []byte { return pattern(3, link.ProofSize) },
		"its own true proof":   func(ch link.Channel) []byte { return slice(link.ResponderProof(ch.Binding(), other.key)) },
		"the other role":       func(ch link.Channel) []byte { return slice(link.InitiatorProof(ch.Binding(), b.key, b.id)) },
		"another channel":      func(link.Channel) []byte { return slice(link.ResponderProof(link.Binding{7}, b.key)) },
		"the peer's name only": func(ch link.Channel) []byte { return forge(ch, other.key, b.id) },
	}
	for name, answer := range answers {
		dialled := inBackground(func() error {
			_, err := a.Dial(r.ctx, l.Address(), b.id)
			return err
		})
		ch, err := l.Accept(r.ctx)
		r.must(err)
		var knock [link.KnockSize]byte
		_, err = io.ReadFull(ch, knock[:])
		r.must(err)
		if !link.CheckKnock(knock, ch.Binding(), b.id) {
			r.Error("the knock is not for the peer that was dialled")
		}
		r.write(ch, answer(ch))
		if err := r.result(dialled); !errors.Is(err, link.ErrAuth) {
			r.Errorf("a responder that answers with %s: %v, want ErrAuth", name, err)
		}
		if n := drain(ch); n != 0 {
			r.Errorf("a responder that answers with %s was sent %d bytes", name, n)
		}
		ch.Close()
	}
}

// forge signs as another under a name.
func forge(ch link.Channel, key ed25519.PrivateKey, id wire.NodeID) []byte {
	p := link.ResponderProof(ch.Binding(), key)
	copy(p[:], id[:])
	return p[:]
}

// relayedProof: a man in the middle who takes the call and passes everything on to the node that was wanted gets neither
// end to believe it (invariant 1).
func (r rig) relayedProof() {
	a, b := r.node(link.Options{HandshakeTime: patience}), r.node(link.Options{HandshakeTime: short})
	l := r.listen(b)
	middle := r.channelListener()
	dialled := inBackground(func() error {
		_, err := a.Dial(r.ctx, middle.Address(), b.id)
		return err
	})
	toA, err := middle.Accept(r.ctx)
	r.must(err)
	r.Cleanup(func() { toA.Close() })
	toB := r.channel(l.Address())
	if toA.Binding() == toB.Binding() {
		r.Fatal("two channels have one binding")
	}
	there := inBackground(func() error { return relay(toB, toA) })
	back := inBackground(func() error {
		defer toA.Close() // as b did
		return relay(toA, toB)
	})
	if err := r.result(dialled); !errors.Is(err, link.ErrAuth) {
		r.Errorf("Dial through a relay: %v, want ErrAuth", err)
	}
	toA.Close()
	toB.Close()
	r.result(there)
	r.result(back)

	// The man in the middle may know b and knock himself; what b then proves is for the wrong channel.
	knowing := inBackground(func() error {
		_, err := a.Dial(r.ctx, middle.Address(), b.id)
		return err
	})
	toA, err = middle.Accept(r.ctx)
	r.must(err)
	defer toA.Close()
	toB = r.channel(l.Address())
	r.knock(toB, b.id)
	proof := r.answer(toB)
	r.write(toA, proof[:])
	if err := r.result(knowing); !errors.Is(err, link.ErrAuth) {
		r.Errorf("Dial to a relay that knows the peer: %v, want ErrAuth", err)
	}
	r.nextIs(l, b.id)
}

func relay(to io.Writer, from io.Reader) error {
	_, err := io.Copy(to, from)
	return err
}

// dialContext: Dial to somebody who never answers ends with the caller's context and gives its error.
func (r rig) dialContext() {
	a, b := r.node(link.Options{HandshakeTime: patience}), r.node(link.Options{})
	l := r.channelListener()
	ctx, cancel := context.WithCancel(r.ctx)
	defer cancel()
	dialled := inBackground(func() error {
		_, err := a.Dial(ctx, l.Address(), b.id)
		return err
	})
	ch, err := l.Accept(r.ctx)
	r.must(err)
	defer ch.Close()
	cancel()
	if err := r.result(dialled); !errors.Is(err, context.Canceled) {
		r.Errorf("Dial: %v, want context.Canceled", err)
	}
}

// dialTime: without the caller's help it ends with HandshakeTime.
func (r rig) dialTime() {
	a, b := r.node(link.Options{HandshakeTime: short}), r.node(link.Options{})
	l := r.channelListener()
	dialled := inBackground(func() error {
		_, err := a.Dial(r.ctx, l.Address(), b.id)
		return err
	})
	ch, err := l.Accept(r.ctx)
	r.must(err)
	defer ch.Close()
	if err := r.result(dialled); !errors.Is(err, link.ErrAuth) {
		r.Errorf("Dial: %v, want ErrAuth", err)
	}
}
