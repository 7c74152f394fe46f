// Package sim runs many nodes' routing machines in virtual time: the same code that runs in the daemon, without sockets,
// disks or goroutines. It answers whether the network works: how long paths are, how often requests succeed, what
// churn does to them.
//
// Two things are built on the same rig. Run plays a whole run of key routing by itself. Net is a network of whole nodes, circuits
// in front of key routing and real cryptography included, that its caller drives request by request and watches from
// everywhere at once; testnet/sim/anonymity measures with it what a part of the network could find out.
//
// Decay is a third thing: a network that loses its nodes one after the other, and whose sinks repair each other meanwhile
// (routing/repair). Vigil is a fourth: some wait for records that are yet to be inserted, while nodes leave (routing/lease.go).
//
// What it is not: it says nothing about sockets, disks or processors (testnet does). Blocks are real, but all nodes share
// their bytes; links carry messages after a latency, in order, and without limits of bandwidth.
//
// # Invariants
//
//  1. One Config gives one Result: every random choice comes from Config.Seed, and no map's order reaches an event.
//     Result.Trace is a hash over all events in their order.
//  2. Virtual time never runs backwards; events of the same instant happen in the order in which they were scheduled.
//  3. A dead node takes in no event; what was on the way to it is lost.
//  4. Hops are counted by the rig from the messages that pass. The machines carry nothing for it. In the same way Net knows which
//     cells belong to one circuit: from what goes in and out of a node in one step.
//
// # Concurrency
//
// Run is a function; runs share nothing. A Net belongs to one goroutine.
//
// # Reading order
//
// sim.go (Config, Result, Run), rig.go (events), topology.go (who is linked), workload.go (inserts and fetches); then net.go
// (Net, Tap) and onion.go (circuits, lines, what is followed); then repair.go and shelf.go; then vigil.go.
package sim
