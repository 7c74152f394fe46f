package store

import "nightjar/keys"

// RoomFor is Room for a block that a neighbour brings: Store.PutFrom.
func (l *Ledger) RoomFor(e Entry, link uint64) ([]Entry, error) { return l.Room(e) }

// Yield is Remove for a block that gives way to one that a neighbour brings, as RoomFor said.
func (l *Ledger) Yield(id keys.ID, to Entry, link uint64) { l.Remove(id) }

// SetFrom is Set for a block that a neighbour brings. A block that was held before stays the part of who brought it first.
func (l *Ledger) SetFrom(e Entry, link uint64) { l.Set(e) }
