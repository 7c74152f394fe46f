package node

import (
	"testing"

	"nightjar/routing/wire"
)

// Invariant 3: what peers say of relays counts as it is held.
func TestInvariant3GossipCountsByItsBytes(t *testing.T) {
	n := &Node{inbox: newInbox()}
	p := &peer{purpose: wire.ForRouting}
	items := make([]wire.Listed, 1000)
	for i := range items {
		items[i].ID = uint64(i)
	}
	if !n.receive(p, wire.List{Items: items}) || n.inbox.bytes < 16*len(items) {
		t.Errorf("a list of %d bytes counts as %d", 16*len(items), n.inbox.bytes)
	}
	n.inbox.take(nil)
	if n.inbox.bytes != 0 {
		t.Errorf("%d bytes are left when all is taken", n.inbox.bytes)
	}
}
