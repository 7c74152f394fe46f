// Package node is the shell of a Nightjar node: it drives the pure routing machines over real links and a real store.
//
// The machines in package routing decide; this package does. One goroutine, the loop, owns both machines and the table of
// peers, takes events from an inbox and carries out the effects in order. Everything that may block (sockets, disk,
// verification of blocks) happens on other goroutines, which answer through the inbox.
//
// What it is not: it makes no routing decision, it knows no file format, and it does not hide who asks. Requests of
// the local user enter key routing directly as long as onion circuits do not exist; Status.Onion.Hops says so.
//
// # Invariants
//
//  1. The loop never waits for anything but its inbox and its timer, so no cycle of waiting can include it.
//  2. Store workers and clients never wait to hand an event to the loop; only link readers do, which pushes back on the peer.
//  3. What a peer can make this node hold in memory is bounded: maxOutBytes queued towards it and
//     maxAllOutBytes towards all, maxInboxBytes read, maxWaitingJobs for the store, and the machines' own tables. A peer that asks without reading is answered Overload, then disconnected.
//  4. Run returns after every goroutine that it started has ended.
//  5. A peer that lies (a block that does not match its id, an answer to nothing) is disconnected and barred for barTime.
//  6. Every Fetch and Insert ends: by an answer of the machine, by its context, or by the end of Run.
//
// # Concurrency
//
// All exported methods may be called from any goroutine. The loop's state is touched by the loop alone.
//
// # Reading order
//
// node.go, life.go, loop.go, peer.go, dial.go, scope.go, client.go; inbox.go, outbox.go and pool.go are the three small queues between goroutines.
package node
