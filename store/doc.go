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
//  5. A class within its budget gives way to no other. A sink block gives way to one of its own budget only if that is nearer to the
//     node, and a cached block to whoever is below its budget or of class Sink.
//  6. What a durable store accepted, and did not evict since, is there after kill -9 and power loss.
//  7. After Close every call returns ErrClosed.
//  8. What a neighbour brings beyond its share displaces what it brought itself.
//
// # Budgets
//
// Three kinds of blocks have a budget each, and a store that is full divides itself so:
//
//	sink data  70 %    blocks that this node is responsible for    gives way: of five drawn the farthest from the node
//	cache      25 %    what passed by                              by S3-FIFO (cache.go)
//	records     5 %    records that it is responsible for          of five drawn the farthest
//
// What one leaves empty the others borrow, in the order in which blocks come. It is given back as soon as its owner wants it: a newcomer
// of a kind that is below its budget takes the place of what the cache has borrowed, else of what the other has. A newcomer of
// a kind that has its budget takes what the cache has borrowed beyond its own, unless it is itself cached, or gives a place in its own
// kind. So what records leave is sink data's in the end. A budget is exceeded by less than a block before it is noticed.
//
// The blocks that the local user fetched have a store of their own, which is not one of these: store/clientcache.
//
// # Shares
//
// Flooding is the cheapest censorship: a block's life is what the store holds divided by what comes. So the books know which
// neighbour brought a block first, as one of 255 numbers, and what a neighbour has of each budget is bounded twice (share.go): it may
// hold a sixteenth, or twice what there would be for each if all had the same, and it may displace others' blocks as fast as the third
// most active of the others does, three times over, and 0.6 % at once. Beyond that its newcomers displace its own, or are refused. So one that
// brings ten times what all others do together costs them less than 1 %. Where few neighbours bring something this protects less: of
// three, two that collude are the network. A neighbour that comes back under another identity is another one; what identities cost is
// the overlay's affair. Who brought what is known to the process alone: after a restart all that is there is nobody's.
//
// # Concurrency
//
// A Store is safe for concurrent use. A Ledger is not: the store that owns it guards it.
//
// # Reading order
//
// store.go (the contract), ledger.go (the books), evict.go (who goes), cache.go (which cached block), share.go (whose), table.go (how an
// entry is found), filter.go (that it is not there), order.go (what is kept for an arc of the ring), hint.go.
package store
