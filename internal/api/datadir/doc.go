// Package datadir is a node's data directory: which files are in it, who may read them, and how they are written.
//
//	identity   the node's identity key (sealed)              made at the first start
//	port       the port that the node listens on for peers   drawn at the first start (sealed)
//	quota      how much the store may take on the disk        there once somebody has said it (sealed)
//	peers      references of nodes to join through            rewritten while the node runs (sealed)
//	circuits   guards, known relays, onion keys (sealed)     rewritten while the node runs
//	descriptor what the node last said of itself (sealed)     rewritten twice a day and when it changes
//	store/     the blocks, owned by store/badgerstore         also the lock: one node per directory
//	vault/     the queue and the sites, owned by store/vault  its key comes from the store's
//	jobs/      what queued jobs need to go on (encrypted)     owned by internal/jobs
//	api-token  the bearer token of the control API (secret)   new at every start
//	node.json  where the running node is reached              there exactly while the node runs
//	node.log   what a node in the background has to say       begun anew at every start, by cmd/nightjar
//
// The node writes; commands on the same machine read api-token and node.json to reach it. The package opens no store and no
// socket.
//
// # Invariants
//
//  1. The directory is made with mode 0700, every file with 0600. An identity that others can read is refused.
//  2. A file is written beside its name, synced and renamed: it is there whole or not at all, also after a power failure.
//  3. The identity is never overwritten; of two first starts at once, one identity wins and both use it.
//  4. A sealed file (sealed.go) is read by whoever has the key that the store's gives, and by nobody once that was wiped. What
//     of it others see is its name, a size class and a day.
//  5. What is read has a size limit, and a damaged peers file costs only its damaged lines.
//
// # Concurrency
//
// A Dir is an immutable value. Writers of one file are expected to be one process: the one that holds the store.
package datadir
