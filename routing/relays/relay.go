package relays

import (
	"time"

	"nightjar/routing/wire"
)

// Relay is one entry of the view that enough peers show.
type Relay struct {
	Desc  wire.Descriptor
	Seen  time.Time // when this node first heard of it
	Shown int       // how many independent peers show it now
	Peer  bool      // it is a routing peer of this node
	// Lapsed: this node has reached it once, but does not reach it now. It is for nothing new; who uses it may try on.
	Lapsed bool
}

// View is what paths are chosen from.
type View struct {
	Relays []Relay   // usable ones that this node has reached itself, in the order of their IDs; without this node
	Since  time.Time // since when this node has known at least three such relays: how old the network is as far as it can tell
	// Unreached is how many more enough peers show that this node has not reached yet, and how many have lapsed.
	Unreached int
}
