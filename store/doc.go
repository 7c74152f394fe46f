// Package store says what a place for verified blocks promises (Store) and keeps the books that every implementation
// shares (Ledger): what is held, what it costs, and what must go when there is no room. The implementations are
// store/badgerstore, which a node uses, and store/memstore, for tests and simulation; store/storetest is the contract
// as a suite that both pass.
//
// A store does not verify blocks (keys.Verify does, before), does not decide what is worth keeping (routing does, with a
// Class) and cannot read what it keeps. Blocks that the local user fetched are not its business and never enter it.
//
// # Invariants
//
//  1. What Get returns is byte for byte what Put was given: damage is ErrCorrupt or ErrNotFound, never other bytes.
//  2. Stats().Bytes ≤ Stats().Usable ≤ Stats().Quota at every moment, where a block is charged its size plus Overhead.
//  3. A record is only ever replaced by one with a larger version.
//  4. A block that is held never falls back to a worse class, and in its class is kept for the position nearest to the node.
//  5. A cached block never displaces a sink block, and a sink block only one that is farther from the node than itself.
//  6. What a durable store accepted, and did not evict since, is there after kill -9 and power loss.
//  7. After Close every call returns ErrClosed.
//
// # Concurrency
//
// A Store is safe for concurrent use. A Ledger is not: the store that owns it guards it.
//
// # Reading order
//
// store.go (the contract), ledger.go (the books), evict.go (who goes), table.go (how an entry is
// found), order.go (what is kept for an arc of the ring).
package store
