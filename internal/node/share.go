package node

import (
	"hash/maphash"

	"nightjar/routing"
)

// shares numbers those in whose name blocks are kept, for the shares that they have of the store (store.Store.PutFrom). A number
// is a keyed hash, the same whenever a peer comes back, so that nobody gets another share by hanging up; the key dies with the
// process, so that nothing tells afterwards who brought what.
type shares struct{ seed maphash.Seed }

func newShares() shares { return shares{maphash.MakeSeed()} }

// of is the number of an asker; the local user has none. All that comes through circuits has one: its link says nothing of who sent it.
func (s shares) of(a routing.Asker) uint64 {
	if a == (routing.Asker{}) {
		return 0
	}
	return max(1, maphash.Comparable(s.seed, a))
}
