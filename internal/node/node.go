package node

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync/atomic"
	"time"

	"nightjar/internal/link"
	"nightjar/keys"
	"nightjar/routing"
	"nightjar/routing/wire"
	"nightjar/store"
)

// Config says what a node is made of. Nothing is started by making a node.
type Config struct {
	Identity ed25519.PrivateKey
	Direct   bool // requests of the local user go to the network directly, and whoever is near can tell; for experiments
	// ConstantRate has large downloads run at a constant rate between this node and the middle of each circuit, so that the
	// guard cannot see when blocks come; it costs bandwidth (routing/circuit SPEC §10).
	ConstantRate bool
	Store        store.Store
	Transports   []link.Transport // preferred first
	Listen       []wire.Addr      // where to listen: "tcp/127.0.0.1:0"
	Seeds        []wire.Descriptor
	State        []byte             // what Save was given last; nil = nothing. New wipes it
	Save         func([]byte) error // keeps what must outlive the process: guards, known relays, onion keys; nil = nothing is kept
	Lost         bool               // there was a state, and it could not be used
	Described    []byte             // what SaveDescribed was given last; nil = nothing
	// SaveDescribed keeps what this node last said of itself, whether or not its state is kept: so that what it says after a
	// restart is newer for others.
	SaveDescribed func([]byte) error
	Log           *slog.Logger // nil = silent
}

// Node drives the machines over links and a store.
type Node struct {
	cfg      Config
	self     wire.NodeID
	addrs    []wire.Addr // where others reach this node; set before Ready
	desc     atomic.Pointer[wire.Descriptor]
	blocked  atomic.Pointer[ObstacleError]
	inbox    *inbox
	looks    *pool[routing.Lookup]
	keeps    *pool[routing.Keep]
	workshop workshop
	scope    scope    // set before Ready
	groups   [32]byte // keys the names of isolation groups
	shares   shares
	counters

	strangers strangers

	lifetime
}

// counters are what all goroutines count.
type counters struct {
	tokens     atomic.Uint64 // of local requests
	numbers    atomic.Uint64 // of links
	queued     atomic.Int64  // bytes in all outboxes
	sent       atomic.Uint64 // bytes of frames written to all links
	received   atomic.Uint64 // and read
	complained atomic.Int64  // when, as Unix time
}

var (
	// ErrNoPeers reports that the node has no peers and can fetch or insert nothing. Through circuits a request waits instead.
	ErrNoPeers = errors.New("node: no peers")
	// ErrStopped reports that the node is not running.
	ErrStopped = errors.New("node: stopped")
	// ErrNotStored reports a block that the network did not accept.
	ErrNotStored = errors.New("node: the network did not accept the block")
	// ErrNoCircuit reports that no circuit can be built, so that nothing can be asked of the network; see ObstacleError.
	ErrNoCircuit = errors.New("node: no circuit can be built")
	// ErrNoAnswer reports that the network could not be asked properly: what was sought may exist.
	ErrNoAnswer = errors.New("node: the network did not answer")
)

// Hops is how many other nodes a request passes before it enters key routing.
const Hops = 3

const (
	lookWorkers = 4  // reads are served from memory maps: more than the cores gains nothing
	keepWorkers = 96 // each waits for the same group commit, so that many blocks share one sync
)

