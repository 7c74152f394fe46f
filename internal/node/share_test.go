package node

import (
	"context"
	"crypto/ed25519"
	"testing"

	"nightjar/crypto"
	"nightjar/internal/link"
	"nightjar/internal/link/linktest"
	"nightjar/keys"
	"nightjar/routing"
	"nightjar/routing/repair"
	"nightjar/routing/wire"
	"nightjar/store"
	"nightjar/store/memstore"
)

// A peer has one number as long as the process runs, the local user none, and another process other numbers.
func TestSharesAreOpaqueAndStay(t *testing.T) {
	s, other := newShares(), newShares()
	seen := map[uint64]bool{0: true}
	for i := range byte(100) {
		a := routing.Asker{Peer: wire.NodeID{i + 1}}
		n := s.of(a)
		if seen[n] {
			t.Fatal("two have one number, or a peer has none")
		}
		seen[n] = true
		if s.of(a) != n {
			t.Fatal("a peer has another number than before")
		}
		if other.of(a) == n {
			t.Fatal("the number says who the peer is")
		}
	}
	if circuits := s.of(routing.Asker{Foreign: true}); seen[circuits] {
		t.Error("circuits have no number of their own")
	}
	if s.of(routing.Asker{}) != 0 {
		t.Error("the local user has a share")
	}
}

// numbering is a store that notes in whose name it is given a block.
type numbering struct {
	*memstore.Store
	links []uint64
}

func (s *numbering) PutFrom(b keys.Block, c store.Class, at keys.Location, link uint64) error {
	s.links = append(s.links, link)
	return s.Store.PutFrom(b, c, at, link)
}

// What a peer has brought falls into one share, whether it came as a request's block or as a copy between sinks.
func TestBlocksFallIntoTheShareOfWhoBroughtThem(t *testing.T) {
	identity := ed25519.NewKeyFromSeed(make([]byte, ed25519.SeedSize))
	s := &numbering{Store: memstore.New(memstore.Config{})}
	n, err := New(Config{
		Identity: identity, Store: s, Transports: []link.Transport{linktest.NewNetwork().Transport(identity, link.Options{})},
	})
	if err != nil {
		t.Fatal(err)
	}
	n.life = context.Background()
	block := func(seed byte) keys.Block { return keys.SealData(make([]byte, keys.DataSize), &crypto.Key{seed}) }
	one, two := wire.NodeID{1}, wire.NodeID{2}
	n.keep(routing.Keep{Block: block(1), Class: store.Sink, For: routing.Asker{Peer: one}})
	n.mend(repair.Keep{Block: block(2), From: one})
	n.keep(routing.Keep{Block: block(3), Class: store.Cache, For: routing.Asker{Peer: two}})
	n.keep(routing.Keep{Block: block(4), Class: store.Sink, For: routing.Asker{Foreign: true}})
	n.keep(routing.Keep{Block: block(5), Class: store.Sink})
	got := s.links
	if len(got) != 5 || got[0] == 0 || got[1] != got[0] || got[2] == 0 || got[2] == got[0] || got[3] == 0 || got[3] == got[0] || got[3] == got[2] || got[4] != 0 {
		t.Errorf("the numbers are %v", got)
	}
}
