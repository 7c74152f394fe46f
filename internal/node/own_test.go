package node

import (
	"bytes"
	"crypto/ed25519"
	"encoding/json"
	"slices"
	"strings"
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

// restarted is the loop of a node that has begun again with what is given, and a way to what it has said of itself last.
func restarted(t *testing.T, identity ed25519.PrivateKey, state, described []byte) (*loop, func() []byte) {
	t.Helper()
	var said []byte
	n, err := New(Config{
		Identity: identity, Store: memstore.New(memstore.Config{Quota: 1 << 20}), State: state, Described: described,
		SaveDescribed: func(b []byte) error { said = bytes.Clone(b); return nil },
		Transports:    []link.Transport{linktest.NewNetwork().Transport(identity, link.Options{})},
	})
	if err != nil {
		t.Fatal(err)
	}
	n.addrs = []wire.Addr{"tcp/127.0.0.1:4001"}
	l := newLoop(n)
	l.begin(time.Now())
	return l, func() []byte {
		<-l.own.kept
		return said
	}
}

// A node that has lost its onion key within the hour says something newer than before, or others would keep the old key for half a
// day; one that has lost nothing says the same.
func TestARestartIsHeard(t *testing.T) {
	identity := ed25519.NewKeyFromSeed(bytes.Repeat([]byte{9}, ed25519.SeedSize))
	first, said := restarted(t, identity, nil, nil)
	before := first.n.Self()
	state, err := json.Marshal(first.snapshot())
	if err != nil {
		t.Fatal(err)
	}
	same, _ := restarted(t, identity, state, said())
	if got := same.n.Self(); !got.Equal(before) && got.Issued <= before.Issued { // the hour may just have struck
		t.Errorf("a restart that has lost nothing: issued %d, before %d", got.Issued, before.Issued)
	}
	if same.lost {
		t.Error("a state that is whole is said to be lost")
	}
	lost, said2 := restarted(t, identity, []byte("{"), said())
	if got := lost.n.Self(); got.Onion == before.Onion || got.Issued <= before.Issued {
		t.Errorf("a restart with a new onion key: issued %d, before %d", got.Issued, before.Issued)
	}
	if o := lost.onion(time.Now()); !slices.ContainsFunc(o.Warnings, func(w string) bool { return strings.Contains(w, "lost") }) {
		t.Error("that the guards were lost is not said")
	}
	if d, _, err := wire.ParseDescriptor(said2()); err != nil || !d.Equal(lost.n.Self()) {
		t.Errorf("what was said is not kept: %v", err)
	}
	ahead, err := wire.NewDescriptor(identity, before.Issued+100*grain, before.Onion, before.Addrs)
	if err != nil {
		t.Fatal(err)
	}
	for name, b := range map[string][]byte{"of a wrong clock": ahead.Append(nil), "rubbish": []byte("x"), "cut": said()[:50]} {
		l, _ := restarted(t, identity, nil, b)
		if got := l.n.Self(); got.Issued > hour(time.Now()) {
			t.Errorf("%s: it is believed", name)
		}
	}
}