// New makes a node. Run starts it.
func New(cfg Config) (*Node, error) {
	if len(cfg.Identity) != ed25519.PrivateKeySize {
		return nil, errors.New("node: an identity key is needed")
	}
	if cfg.Store == nil || len(cfg.Transports) == 0 {
		return nil, errors.New("node: a store and a transport are needed")
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	n := &Node{
		cfg: cfg, self: wire.NodeID(cfg.Identity.Public().(ed25519.PublicKey)),
		inbox: newInbox(), lifetime: newLifetime(), shares: newShares(),
	}
	rand.Read(n.groups[:])
	n.looks = newPool(lookWorkers, n.look)
	n.keeps = newPool(keepWorkers, n.keep)
	n.workshop = newWorkshop(n)
	return n, nil
}

// Run serves until ctx ends; it returns after everything that it started has ended. A node runs once.
func (n *Node) Run(ctx context.Context) error {
	if n.ran.Swap(true) {
		return errors.New("node: Run was called twice")
	}
	ctx, cancel := context.WithCancel(ctx)
	defer close(n.ended)
	defer n.looks.wait()
	defer n.keeps.wait()
	defer n.workshop.wait()
	defer n.close()
	defer cancel()
	n.life = ctx
	listeners, err := n.listen()
	for _, l := range listeners {
		defer l.Close()
	}
	if err != nil {
		n.abandon(n.inbox.close())
		return err
	}
	loop := newLoop(n)
	loop.begin(time.Now())
	for _, l := range listeners {
		n.spawn(func() { n.accept(ctx, l.Listener, l.transport) }) // ends with ctx
	}
	close(n.ready)
	loop.run(ctx)
	return nil
}

// listener is an open listener and the name of its transport.
type listener struct {
	link.Listener
	transport string
}

// listen opens all listeners.
func (n *Node) listen() ([]listener, error) {
	var listeners []listener
	var addrs [][]wire.Addr // of each listener
	for _, a := range n.cfg.Listen {
		name, address, _ := strings.Cut(string(a), "/")
		t := n.transport(name)
		if t == nil {
			return listeners, fmt.Errorf("listen on %s: no such transport", a)
		}
		l, err := t.Listen(address)
		if err != nil {
			return listeners, fmt.Errorf("listen on %s: %w", a, err)
		}
		listeners = append(listeners, listener{l, name})
		addrs = append(addrs, reachable(name, l.Address()))
	}
	n.addrs = inTurn(addrs)
	n.scope = scopeOf(n.addrs)
	return listeners, nil
}

// inTurn takes addresses from each listener in turn, so that no transport misses for want of room in a descriptor.
func inTurn(addrs [][]wire.Addr) (out []wire.Addr) {
	for i := 0; ; i++ {
		before := len(out)
		for _, a := range addrs {
			if i < len(a) && len(out) < wire.MaxAddrs {
				out = append(out, a[i])
			}
		}
		if len(out) == before {
			return out
		}
	}
}

func (n *Node) transport(name string) link.Transport {
	for _, t := range n.cfg.Transports {
		if t.Name() == name {
			return t
		}
	}
	return nil
}

// hour is t as Unix time, rounded down so that a descriptor does not tell when exactly a node started.
func hour(t time.Time) uint64 { return uint64(t.Truncate(time.Hour).Unix()) }

// Ready is closed when the node listens and serves.
func (n *Node) Ready() <-chan struct{} { return n.ready }

// Self is the node's own descriptor; valid once Ready.
func (n *Node) Self() wire.Descriptor { return *n.desc.Load() }

// Location is the node's place on the ring.
func (n *Node) Location() keys.Location { return n.self.Location() }

// quietTime is how long nothing more is logged of the store after a complaint: a full disk would have one for every block.
const quietTime = time.Minute

// complain logs what is wrong with the store, now and then.
func (n *Node) complain(what string, err error) {
	now := time.Now().Unix()
	last := n.complained.Load()
	if now-last < int64(quietTime/time.Second) || !n.complained.CompareAndSwap(last, now) {
		return
	}
	n.cfg.Log.Warn(what+"; further failures are not shown for a minute", "err", err)
}

// look answers a Lookup effect.
func (n *Node) look(l routing.Lookup) {
	b, err := n.cfg.Store.Get(l.ID)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		n.complain("store: a block could not be read", err)
	}
	n.inbox.push(routing.LookedUp{Ref: l.Ref, Block: b})
}

// keep answers a Keep effect. A record that is older than the one held counts as kept: the newer one answers for it.
func (n *Node) keep(k routing.Keep) {
	err := n.cfg.Store.PutFrom(k.Block, k.Class, k.At, n.shares.of(k.For))
	ok := err == nil || errors.Is(err, store.ErrStale)
	if !ok && k.Class == store.Sink {
		n.complain("store: a block could not be kept", err)
	}
	if k.Ref != 0 {
		n.inbox.push(routing.Kept{Ref: k.Ref, OK: ok})
	}
}
