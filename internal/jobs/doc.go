// Package jobs runs the local user's inserts and fetches: each is a job that can be listed, watched and cancelled.
//
// A job is a state, its progress and its result around one call of package content. It owns no goroutine and keeps no
// content: the bytes of a put are read from whoever feeds it, the bytes of a get are written to whoever drains it, and the
// work is done in that caller's goroutine. Nothing of a job touches the disk, so nothing of it is left behind there.
//
// It is not a queue that survives a restart, knows nothing of HTTP, and decides nothing about blocks.
//
// # States
//
//	waiting ──claimed by Put, PutFolder or Get──▶ (waiting for a slot) ──▶ running ──▶ done | failed | cancelled
//	   ├──Cancel──▶ cancelled
//	   └──Config.Patience has passed, nobody claimed it──▶ failed with ErrAbandoned
//
// # Invariants
//
//  1. A job that is done, failed or cancelled never changes again.
//  2. Watching never delays a job. A slow listener loses intermediate progress, never the final state.
//  3. |open jobs| ≤ Config.MaxOpen, |running puts| ≤ Config.Puts, |running gets| ≤ Config.Gets, |finished jobs listed| ≤ Config.Keep.
//  4. One caller at most feeds or drains a job.
//  5. Close returns after every running job has returned; afterwards no job can be made or claimed.
//  6. A job that ends early calls the caller's interrupt function, so that a blocked read or write ends too.
//  7. No two jobs share a Network, so that the network can keep what one asks for apart from what another does.
//
// # Concurrency
//
// Everything is safe for concurrent use. Manager.mu guards the list, Job.mu one job; they are never held together, nor
// across a call of package content, of the caller's functions, or a channel operation.
//
// Read manager.go, then job.go, then transfer.go.
package jobs
