package link

import (
	"context"
	"errors"
	"net/netip"

	"nightjar/routing/wire"
)

var (
	// ErrAuth reports that the other end is not who it should be, or did not prove it.
	ErrAuth = errors.New("link: peer authentication failed")
	// ErrFrame reports a frame of a size that is not allowed.
	ErrFrame = errors.New("link: bad frame")
)

// MaxFrame is the largest frame in bytes.
const MaxFrame = wire.MaxMessage

// Conn is an encrypted, authenticated, ordered connection to one peer, carrying frames of 1 to MaxFrame bytes.
// One goroutine may read while another writes; Ready and Release belong to the one that reads. Close may be called at any time and ends both.
type Conn interface {
	// Peer is the identity that the other end proved.
	Peer() wire.NodeID
	// Remote is the address at which the other end is seen; invalid if the transport has none.
	Remote() netip.Addr
	// Read returns the next frame, in a slice that belongs to the caller. io.EOF after an orderly end.
	Read() ([]byte, error)
	// Ready reports whether Read would return a frame without waiting.
	Ready() bool
	// Release gives a frame back to the connection, for a later Read to use again. Who has kept any of it must not.
	Release(frame []byte)
	// Write queues a frame; Flush sends what is queued.
	Write(frame []byte) error
	Flush() error
	Close() error
}

// Transport makes connections of one kind.
type Transport interface {
	// Name is the transport's name in a wire.Addr: "tcp", "quic".
	Name() string
	// Dial connects to address and succeeds only if peer answers there.
	Dial(ctx context.Context, address string, peer wire.NodeID) (Conn, error)
	// Listen starts to accept connections.
	Listen(address string) (Listener, error)
}

// Listener accepts connections.
type Listener interface {
	// Accept returns the next authenticated connection. A peer that fails to authenticate is dropped silently and in bounded time, without delaying others.
	Accept(ctx context.Context) (Conn, error)
	// Address is what others dial: "127.0.0.1:4001".
	Address() string
	Close() error
}
