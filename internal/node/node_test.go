package node_test

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"errors"
	"math/rand/v2"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"nightjar/crypto"
	"nightjar/internal/content"
	"nightjar/internal/link"
	"nightjar/internal/link/linktest"
	"nightjar/internal/node"
	"nightjar/keys"
	"nightjar/routing/wire"
	"nightjar/store"
	"nightjar/store/memstore"
)

// network is a network of whole nodes in one synctest bubble.
type network struct {
	t      *testing.T
	mem    *linktest.Network
	nodes  []*member
	direct bool // requests do not go through circuits
	steady bool // large downloads run at a constant rate
	// wrap, if set, is put around the transport of each node.
	wrap func(link.Transport) link.Transport
}

type member struct {
	*node.Node
	identity ed25519.PrivateKey
	store    *memstore.Store
	state    []byte // what it has saved last
	stop     context.CancelFunc
	ended    chan error
}

// save is called by one goroutine at a time.
func (m *member) save(state []byte) error {
	m.state = bytes.Clone(state)
	return nil
}

// restart starts a node that has stopped again, with what it has kept.
func (net *network) restart(m *member) *member {
	net.t.Helper()
	net.nodes = slices.DeleteFunc(net.nodes, func(o *member) bool { return o == m })
	return net.startWith(m.identity, []wire.Descriptor{net.nodes[0].Self()}, m.store, m.state)
}

// newNetwork starts n nodes; all but the first join through the first. Requests go through circuits unless the nodes are too few.
func newNetwork(t *testing.T, n int) *network {
	net := &network{t: t, mem: linktest.NewNetwork(), direct: n < 4}
	net.populate(n)
	return net
}

// populate starts n nodes; all but the first join through the first.
func (net *network) populate(n int) {
	net.mem.SetLatency(func(_, _ wire.NodeID) time.Duration { return 2 * time.Millisecond })
	for i := range n {
		var seeds []wire.Descriptor
		if i > 0 {
			seeds = append(seeds, net.nodes[0].Self())
		}
		net.start(identityOf(i), seeds)
	}
}

func identityOf(i int) ed25519.PrivateKey {
	seed := make([]byte, ed25519.SeedSize)
	seed[0] = byte(i + 1)
	return ed25519.NewKeyFromSeed(seed)
}

func (net *network) start(identity ed25519.PrivateKey, seeds []wire.Descriptor) *member {
	net.t.Helper()
	return net.startWith(identity, seeds, memstore.New(memstore.Config{Quota: 256 << 20}), nil)
}

func (net *network) startWith(identity ed25519.PrivateKey, seeds []wire.Descriptor, s *memstore.Store, state []byte) *member {
	net.t.Helper()
	m := &member{identity: identity, store: s, state: state, ended: make(chan error, 1)}
	transport := net.mem.Transport(identity, link.Options{})
	if net.wrap != nil {
		transport = net.wrap(transport)
	}
	var err error
	m.Node, err = node.New(node.Config{
		Identity: identity, Direct: net.direct, ConstantRate: net.steady, Store: m.store, Seeds: seeds, Listen: []wire.Addr{"mem/127.0.0.1:0"},
		Transports: []link.Transport{transport}, State: m.state, Save: m.save,
	})
	if err != nil {
		net.t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	m.stop = stop
	go func() { m.ended <- m.Run(ctx) }() // ends with stop
	<-m.Ready()
	net.nodes = append(net.nodes, m)
	return m
}

// settle lets virtual time pass until the nodes have found each other.
func (net *network) settle() { time.Sleep(10 * time.Second) }

// close stops all nodes. That the bubble then ends proves that nothing of them is left.
func (net *network) close() {
	for _, m := range net.nodes {
		m.stop()
		if err := <-m.ended; err != nil {
			net.t.Errorf("Run: %v", err)
		}
	}
}

func randomBlock(seed byte) keys.Block {
	buf := make([]byte, keys.DataSize)
	src := rand.NewChaCha8([32]byte{seed})
	src.Read(buf)
	key := crypto.Key{seed}
	return keys.SealData(buf, &key)
}

func TestNodesFindEachOtherThroughOneSeed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		net := newNetwork(t, 8)
		defer net.close()
		net.settle()
		for i, m := range net.nodes {
			if got := len(m.Status().Peers); got != 7 {
				t.Errorf("node %d has %d peers, want 7", i, got)
			}
		}
	})
}

