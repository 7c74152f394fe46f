// Package circuit is the onion layer in front of key routing as a state machine: both the originator's side and the relay's.
//
// A Machine takes in events (a message on a link, a local request, the answer of key routing, the passage of time) and
// returns effects (send this, connect to that, launch this, the request is done). SPEC.md is the protocol.
//
// What it is not: it has no clock, goroutine, socket, disk or logger, and no randomness but Config.Rand's. It does not choose
// relays (package guard does), seal cells (crypto/onion), route (package routing) or sign descriptors (the shell, upon Rekeyed).
//
// # Invariants
//
// Tests cite these by number.
//
//	C1  A local request leaves this node only as a relay cell that is sealed for a launch node over three hops. There is no other way, and what cannot go this way waits.
//	C2  Requests of two groups never meet on a circuit.
//	C3  A circuit on which a cell was changed, repeated, left out or reordered delivers nothing after it, in that direction, and ends; no other circuit is hurt.
//	C4  Every local request gets exactly one Done, or is cancelled. Its block was verified.
//	C5  What one link can make the node hold is bounded: circuits, cells, launches, blocks, handshakes (SPEC §9).
//	C6  On each link, cells take turns by the link that they came from; one source with something to send has at most one cell more than another in a round.
//	C7  No end of a circuit is without its other end's knowledge for longer than a message takes: DESTROY, LinkDown and time-outs end both. Nothing is kept of a circuit that has ended.
//	C8  Nothing that a link carries makes the machine panic; Misbehaved is said only of what an honest node cannot do.
//	C9  The same events, clock and Rand give the same effects. No map's order reaches an effect.
//	C10 A node seals and opens the cells of one layer in the order in which they are sent and received.
//
// # Ownership
//
// A body belongs to whoever holds the cell: the machine keeps, changes and sends on the bodies of the cells that it receives.
// Those that it needs no more go to the shell by Surplus, and those that the shell has written come back with Written.
//
// # Concurrency
//
// None: a machine belongs to one goroutine. The slice that Step returns is valid until the next Step.
//
// # Reading order
//
// event.go (what goes in and comes out), machine.go (Step), cell.go (relay cells), link.go, hold.go and schedule.go (who sends when, and what is held);
// relay side: relay.go, create.go (whose handshakes are computed), extend.go, launch.go, assemble.go, keyring.go, replay.go; originator: origin.go, build.go, pool.go,
// group.go, request.go, ask.go; shape.go and slots.go (constant rate), status.go, timer.go, limits.go (every number).
package circuit
