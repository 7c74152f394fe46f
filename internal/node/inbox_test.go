package node

import (
	"testing"
	"testing/synctest"

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

// Invariant 2: whoever works for the loop hands it an event at once, however many wait; readers wait until there is room.
func TestInvariant2OnlyReadersWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := newInbox()
		for range maxInbox + 10 {
			q.push(linkUp{}) // would be a deadlock of the bubble if it waited
		}
		offered := make(chan bool, 1)
		go func() { offered <- q.offer(linkUp{}, 1) }() // ends when there is room
		synctest.Wait()
		select {
		case <-offered:
			t.Fatal("a reader did not wait for a full inbox")
		default:
		}
		if n := len(q.take(nil)); n != maxInbox+10 {
			t.Errorf("%d events were taken", n)
		}
		if !<-offered {
			t.Error("the reader was refused")
		}
		go func() { offered <- q.offer(linkUp{}, maxInboxBytes) && q.offer(linkUp{}, 1) }() // ends with close
		synctest.Wait()
		q.close()
		if <-offered {
			t.Error("a reader did not wait for bytes, or a closed inbox takes events")
		}
	})
}
