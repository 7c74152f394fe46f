// Package badgerstore is the store.Store of a node: blocks on a disk, sealed under a key of their own, in a Badger database.
// SPEC.md beside this file is the format and what a thief learns from it.
//
// It does not verify blocks (keys.Verify did), decides nothing about them but what goes when it is full (store.Ledger), and
// protects nothing while it is open: whoever has the process has the key. A Place is where a store lives: the directory, taken for this process, and
// the key, which may have to be unlocked with a passphrase first.
//
// # How it works
//
// The books (store.Ledger) are in memory and made at opening from Badger's keys, which are sealed entries; so a miss
// touches no disk, and most take no lock (store.Filter). The books also remember where Badger put a block, as far as it was there at opening or
// was read since; so a hit is one read of that file, past Badger, and one decryption into the buffer that the caller gets, and what is
// asked for most not even that (hot.go). Puts are sealed by their callers and handed to one writer, which decides on all that are waiting,
// writes them in one transaction and makes them durable with one sync before it answers.
//
//	Get ── filter ──> books ──┬── hot
//	                          ├── hint ──────────────────> logs ──> open the seal
//	                          └── locate ──> Badger ──> hint ──┘
//	Put ── seal ──> writer: gather ──> commit (books, transaction) ──> persist (sync) ──> answer
//	                           └── makeRoom: free value log files; wake ──> maintain: merge tables
//
// # Invariants
//
// Those of package store, and:
//
//  1. Whatever is in the books is in Badger under its key while no batch is being committed: a read that fails under the
//     batch lock is a block lost.
//  2. Put answers nil only after the logs that hold the block, and their names, were synced.
//  3. Nothing is written unless the disk had room for it and for what Badger writes beside it: Badger maps sparse files, and
//     where a block is missing the process ends.
//  4. A file with the only durable copy of a block is not removed.
//  5. Nothing on the disk but the key files depends on what is stored other than through a keyed function of it.
//
// # Concurrency
//
// Store is safe for concurrent use. Open starts two goroutines, the writer and the maintenance, and Badger its own; Close
// ends them. Nothing runs periodically but Badger's two clocks of a minute: an idle store costs no CPU.
//
// # Reading order
//
// SPEC.md, config.go (the sizes), secret.go and place.go (the key), wipe.go, blur.go (times), seal.go (the ciphers), open.go, load.go (how the books are made), store.go (Put), read.go (Get), hot.go, logs.go (how values are read),
// writer.go and batch.go, files.go (what a sync must cover), space.go (the full disk), usage.go, garbage.go, collect.go and maintain.go (the quota on the disk), resize.go, ailment.go, trim_linux.go (memory),
// examine.go and rebuild.go (damage), bench.go (nightjar bench store).
package badgerstore