func TestBlocksTravelBetweenNodes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		net := newNetwork(t, 8)
		defer net.close()
		net.settle()
		ctx := context.Background()
		for i := range byte(16) {
			b := randomBlock(i)
			if err := net.nodes[0].Client(wire.Bulk).Insert(ctx, b, i%2 == 0); err != nil {
				t.Fatal(err)
			}
			got, err := net.nodes[5].Client(wire.Interactive).Fetch(ctx, b.ID(), i%2 == 0)
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(got.Data(), b.Data()) {
				t.Fatal("another block came")
			}
		}
	})
}

func TestBlocksSurviveTwoLostNodes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		net := newNetwork(t, 8)
		defer net.close()
		net.settle()
		ctx := context.Background()
		var ids []keys.ID
		for i := range byte(32) {
			b := randomBlock(i)
			ids = append(ids, b.ID())
			if err := net.nodes[0].Client(wire.Bulk).Insert(ctx, b, false); err != nil {
				t.Fatal(err)
			}
		}
		net.mem.Isolate(net.nodes[1].Self().ID)
		net.mem.Isolate(net.nodes[6].Self().ID)
		for _, id := range ids {
			if _, err := net.nodes[5].Client(wire.Interactive).Fetch(ctx, id, false); err != nil {
				t.Error(err)
			}
		}
	})
}

func TestUnknownBlockIsNotFoundInBoundedTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		net := newNetwork(t, 8)
		defer net.close()
		net.settle()
		start := time.Now()
		_, err := net.nodes[3].Client(wire.Interactive).Fetch(context.Background(), randomBlock(99).ID(), true)
		if !errors.Is(err, content.ErrNotFound) {
			t.Errorf("error is %v, want ErrNotFound", err)
		}
		if took := time.Since(start); took > 5*time.Second {
			t.Errorf("it took %v of virtual time", took)
		}
	})
}

func TestANodeWithoutPeersSaysSo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		net := newNetwork(t, 1)
		defer net.close()
		c := net.nodes[0].Client(wire.Interactive)
		if _, err := c.Fetch(context.Background(), randomBlock(1).ID(), false); !errors.Is(err, node.ErrNoPeers) {
			t.Errorf("Fetch: %v, want ErrNoPeers", err)
		}
		if err := c.Insert(context.Background(), randomBlock(1), true); !errors.Is(err, node.ErrNoPeers) {
			t.Errorf("Insert: %v, want ErrNoPeers", err)
		}
	})
}

// Invariants 4 and 6: the bubble ends only when nothing of the node is left, and so does every request.
func TestRequestsEndWithTheNode(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		net := newNetwork(t, 2)
		net.settle()
		net.mem.SetLatency(func(_, _ wire.NodeID) time.Duration { return time.Hour })
		errs := make(chan error, 1)
		go func() { // ends with the node
			_, err := net.nodes[0].Client(wire.Bulk).Fetch(context.Background(), randomBlock(7).ID(), false)
			errs <- err
		}()
		net.close()
		if err := <-errs; err == nil {
			t.Error("a fetch succeeded on a node that stopped")
		}
		if _, err := net.nodes[0].Client(wire.Bulk).Fetch(context.Background(), randomBlock(7).ID(), false); !errors.Is(err, node.ErrStopped) {
			t.Errorf("Fetch after the end: %v, want ErrStopped", err)
		}
	})
}

// Invariant 6: by its context.
func TestCancelledFetchReturnsAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		net := newNetwork(t, 4)
		defer net.close()
		net.settle()
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		if _, err := net.nodes[0].Client(wire.Bulk).Fetch(ctx, randomBlock(7).ID(), true); !errors.Is(err, context.Canceled) {
			t.Errorf("error is %v, want Canceled", err)
		}
	})
}

func TestOwnFetchesLeaveNoTraceInTheStore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		net := newNetwork(t, 12)
		defer net.close()
		net.settle()
		ctx := context.Background()
		reader := net.nodes[11]
		before := map[keys.ID]bool{}
		var ids []keys.ID
		for i := range byte(40) {
			b := randomBlock(i)
			if err := net.nodes[0].Client(wire.Bulk).Insert(ctx, b, false); err != nil {
				t.Fatal(err)
			}
			_, err := reader.store.Get(b.ID())
			before[b.ID()] = !errors.Is(err, store.ErrNotFound)
			ids = append(ids, b.ID())
		}
		for _, id := range ids {
			if _, err := reader.Client(wire.Interactive).Fetch(ctx, id, false); err != nil {
				t.Fatal(err)
			}
			if _, err := reader.store.Get(id); !before[id] && err == nil {
				t.Fatal("a block that the local user fetched is in the shared store")
			}
		}
	})
}
