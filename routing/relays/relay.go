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
}

// View is what paths are chosen from.
type View struct {
	Relays []Relay   // usable ones, in the order of their IDs; without this node
	Since  time.Time // since when this node has known at least three relays: how old the network is as far as it can tell
}
