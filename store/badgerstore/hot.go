package badgerstore

import (
	"encoding/binary"
	"math/rand/v2"
	"sync/atomic"

	"nightjar/keys"
)

const (
	hotWays = 4
	hotSets = 64
	hotSeen = 1024
)

// hot keeps the data blocks that are asked for again and again in memory, opened: 8 MiB at most. Reading and opening a block costs some 15 µs even if the
// system has the file in memory, and few blocks get most requests. A block comes in when it is asked for a second time
// while the first is remembered, so that a download that passes once displaces nothing; in its set of four it takes the place of one that was not
// asked for since it came in or was spared.
//
// Records are not kept: they are replaced. Whether a block is held is for the books to say; what they have forgotten stays here until another
// takes its place. hot is safe for concurrent use.
type hot struct {
	mult  uint64 // odd and secret, as that of store.Filter
	seen  [hotSeen]atomic.Uint32
	slots [hotSets][hotWays]atomic.Pointer[hotBlock]
}

type hotBlock struct {
	block keys.Block
	asked atomic.Bool
}

func newHot() *hot { return &hot{mult: rand.Uint64() | 1} }

// hash spreads IDs, in the upper bits.
func (h *hot) hash(id *keys.ID) uint64 { return binary.LittleEndian.Uint64(id.Name[:]) * h.mult }

func (h *hot) set(x uint64) *[hotWays]atomic.Pointer[hotBlock] { return &h.slots[x>>32%hotSets] }

// get returns a block that is kept.
func (h *hot) get(id keys.ID) (keys.Block, bool) {
	set := h.set(h.hash(&id))
	for i := range set {
		if b := set[i].Load(); b != nil && b.block.ID() == id {
			if !b.asked.Load() { // or every reader would take the line from the others
				b.asked.Store(true)
			}
			return b.block, true
		}
	}
	return keys.Block{}, false
}

// offer says that a block was asked for and had to be read.
func (h *hot) offer(b keys.Block) {
	id := b.ID()
	if id.Kind != keys.KindData {
		return
	}
	x := h.hash(&id)
	seen, print := &h.seen[x>>48%hotSeen], uint32(x>>16)|1
	if seen.Load() != print {
		seen.Store(print)
		return
	}
	set := h.set(x)
	at := &set[0] // if all were asked for
	for i := range set {
		old := set[i].Load()
		if old == nil || !old.asked.Load() {
			at = &set[i]
			break
		}
		old.asked.Store(false)
	}
	at.Store(&hotBlock{block: b})
}

// forget lets go of all blocks.
func (h *hot) forget() {
	for i := range h.slots {
		for j := range h.slots[i] {
			h.slots[i][j].Store(nil)
		}
	}
}
