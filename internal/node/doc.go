// Package node is the shell of a Nightjar node: it drives the pure machines over real links and a real store.
//
// The machines decide: routing.Machine routes requests, routing.Overlay chooses peers, relays.Machine learns which nodes can be
// part of circuits, circuit.Machine builds circuits and carries others', repair.Machine keeps sinks whole. This package does. One goroutine, the loop, owns the
// machines and the tables of links and requests, takes events from an inbox and carries out the effects in order. Everything
// that may block (sockets, disk, verification of blocks) happens on other goroutines, which answer through the inbox.
//
// What it is not: it makes no routing decision and knows no file format.
//
// # How the local user is hidden
//
// Every request of a Client goes through a circuit: three other nodes, of which the last launches it into key routing. A request
// that no circuit can be built for waits, and Client.Obstacle says why; nothing ever makes it go another way. Only
// Config.Direct does, and then Status.Onion.Hops is 0, which every page and command shows. The requests of one Client share
// circuits with those of no other (ClientFor: of no other name).
//
// A request through a circuit does not look in the node's own store first. That would leave nothing on the wire, but the
// wire would show it: a node keeps the blocks that are closest to it, and a download that never asks for the blocks of one
// stretch of the ring has a reader there. In a network of ten nodes one download would be enough to see it. What the user has read
// is kept elsewhere, above this package (store/clientcache), and has nothing to do with where the node is.
//
// # Links
//
// A link is for key routing, and then for everything, or for circuits alone: whoever dials says so in Hello. Links for circuits
// are dialled when the circuits want one, do not count as peers, are bounded in number, those from one network more so, and are
// closed when they have carried no circuit for idleTime. Some are dialled to see whether a relay can be reached, whatever the user does
// (routing/relays/SPEC.md §9).
//
// # Invariants
//
//  1. The loop never waits for anything but its inbox and its timer, so no cycle of waiting can include it.
//  2. Store workers and clients never wait to hand an event to the loop; only link readers do, which pushes back on the peer.
//  3. What a peer can make this node hold in memory is bounded: maxOutBytes and maxOutCells queued towards it and
//     maxAllOutBytes towards all, maxInboxBytes read, maxWaitingJobs for the store, and the machines' own tables. A peer that asks without reading is answered Overload, then disconnected.
//  4. Run returns after every goroutine that it started has ended.
//  5. A peer that lies (a block that does not match its id, an answer to nothing) is disconnected and barred for barTime.
//  6. Every Fetch, Insert and Await ends: by an answer of a machine, by its context, or by the end of Run.
//  7. Unless Config.Direct is set, no request of the local user enters this node's own key routing.
//  8. Cells of one link are written in the order in which the circuits sent them, and neither they nor blocks can keep each other
//     from being written.
//
// # Concurrency
//
// All exported methods may be called from any goroutine. The loop's state is touched by the loop alone.
//
// # Reading order
//
// node.go, life.go, loop.go, peer.go, strangers.go, links.go, probe.go, circuits.go, repair.go, own.go, share.go, state.go, dial.go, scope.go, client.go, await.go; inbox.go, outbox.go and
// pool.go are the three small queues between goroutines.
package node
