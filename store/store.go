package store

import (
	"errors"

	"nightjar/keys"
)

// Class says why a block is kept; each class has its own budget.
type Class uint8

const (
	// Sink holds blocks that this node is responsible for.
	Sink Class = 1
	// Cache holds blocks that passed by.
	Cache Class = 2
)

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
)

// Store keeps verified blocks on behalf of the network. Implementations are safe for concurrent use; storetest is their contract.
type Store interface {
	// Get returns the block, ErrNotFound, or ErrCorrupt.
	Get(id keys.ID) (keys.Block, error)
	// Put keeps the block; when it returns nil the block survives kill -9 and power loss. at is the position of the
	// ring for which the block is kept. A block that is already held keeps its better class (Sink before Cache).
	// A record replaces an older one, else ErrStale. ErrFull if it does not fit.
	Put(b keys.Block, class Class, at keys.Location) error
	// Stats reports coarse occupancy.
	Stats() Stats
	// Close flushes and releases the store. Further calls return ErrClosed.
	Close() error
}

// Stats is a snapshot of a store's occupancy.
type Stats struct {
	Blocks int64 // blocks held
	Bytes  int64 // bytes charged against the quota
	Quota  int64 // the quota in bytes
}
