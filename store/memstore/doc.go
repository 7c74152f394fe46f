// Package memstore is a store.Store in memory, for tests and simulations: the same quota, eviction and answers as
// store/badgerstore (both keep their books in a store.Ledger), nothing on a disk. What it accepted is gone when the
// process ends, so it is not what a node that others rely on should use.
//
// # Invariants
//
// Those of package store, but for durability (6). Two stores with the same Config.Seed that see the same calls in the
// same order hold the same blocks.
//
// # Concurrency
//
// Safe for concurrent use; one lock, held for the length of a map access.
package memstore
