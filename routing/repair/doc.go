// Package repair keeps the sink set of every block whole: the node that is closest to the block's position and the two that are next.
// When a neighbour on the ring leaves for good or a new one comes, and every hour besides, a node compares what it holds with each
// neighbour over the positions for which both are responsible, and copies what it lacks. Nobody need read a block for it to live on.
// SPEC.md has the protocol.
//
// Machine is a state machine like those of package routing: events in, effects out. What concerns the store it asks for as a Job, which
// Do carries out over a store.Store, wherever the shell has it run.
//
// What it is not: it routes nothing, rebuilds no lost block (internal/content does), and pushes nothing: a node asks for what it lacks,
// and keeps what it has, be it responsible or not, until its store needs the room.
//
// # Invariants
//
//  1. What a peer is told, marks, names or blocks, are sink blocks of positions for which it and this node are both among the three
//     closest, as this node sees the ring. Nothing about cached blocks, not even whether this node asks for one.
//  2. What is copied was verified when it was read (routing/wire), is what was asked for, and takes the place of no newer record.
//  3. Memory is bounded whatever is held and sent: session's formulas, maxAsks and maxLoads for each peer.
//  4. What a peer can have is bounded: its share of the rate, maxAsks questions at a time, scanRate blocks looked at.
//  5. What a peer can make this node do is bounded: a comparison ends with its slice, after maxFruitless answers that bring nothing, maxDepth
//     divisions, maxSilent answers that do not come, or maxBroken blocks that it has listed and does not hand out; all others get
//     their turn before it has another.
//  6. Misbehaved is said only of what an honest node cannot do, whatever is delayed, lost or crossed.
//  7. The same events, clock and Rand give the same effects.
//
// # Concurrency
//
// A Machine belongs to one goroutine. The slice that Step returns is valid until the next Step. Do may be called from any.
//
// # Reading order
//
// SPEC.md, event.go (what goes in and comes out), ring.go (who shares what), machine.go (Step), session.go and receive.go (this node
// compares), serve.go (a peer does), shelf.go (what the store is asked), limits.go (every number).
package repair
