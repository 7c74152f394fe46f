// Package erasure turns k data shards into n shards of which any k give the data back.
//
// It is the two Reed-Solomon codes of DESIGN §4 behind one type: GF(2^8) with a Cauchy matrix while k <= 128 and
// n <= 256, Leopard over GF(2^16) above. It is not a format and keeps no names: which shard is which block is the
// business of internal/content, whose SPEC.md §6 specifies both codes.
//
// Invariants, cited by the tests:
//
//  1. The code is systematic: shards[:k] are the data, unchanged.
//  2. Any k of the n shards determine the data; fewer give ErrTooFew and change nothing.
//  3. A shard that is present is never written to, except that RebuildOver consumes check shards.
//  4. The same (k, n) and data always give the same check shards: they are part of the format.
//  5. Work memory of a call is bounded whatever the size of the shards: Leopard codes them in columns, one after the
//     other, whose width follows from encodeColumn and rebuildWork.
//
// Concurrency: a Code is immutable and safe for concurrent use. The library may spread one call over several
// goroutines; all of them have ended when the call returns.
//
// Memory: the first Code over GF(2^16) makes the library build 74 MiB of tables, once for the process, in about
// 0.4 s. Shards of 32 KiB with k <= 128 (files up to 4 MiB) never need them.
//
// Reading order: erasure.go, then rebuild.go.
package erasure
