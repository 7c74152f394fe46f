package node_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"nightjar/internal/link"
	"nightjar/internal/link/linktest"
	"nightjar/internal/node"
	"nightjar/keys"
	"nightjar/routing/wire"
	"nightjar/store"
	"nightjar/store/memstore"
)

// stuck is a store on a disk that does not answer until it is let go.
type stuck struct {
	*memstore.Store
	until <-chan struct{}
}

func (s stuck) Get(id keys.ID) (keys.Block, error) {
	<-s.until
	return s.Store.Get(id)
}

func (s stuck) Put(b keys.Block, c store.Class, at keys.Location) error {
	return s.PutFrom(b, c, at, 0)
}

func (s stuck) PutFrom(b keys.Block, c store.Class, at keys.Location, link uint64) error {
	<-s.until
	return s.Store.PutFrom(b, c, at, link)
}

// Invariant 1: neither the store nor a save of the state that never ends keeps the loop from its work.
func TestInvariant1TheLoopWaitsForNoDisk(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		net := &network{t: t, mem: linktest.NewNetwork()}
		identity, until := identityOf(1), make(chan struct{})
		n, err := node.New(node.Config{
			Identity: identity, Listen: []wire.Addr{"mem/127.0.0.1:0"},
			Store:         stuck{memstore.New(memstore.Config{Quota: 1 << 20}), until},
			Transports:    []link.Transport{net.mem.Transport(identity, link.Options{})},
			Save:          func([]byte) error { <-until; return nil },
			SaveDescribed: func([]byte) error { <-until; return nil },
		})
		if err != nil {
			t.Fatal(err)
		}
		ctx, stop := context.WithCancel(context.Background())
		ended := make(chan error, 1)
		go func() { ended <- n.Run(ctx) }() // ends with stop
		<-n.Ready()
		l := net.newLiar(identityOf(90), &member{Node: n})
		gone := l.drain()
		for i := range 500 {
			l.send(wire.Append(nil, wire.Get{Req: wire.Req(i), HTL: 5, Class: wire.Bulk, ID: randomBlock(byte(i)).ID()}))
		}
		time.Sleep(5 * time.Minute) // long after the state was to be saved
		for range 10 {
			if s := n.Status(); s.Started.IsZero() { // the loop answers, or the bubble is deadlocked
				t.Error("the loop has not answered")
			}
		}
		close(until)
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
		<-gone
	})
}
