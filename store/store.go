package store

import (
	"errors"

	"nightjar/keys"
)

// Class says why a block is kept; each class has its own budget. A smaller class is a better one.
type Class uint8

const (
	// Sink holds blocks that this node is responsible for.
	Sink Class = 1
	// Cache holds blocks that passed by.
	Cache Class = 2
)

// Valid reports whether c is a class.
func (c Class) Valid() bool { return c == Sink || c == Cache }

// String is the name of the class.
func (c Class) String() string {
	switch c {
	case Sink:
		return "sink"
	case Cache:
		return "cache"
	}
	return "no class"
}

var (
	// ErrNotFound reports that the store does not hold the block.
	ErrNotFound = errors.New("store: not found")
	// ErrFull reports that the block does not fit, whatever is evicted, or that the disk is full.
	ErrFull = errors.New("store: full")
	// ErrStale reports a record whose version is not newer than the one held.
	ErrStale = errors.New("store: a newer or equal record is held")
	// ErrCorrupt reports stored bytes that fail their authentication; they are never returned.
	ErrCorrupt = errors.New("store: stored bytes are corrupt")
	// ErrClosed reports use after Close.
	ErrClosed = errors.New("store: closed")
	// ErrInvalid reports a Put of the zero Block or under no class.
	ErrInvalid = errors.New("store: no block or no class")
)

// Store keeps verified blocks on behalf of the network. Implementations are safe for concurrent use; storetest is their contract.
// Errors may wrap the ones above; compare with errors.Is.
type Store interface {
	// Get returns the block, ErrNotFound, ErrCorrupt, or what the system said. A block that was found corrupt is forgotten: the next Get says
	// ErrNotFound and a Put stores it anew.
	Get(id keys.ID) (keys.Block, error)
	// Put keeps the block; when it returns nil the block survives kill -9 and power loss. at is the position of the
	// ring for which the block is kept. A block that is already held keeps its better class (Sink before Cache), and
	// within that class the position nearest to the node.
	// A record replaces an older one, else ErrStale, and the one held has the better of both classes all the same.
	// ErrFull if it does not fit: a full store evicts what another class has borrowed if the block's own is below its budget, else of
	// that class (doc.go), but never for a block that is less worth keeping than what it displaces. What an ErrFull leaves is what was there before.
	Put(b keys.Block, class Class, at keys.Location) error
	// PutFrom is Put on behalf of a neighbour: what one neighbour brings displaces others' blocks only up to its share, and then its
	// own first (doc.go). link is an opaque number of the neighbour's, the same as long as the process runs and kept nowhere
	// else; 0 is nobody, whom no share binds: this node, or whoever brought what was here when the store was opened.
	PutFrom(b keys.Block, class Class, at keys.Location, link uint64) error
	// Arc lists blocks of class Sink that are kept for positions of the ring from one to another, both included and going
	// up, by position and then by ID; of those at from only IDs after the given one (the zero ID is before all). It
	// returns at most limit of them, and never more than MaxArc. To go on, ask again from the position of the last one
	// and after its ID; none means that there are no more. It reads no block. What was put a moment ago and is not durable
	// yet may be among them. ErrClosed after Close.
	Arc(from, last keys.Location, after keys.ID, limit int) ([]Entry, error)
	// Stats reports coarse occupancy; after Close the last one.
	Stats() Stats
	// Close flushes and releases the store. Calls under way end first, with their result or ErrClosed. Further calls return ErrClosed.
	Close() error
}

// Stats is a snapshot of a store's occupancy.
type Stats struct {
	Blocks int64 // blocks held
	Bytes  int64 // bytes charged against the quota: size plus Overhead of every block
	Quota  int64 // the quota in bytes
	Usable int64 // what Bytes may become: the quota less the room that a store needs on a disk to work in; never more than Quota
}
