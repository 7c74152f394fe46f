// Package wire is what nodes say to each other: the messages on a link, the descriptors that say who a node is and where it
// listens, and their bytes. SPEC.md beside this file specifies every offset; testdata/vectors proves it.
//
// What it is not: it frames nothing and encrypts nothing (internal/link does), and it decides nothing (routing does).
//
// # Invariants
//
//  1. Parse(Append(nil, m)) gives m, and Append(nil, Parse(b)) gives b: every message has exactly one encoding.
//  2. Parse consumes its input exactly; it compares lengths before it reads, allocates or computes anything.
//  3. A block that Parse returns was verified against its ID; a descriptor that was parsed was signed by its node. A Claim was not checked;
//     Verify makes a descriptor of it or fails.
//  4. No input makes Parse, ParseDescriptor or ParseRef panic or allocate more than a small multiple of the input.
//  5. Errors never repeat bytes of the input.
//
// # Concurrency
//
// Functions only. Blocks and descriptors are shared and never changed after construction.
//
// # Reading order
//
// SPEC.md, message.go (the messages), codec.go and parse.go (their bytes), gossip.go and repair.go,
// descriptor.go and addr.go.
package wire
