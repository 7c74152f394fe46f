package node_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"nightjar/internal/content"
	"nightjar/internal/link/linktest"
	"nightjar/internal/node"
	"nightjar/keys"
	"nightjar/routing/wire"
	"nightjar/store"
)

// Invariant 7.
// TestTooFewNodesForACircuit: the request waits, says how many are missing, and goes on by itself when they have come.
func TestTooFewNodesForACircuit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		net := &network{t: t, mem: linktest.NewNetwork()}
		defer func() { net.close() }()
		net.populate(3)
		net.settle()
		c := net.nodes[0].Client(wire.Bulk)
		if s := net.nodes[0].Status().Onion; s.Relays != 2 || s.Missing != 1 || !errors.Is(s.Obstacle, node.ErrNoCircuit) {
			t.Fatalf("status with two other nodes: %+v", s)
		}
		if err := c.Obstacle(); err == nil || !strings.Contains(err.Error(), "1 more is needed") {
			t.Errorf("the obstacle is %v", err)
		}
		inserted := make(chan error, 1)
		go func() { inserted <- c.Insert(context.Background(), randomBlock(1), false) }() // ends with the insert
		time.Sleep(5 * time.Minute)
		select {
		case err := <-inserted:
			t.Fatalf("the insert has ended with %v", err)
		default:
		}
		for i, m := range net.nodes {
			if _, err := m.store.Get(randomBlock(1).ID()); !errors.Is(err, store.ErrNotFound) {
				t.Errorf("node %d has the block: it was sent without a circuit", i)
			}
		}
		net.start(identityOf(50), []wire.Descriptor{net.nodes[0].Self()})
		if err := <-inserted; err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Second)
		if err := c.Obstacle(); err != nil {
			t.Errorf("the obstacle is still %v", err)
		}
	})
}

// A node that is alone says so, and asks when it is not alone any more.
func TestANodeWithoutPeersWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		net := &network{t: t, mem: linktest.NewNetwork()}
		net.populate(1)
		defer func() { net.close() }()
		c := net.nodes[0].Client(wire.Interactive)
		fetched := make(chan error, 1)
		go func() { // ends with the fetch
			_, err := c.Fetch(context.Background(), randomBlock(1).ID(), false)
			fetched <- err
		}()
		time.Sleep(time.Minute)
		if err := c.Obstacle(); !errors.Is(err, node.ErrNoCircuit) || !strings.Contains(err.Error(), "no peers") {
			t.Errorf("the obstacle is %v", err)
		}
		for i := range 3 {
			net.start(identityOf(60+i), []wire.Descriptor{net.nodes[0].Self()})
		}
		if err := <-fetched; !errors.Is(err, content.ErrNotFound) {
			t.Errorf("Fetch: %v, want ErrNotFound", err)
		}
	})
}

// A download at a constant rate brings the same bytes.
func TestConstantRate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		net := &network{t: t, mem: linktest.NewNetwork(), steady: true}
		net.populate(8)
		defer net.close()
		net.settle()
		file := make([]byte, 4<<20)
		rand.NewChaCha8([32]byte{3}).Read(file)
		uri, err := content.PutFile(t.Context(), direct{net}, bytes.NewReader(file), content.PutOptions{})
		if err != nil {
			t.Fatal(err)
		}
		c := net.nodes[2].Client(wire.Bulk)
		defer c.Close()
		object, err := content.Open(t.Context(), c, uri, content.GetOptions{Progress: func(p content.Progress) { c.Expect(p.Need) }})
		if err != nil {
			t.Fatal(err)
		}
		out := &checked{want: file}
		if err := object.WriteTo(t.Context(), out); err != nil || out.n != len(file) || out.wrong {
			t.Errorf("%d bytes came, wrong is %v: %v", out.n, out.wrong, err)
		}
	})
}

// checked compares what is written with what it should be, and calls a function at certain places.
type checked struct {
	want  []byte
	n     int
	wrong bool
	at    map[int]func()
}

func (c *checked) Write(p []byte) (int, error) {
	if c.n+len(p) > len(c.want) {
		return 0, io.ErrShortWrite
	}
	c.wrong = c.wrong || !bytes.Equal(p, c.want[c.n:c.n+len(p)])
	c.n += len(p)
	for place, f := range c.at {
		if c.n >= place {
			delete(c.at, place)
			f()
		}
	}
	return len(p), nil
}

// direct puts blocks where key routing would, without taking that way.
type direct struct{ *network }

func (d direct) Insert(_ context.Context, b keys.Block, top bool) error {
	for rotation := range uint8(keys.Rotations) {
		for _, id := range d.closestTo(b.ID())[:3] {
			for _, m := range d.nodes {
				if m.Self().ID != id {
					continue
				}
				if err := m.store.Put(b, store.Sink, b.ID().Location(rotation)); err != nil && !errors.Is(err, store.ErrStale) {
					return err
				}
			}
		}
		if !top {
			break
		}
	}
	return nil
}

func TestStateOutlivesTheNode(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		net := &network{t: t, mem: linktest.NewNetwork()}
		net.populate(6)
		net.settle()
		first := net.nodes[3]
		before := first.Self()
		first.stop()
		if err := <-first.ended; err != nil {
			t.Fatal(err)
		}
		if err := node.CheckState(first.state); err != nil {
			t.Fatalf("what was saved is not accepted: %v", err)
		}
		again := net.restart(first)
		defer net.close()
		if got := again.Self().Onion; got != before.Onion {
			t.Error("the node has another onion key: circuits that were being built to it fail")
		}
		net.settle()
		if s := again.Status().Onion; s.Ready == 0 || s.Guards == 0 {
			t.Errorf("after a restart: %+v", s)
		}
	})
}

func TestDamagedStateIsFoundOut(t *testing.T) {
	for name, state := range map[string]string{
		"empty": "", "not JSON": "x", "another version": `{"version":99}`, "two values": `{"version":1}{"version":1}`, "cut": `{"version":1,`,
	} {
		if err := node.CheckState([]byte(state)); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	if err := node.CheckState(nil); err != nil {
		t.Errorf("a node that has saved nothing yet: %v", err)
	}
}
