package node

import (
	"context"
	"crypto/ed25519"
	"errors"
	"log/slog"
	"time"

	"nightjar/internal/link"
	"nightjar/keys"
	"nightjar/routing/wire"
	"nightjar/store"
)

// Config says what a node is made of. Nothing is started by making a node.
type Config struct {
	Identity   ed25519.PrivateKey
	Store      store.Store
	Transports []link.Transport // preferred first
	Listen     []wire.Addr      // where to listen: "tcp/127.0.0.1:0"
	Seeds      []wire.Descriptor
	Log        *slog.Logger
}

// Node drives the routing machines over links and a store.
type Node struct{ cfg Config }

// New makes a node. Run starts it.
func New(cfg Config) (*Node, error) { return &Node{cfg: cfg}, nil }

// Run serves until ctx ends; it returns after everything that it started has ended.
func (n *Node) Run(ctx context.Context) error { <-ctx.Done(); return nil }

// Ready is closed when the node listens and serves.
func (n *Node) Ready() <-chan struct{} { return nil }

// Self is the node's own descriptor; valid once Ready.
func (n *Node) Self() wire.Descriptor { return wire.Descriptor{} }

// AddPeer connects to a node and waits for the link.
func (n *Node) AddPeer(ctx context.Context, d wire.Descriptor) error { return nil }

// Status is a coarse snapshot for people: nothing in it identifies a request.
type Status struct {
	Started time.Time
	Peers   []Peer
	Store   store.Stats
	// OnionHops is 0: the originator of a request is not hidden.
	OnionHops int
}

// Peer is one link.
type Peer struct {
	ID        wire.NodeID
	Transport string
	Inbound   bool
	Since     time.Time
}

// Status returns a snapshot.
func (n *Node) Status() Status { return Status{} }

// ErrNoPeers reports that the node has no peers and can fetch or insert nothing.
var ErrNoPeers = errors.New("node: no peers")

// Client fetches and inserts on behalf of the local user. It implements content.Source and content.Sink.
type Client struct{}

// Client returns a client whose requests have the given class.
func (n *Node) Client(class wire.Class) *Client { return &Client{} }

// Fetch returns a block; the error wraps content.ErrNotFound, is ErrNoPeers, or ctx's.
func (c *Client) Fetch(ctx context.Context, id keys.ID, top bool) (keys.Block, error) {
	return keys.Block{}, ErrNoPeers
}

// Insert returns when the block is stored by its sink set (all rotated positions for a top block).
func (c *Client) Insert(ctx context.Context, b keys.Block, top bool) error { return ErrNoPeers }
