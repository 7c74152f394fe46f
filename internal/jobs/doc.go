// Package jobs runs the local user's inserts and fetches: each is a job that can be listed, watched and cancelled.
//
// There are two kinds. An attached job is one request's: its bytes are read from whoever feeds it or written to whoever drains it, in that caller's
// goroutine, and nothing of it touches the disk. A queued job is kept in the vault and run by the manager, on paths of this machine: it
// survives the end of the process, waits for what is in the way, and goes on where it was. Both are a state, a progress and a result around
// calls of package content.
//
// It knows nothing of HTTP and decides nothing about blocks, but for whether one was inserted or fetched before.
//
// # States
//
//	attached: waiting ──claimed by Put, PutFolder or Get──▶ (waiting for a slot) ──▶ running ──▶ done | failed | cancelled
//	             ├──Cancel──▶ cancelled
//	             └──Config.Patience has passed, nobody claimed it──▶ failed with ErrAbandoned
//
//	queued:   waiting ──its time, a slot──▶ running ──▶ done | failed | cancelled
//	             ▲                             │  └─ it may pass ─▶ retrying ──10 s … 1 h──▶ running
//	             ├──── a more urgent job ──────┤
//	             ├──── a keep with Every ──────┤
//	             └──Resume── paused ◀──Pause───┘   (also by itself: a target that is taken; a disk that is full, which is looked at every 30 s)
//
// # What a queued job keeps on the disk
//
// Its record in the vault: what it is to do, what it found, how far it is, and two secrets that were drawn for it. With the salt a put gives the
// same blocks whenever it is done again; the key encrypts the job's own files in Config.Dir, which have the name of its random ID:
//
//	<id>.done   of a put: 8 bytes of a keyed hash of every block that the network has taken. Those are computed again, not inserted again.
//	<id>.spool  of a get: what it needs to the end (manifests, tables of names) and the latest blocks that came, as many as can be needed again;
//	            each encrypted by itself.
//
// A get writes beside its target, to .<name>.part-<id>, and says in the record how much of that is durable. From there on, everything that was
// fetched is in the spool. All of it goes when the job is final.
//
// # Invariants
//
//  1. A job that is done, failed or cancelled never changes again.
//  2. Watching never delays a job. A slow listener loses intermediate progress, never the final state.
//  3. |open attached jobs| ≤ Config.MaxOpen, |open queued jobs| ≤ Config.MaxQueued, |running puts and keeps| ≤ Config.Puts,
//     |running gets| ≤ Config.Gets, |finished jobs listed| ≤ Config.Keep; a record ≤ 64 KiB.
//  4. One caller at most feeds or drains a job.
//  5. Close returns after every running job has returned; afterwards no job can be made or claimed.
//  6. A job that ends early calls the caller's interrupt function, so that a blocked read or write ends too.
//  7. No two jobs share a Network, so that the network can keep what one asks for apart from what another does. What is healed has networks of
//     its own.
//  8. When Queue has returned a job, it is listed until it is final, whatever happens to the process or to another job's record.
//  9. A put that is broken off inserts again what was in flight and nothing else; a get asks again for what was in flight and nothing else.
//  10. A put publishes what its source was at one moment, or nothing. A target is whole or as it was.
//  11. Blocks in flight of all jobs together ≤ Config.Window, shared by priority among those that want more.
//  12. No log line says what a job is about; no file but the vault's and the parts beside targets says it to who has not the vault's key.
//
// # Concurrency
//
// Everything is safe for concurrent use. Manager.mu guards the list, Job.mu one job; they are never held together, nor across a call of
// package content, of the caller's functions, or a channel operation. queued.saving is held while a record is written, and nothing is
// awaited under it but the vault. Window, hub and healer have locks of their own, which are held last.
//
// Read spec.go, manager.go, job.go, transfer.go for attached jobs; then queue.go, queued.go, files.go, queuedput.go, queuedget.go; then record.go.
package jobs
