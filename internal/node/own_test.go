package node

import (
	"crypto/ed25519"
	"testing"
	"time"

	"nightjar/internal/link"
	"nightjar/internal/link/linktest"
	"nightjar/routing/circuit"
	"nightjar/routing/relays"
	"nightjar/routing/wire"
	"nightjar/store/memstore"
)

// told lists what the gossip about relays was told of this node itself.
func (n *Node) told() (all []wire.Descriptor) {
	for _, ev := range n.inbox.take(nil) {
		if own, ok := ev.(relays.Own); ok {
			all = append(all, own.Desc)
		}
	}
	return all
}

// The descriptor is signed anew when the onion key changes, and twice a day; and others can tell which is the newer one.
func TestTheDescriptorFollowsTheOnionKey(t *testing.T) {
	identity := ed25519.NewKeyFromSeed(make([]byte, ed25519.SeedSize))
	n, err := New(Config{
		Identity: identity, Store: memstore.New(memstore.Config{Quota: 1 << 20}),
		Transports: []link.Transport{linktest.NewNetwork().Transport(identity, link.Options{})},
	})
	if err != nil {
		t.Fatal(err)
	}
	n.addrs = []wire.Addr{"tcp/127.0.0.1:4001"}
	l := newLoop(n)
	now := time.Now()
	l.begin(now)
	first := n.Self()
	if first.Onion == [32]byte{} || len(first.Addrs) != 1 {
		t.Errorf("the first descriptor is %+v", first)
	}
	l.circuitEffects([]circuit.Effect{circuit.Rekeyed{Hash: first.Onion}})
	if !n.Self().Equal(first) {
		t.Error("nothing has changed, and the descriptor has")
	}
	l.circuitEffects([]circuit.Effect{circuit.Rekeyed{Hash: [32]byte{7}}})
	second := n.Self()
	if second.Onion != [32]byte{7} || second.Issued <= first.Issued {
		t.Errorf("after a change of keys within the hour: %+v", second)
	}
	l.describe(now.Add(describeEvery / 2))
	l.describe(now.Add(describeEvery + time.Hour))
	third := n.Self()
	if third.Onion != second.Onion || third.Issued <= second.Issued {
		t.Errorf("half a day later: %+v", third)
	}
	told := n.told()
	if len(told) != 3 || !told[0].Equal(first) || !told[1].Equal(second) || !told[2].Equal(third) {
		t.Errorf("others are told %d descriptors", len(told))
	}
}
