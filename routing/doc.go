// Package routing decides how requests for blocks travel between nodes, and which nodes are linked.
//
// Two state machines share it. The Machine routes: it takes in events (a message, a local request, an answer of the store,
// the passage of time) and returns effects (send this, look that up, keep that, tell the user). The Overlay chooses peers:
// it learns who exists and says whom to dial and whom to drop. Both are values with a Step function; whoever calls it
// carries the effects out. The code that testnet/sim runs with thousands of nodes is the code that runs in the daemon.
//
// What it is not: it has no clock, goroutine, socket, disk, logger or randomness of its own; it verifies no blocks
// (routing/wire does while it parses) and it does not hide who launches a request (routing/circuit does, by having
// another node launch it).
//
// # The rule of routing
//
// Nodes and blocks have places on a ring. For a target t, nodes are ordered by rank: distance to t, then place, then
// identity. d(n) below is that rank; it is total, so two nodes always agree on who is closer.
//
// A request goes to the closest live peer n with d(n) < d(self), and after failures to the next closest such peer, each
// at most once. Where there is none, at a local minimum, it ends: a Get asks the own store and then the two live peers
// closest to t, with HTL 0, which concerns their own stores only; a Put is kept by the node and those two, the sink set.
//
// There is one exception: the first two peers for what a circuit has launched here are not the closest but some of the closer half of
// those n, drawn so that all get about as much (spread.go, docs/decisions/0009).
//
// # Peers that are late, and peers that are mute
//
// An answer is late when it takes longer than nearly all answers of that peer to that kind of request have taken (lateAfter). Then,
// while the first is still waited for, the next peer is asked too unless it is a bulk Get, and who answers first is believed. A member of the sink set that is
// late is made up for by the next closest; a Put is done when it is kept in enoughCopies places and nobody else who was asked is expected
// to answer soon. A peer that is late and has said nothing to requests of that kind since it was asked gets a strike; with
// kind.strikes() of them in a row it is mute: requests of that kind go as if it were not there, until its rest is over and one
// of them, as a probe, is answered. At most a third of the peers are mute at a time: if more seem to be, the fault is here. An answer that
// comes after all counts like any, so that who is only slow is soon given more time.
//
// # Records that are waited for
//
// Whoever waits for a record leaves a lease: at the closest peer that is closer to the target, which does the same, down to the local minimum,
// which leaves one at each of the two peers that get copies (an own lease, which goes no further). So the lease lies where the record will be kept, and at each node on the
// way who has asked it. A node that comes to hold the record, as a sink, by repair, or because it looked when the lease came, pushes it to them, once, and so does who
// gets it pushed. What only passes is not pushed: else the order in which neighbours with leases get it would show where an insert was launched.
// A lease ends after leaseTime unless it is left again; it is passed on anew for those who wait longer, and to others when peers
// come and go. A lease has no answer: it may be lost, and whoever waits asks now and then in any case.
//
// # Invariants
//
// Machine:
//
//  1. d(next) < d(self) for every request sent with HTL > 0; hence every request received with HTL > 0 came from a node
//     with d(from) > d(self), and whoever breaks that is reported.
//  2. At most one live request downstream per (block, rotation) that is not late, as long as it has HTL enough for all who wait for
//     it (enoughHTL). Those who ask later wait with it and get the same answer, in the same form. Requests to further peers because others are
//     late are at most one in spareOneIn of all that are sent, beyond the first few; those in place of a mute peer's are not
//     counted, nor are copies.
//  3. No identifier survives a hop: a Req is drawn per link, and of what a message carries only ID, rotation, class and
//     the lowered HTL are sent on.
//  4. Every request ends: every local request gets exactly one Done or is cancelled, within localQuick or localSlow; every
//     request of a peer is answered or forgotten before patience of its HTL is over.
//  5. What one peer can make the machine hold is bounded: maxAsked requests, maxPuts blocks, its share of each queue; and
//     what all together can, by maxAllPuts blocks and maxQueue waiting requests per link and class. What circuits that end
//     here can is bounded by maxForeign.
//  6. Blocks of requests that were launched here, by the local user or for a circuit that ends here, are not cached, nor kept
//     because they passed; nor is a block cached that was asked for with HTL > cacheHTL, since then the asker may have
//     launched it.
//  7. Misbehaved is said only of what an honest node cannot do, whatever is delayed, lost or crossed.
//  8. The same events, clock and Rand give the same effects. No map's order reaches an effect.
//
// Leases:
//
//  12. A lease that is not own goes from d(from) > d(self) to d(next) < d(self), and an own one goes no further: leases make no circle, and a record is pushed on a link at
//     most once for each time that a lease was left there. Every LocalWait gets exactly one Done or is cancelled, within leaseTime and a sweep.
//  13. One peer has at most maxLeases, and makes this node look into its store for leaseRate of them a second, after maxLeases at once; all have
//     at most maxAllLeases, of which whoever has most gives up his oldest. Pushes that were not asked for are not passed on.
//
// Overlay:
//
//  9. It wants links with the RingSide nearest nodes on each side that can be reached, and LongLinks links whose lengths have
//     density 1/d; with at most smallRing known nodes it wants all. It hangs up only what exceeds MaxDegree.
//  10. A node that it was told of but never linked with is passed on to nobody; per peer at most maxPerSource of them are kept.
//  11. At rest it asks at most every maxAsk; a dial that failed is repeated after firstRetry, doubling up to maxRetry.
//
// # Why requests cannot wait for each other in a circle
//
// Let w(A) be the set of nodes whose answer node A awaits for target t. By invariant 1, B in w(A) implies d(B) < d(A), or
// the request has HTL 0 and B awaits nobody but its own store. Coalescing (invariant 2) adds askers to a request at A, all
// of which are farther than A, and no element to w(A); asking another peer because one is late adds one that is closer than A. So every edge of the wait-for graph of one target goes to a node
// that is strictly closer or to one that awaits nobody: the graph has no cycle, and no request needs an identifier to
// recognise itself. Targets differ only by (block, rotation), and requests for different ones do not wait for each other,
// except for room in queues, which time-outs bound.
//
// A node that lies about invariant 1 gains nothing: it awaits what it likes, and is waited for no longer than patience.
//
// # What a neighbour learns
//
// From a request: a block's ID, which is what key routing cannot hide, and an HTL. Launched requests carry 16 to 18, relayed
// ones lose a hop with probability 1/2 at 17 and 18, so that the first hop cannot be told from the second or third. A
// request for a block that this node has seen before is treated as any other, whatever it has done with the earlier one;
// only the own store's content makes a difference, and it holds nothing that the local user has asked for.
//
// A second peer asked because the first is late sees what it would not have seen: of one request in forty at most. That
// is no more than what failing peers cause, it is the same at launch nodes and relays, and it says nothing of which of them asks. A peer can
// bring it about by being late, and gains that some other peer, which it cannot choose, sees the request that it has seen itself.
//
// From a lease: that somebody waits for a record, this peer or some beyond it, one or many. It has no hops to live, so that nothing tells the first hop from the
// fifth, and a second one for the same record is not passed on, so that nobody learns how many wait. Not hidden is that a
// node which answers a lease with a push at once holds the record.
//
// # Concurrency
//
// None: a machine belongs to one goroutine. The slice that Step returns is valid until the next Step.
//
// # Reading order
//
// event.go (what goes in and comes out), machine.go (Step), receive.go (what events mean), forward.go (where a request
// goes next), spread.go (where a launch goes first), late.go (who is late, who is mute), lease.go and leasesweep.go (who waits for what does not exist yet), request.go (its life), link.go and queue.go (windows, back-off, fairness), timer.go, limits.go (every
// number). Then overlay.go, table.go, plan.go, gossip.go. testdata/ holds the rules as scripts.
package routing
