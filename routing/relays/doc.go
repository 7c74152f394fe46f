// Package relays is a node's view of all relays: their signed descriptors, since when each is known, and how many independent
// peers show it. Views are reconciled with every peer; there is no directory and no node that knows more than others.
// SPEC.md has the protocol, the limits and what is not built yet.
//
// It opens no link and stores nothing: the shell sends its messages and keeps its State.
//
// # Invariants
//
//  1. Every descriptor in the view was signed by its relay (wire.ParseDescriptor checks that).
//  2. A descriptor is used only when enough independent peers have shown that very one; until then the one before it is used.
//  3. When a relay was first seen never moves, whatever it or others send.
//  4. No peer can take an entry away, and none can add more than its budget.
//  5. Honest machines that stay connected come to hold the same descriptors.
//
// # Concurrency
//
// None: a Machine belongs to the loop that drives it.
//
// # Reading order
//
// SPEC.md, machine.go (events and effects), entry.go (what is held), gossip.go (reconciling), view.go (what is used), state.go.
package relays
