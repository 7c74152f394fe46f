package node_test

import (
	"context"
	"crypto/ed25519"
	"encoding/binary"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"nightjar/internal/link/linktest"
	"nightjar/routing/wire"
)

// invent makes signed descriptors of relays that nobody is.
func invent(t *testing.T, n int) (all []wire.Claim) {
	for i := range n {
		seed := make([]byte, ed25519.SeedSize)
		binary.BigEndian.PutUint32(seed[4:], uint32(i)+1)
		issued := uint64(time.Now().Truncate(time.Hour).Unix())
		addr := wire.Addr(fmt.Sprintf("mem/127.0.0.1:%d", 40_000+i))
		d, err := wire.NewDescriptor(ed25519.NewKeyFromSeed(seed), issued, [32]byte{1, byte(i)}, []wire.Addr{addr})
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, d.Claim())
	}
	return all
}

// TestInventedRelaysStopNothing: one peer invents 300 relays, which honest peers hand on and which grow old enough for every role.
// Reading and publishing go on as if nothing were.
func TestInventedRelaysStopNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		net := &network{t: t, mem: linktest.NewNetwork()}
		net.populate(8)
		defer net.close()
		net.settle()
		liar := net.newLiar(identityOf(90), net.nodes[2])
		gone := liar.drain()
		claims := invent(t, 300)
		for at := 0; at < len(claims); at += wire.MaxNodes {
			liar.send(wire.Append(nil, wire.Relays{Nodes: claims[at:min(at+wire.MaxNodes, len(claims))]}))
		}
		time.Sleep(30 * time.Minute)
		for i, m := range net.nodes {
			s := m.Status().Onion
			if s.Short < 290 {
				t.Fatalf("node %d knows %d relays that it has not reached: the test proves nothing", i, s.Short)
			}
			if s.Relays != 7 || s.Obstacle != nil {
				t.Errorf("node %d: %+v", i, s)
			}
		}
		for round := range 10 {
			b := randomBlock(byte(round))
			ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
			w, r := net.nodes[round%8].Client(wire.Bulk), net.nodes[(round+3)%8].Client(wire.Interactive)
			if err := w.Insert(ctx, b, false); err != nil {
				t.Fatalf("insert %d: %v", round, err)
			}
			if _, err := r.Fetch(ctx, b.ID(), false); err != nil {
				t.Fatalf("fetch %d: %v", round, err)
			}
			w.Close()
			r.Close()
			cancel()
			time.Sleep(time.Minute)
		}
		liar.conn.Close()
		<-gone
	})
}
