package link

import (
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"io"
	"os"

	"nightjar/routing/wire"
)

// lingerBytes is how much a responder that refuses reads on, so as to notice that the stranger has gone.
const lingerBytes = 64 << 10

// Self is this node as one end of its links. A transport makes one and never changes it.
type Self struct {
	key   ed25519.PrivateKey
	id    wire.NodeID
	opts  Options
	pools *pools
}

// NewSelf prepares a node's end of its links. identity must have ed25519.PrivateKeySize bytes; it is not copied, so that
// wiping it wipes this one too.
func NewSelf(identity ed25519.PrivateKey, o Options) *Self {
	return &Self{
		key:   identity,
		id:    wire.NodeID(identity.Public().(ed25519.PublicKey)),
		opts:  o.WithDefaults(),
		pools: newPools(),
	}
}

// Format hides the key from whoever prints a Self, by any verb.
func (s *Self) Format(f fmt.State, _ rune) { io.WriteString(f, "link.Self(redacted)") }

// ID is the node's identity.
func (s *Self) ID() wire.NodeID { return s.id }

// Options returns the options with their defaults.
func (s *Self) Options() Options { return s.opts }

// Dial opens a channel and proves both ends to each other. open must end with its context. The error is ErrAuth whenever
// somebody answered who is not peer or did not prove it, ctx.Err() when ctx ended it, and otherwise says why nobody could be reached.
func (s *Self) Dial(ctx context.Context, peer wire.NodeID, open func(context.Context) (Channel, error)) (Conn, error) {
	if peer == s.id {
		return nil, ErrAuth
	}
	limited, cancel := context.WithTimeout(ctx, s.opts.HandshakeTime)
	defer cancel()
	ch, err := open(limited)
	if err == nil {
		var c Conn
		if c, err = s.run(limited, ch, func() (wire.NodeID, bool) { return peer, s.initiate(ch, peer) }); err == nil {
			return c, nil
		}
	}
	switch {
	case ctx.Err() != nil:
		return nil, ctx.Err()
	case errors.Is(err, ErrAuth):
		return nil, ErrAuth
	case errors.Is(err, context.DeadlineExceeded):
		err = os.ErrDeadlineExceeded
	}
	return nil, plain("dial", err)
}

// Respond proves both ends of a stranger's channel to each other. The error is ErrAuth and the channel closed if that fails, at the
// latest when ctx ends, and never before unless the stranger goes: that it is refused, and why, must not show.
func (s *Self) Respond(ctx context.Context, ch Channel) (Conn, error) {
	return s.run(ctx, ch, func() (wire.NodeID, bool) {
		peer, ok := s.respond(ch)
		if !ok {
			linger(ctx, ch)
		}
		return peer, ok
	})
}

// run runs a handshake until ctx ends.
func (s *Self) run(ctx context.Context, ch Channel, handshake func() (wire.NodeID, bool)) (Conn, error) {
	// Ends at once: it closes the channel when ctx ends, by which the handshake ends.
	stop := context.AfterFunc(ctx, func() { ch.Close() })
	peer, ok := handshake()
	if !stop() || !ok {
		ch.Close()
		return nil, ErrAuth
	}
	return &conn{peer: peer, ch: ch, opts: s.opts, pools: s.pools}, nil
}

func (s *Self) initiate(ch Channel, peer wire.NodeID) bool {
	b := ch.Binding()
	knock := Knock(b, peer)
	if _, err := ch.Write(knock[:]); err != nil {
		return false
	}
	var answer [ProofSize]byte
	if _, err := io.ReadFull(ch, answer[:]); err != nil || !CheckResponder(answer, b, peer) {
		return false
	}
	// Only now, so that whoever poses as the peer does not learn who called it.
	mine := InitiatorProof(b, s.key, peer)
	_, err := ch.Write(mine[:])
	return err == nil
}

func (s *Self) respond(ch Channel) (wire.NodeID, bool) {
	b := ch.Binding()
	var knock [KnockSize]byte
	if _, err := io.ReadFull(ch, knock[:]); err != nil || !CheckKnock(knock, b, s.id) {
		return wire.NodeID{}, false
	}
	mine := ResponderProof(b, s.key)
	if _, err := ch.Write(mine[:]); err != nil {
		return wire.NodeID{}, false
	}
	var answer [ProofSize]byte
	if _, err := io.ReadFull(ch, answer[:]); err != nil {
		return wire.NodeID{}, false
	}
	return CheckInitiator(answer, b, s.id)
}

// linger reads and forgets until the stranger goes or ctx ends.
func linger(ctx context.Context, ch Channel) {
	if _, err := io.CopyN(io.Discard, ch, lingerBytes); err == nil {
		<-ctx.Done()
	}
}
