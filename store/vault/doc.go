// Package vault keeps small secret records of the local user on the disk: jobs, identities of sites, what an insert left for the
// next one. A record has a space, an id in it, and a value.
//
// It is no block store and no cache: nothing is evicted, nothing is served to the network, and a record that was put stays until it is
// deleted. It knows nothing of what is in a value.
//
// # Invariants
//
//  1. When Put or Delete has returned nil, what it did survives the end of the process and of the power.
//  2. A record is the value that was put last, or reported as damaged; never other bytes, and never another record's.
//  3. Without the key nothing on the disk tells spaces, ids or values, or how long a value is but for its class (SPEC §4).
//  4. A damaged record costs itself alone. Records that were accepted and are gone are noticed at the next opening.
//  5. A disk without room makes Put fail with ErrFull before anything is written; what was accepted stays, and can be read and deleted.
//  6. Memory is a few MiB however many records there are, beside the one value in hand.
//
// # Concurrency
//
// A Vault is safe for concurrent use; one lock makes all operations take turns. Each holds it only while it finds out what there is and
// while it reads one record, so that its function may use the vault. It starts no goroutine of its own; Badger's end with Close.
//
// Read SPEC.md, then vault.go, value.go, then open.go.
package vault
