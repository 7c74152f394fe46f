// Package clientcache keeps blocks that the local user has read, so that what is read again needs no network: while the
// process runs, and in a file that nobody can read, not even this program, when it has ended.
//
// It is no store.Store and shares nothing with one. It answers the local user alone: nothing that comes from the network
// reaches it, and no block goes from it to the network or into the store that the network sees. What the user fetched is
// the one thing that must not be found there.
//
// # How it works
//
// The file has slots of equal size. A block is encrypted into one under a key that is drawn when the cache is opened and is nowhere but in
// memory. Where the system allows it the file has no name: it is gone with the process, however that ends. Otherwise it is
// removed when the cache is closed, and what a killed process left when the next one opens. Nothing is synced. What goes when
// all slots are taken is decided by a store.Ledger, which looks after the cache of passing blocks in the same way (S3-FIFO): a large download
// that is read once does not displace the pages that are read again.
//
// # Invariants
//
//  1. A block is found only under the site for which it was kept. Else a page could find out what else was read: it would name a block
//     of another site, and whoever launches this node's requests would see whether it is asked for (docs/decisions/0013).
//  2. What Get returns is what Put was given; what was damaged meanwhile is not there.
//  3. The file is never longer than Config.Size.
//  4. When the process has ended nothing on the disk says what was kept: names and bytes are encrypted under, or keyed with, what
//     was in memory.
//  5. A failure of the disk is a miss.
//
// # Concurrency
//
// Safe for concurrent use: one lock, held while 32 KiB are written to or read from a file in the page cache.
package clientcache
