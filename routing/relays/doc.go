// Package relays is a node's view of all relays: their signed descriptors, since when each is known, how many independent
// peers show it, and whether this node has reached it. Views are reconciled with every peer; there is no directory and no node that knows more than others.
// SPEC.md has the protocol, the limits and what is not built yet.
//
// It opens no link and stores nothing: the shell sends its messages, dials whom it asks to and keeps its State.
//
// # Invariants
//
//  1. Every descriptor in the view was signed by its relay: wire.Claim.Verify, or wire.ParseDescriptor for a saved one.
//  2. A descriptor comes into use only when enough independent peers have shown that very one, and one that a single peer has shown is
//     not used while there are others; until then the one before it is.
//  3. When a relay was first seen never moves, whatever it or others send, as long as the relay is known.
//  4. No peer can take away a relay that has been known for long; none can add, ask for, or have checked more than its budget, and
//     a new link is no new budget, nor is a new identity in the same public network.
//  5. Honest machines that stay connected come to hold the same descriptors.
//  6. Memory is bounded, whatever is sent: SPEC §4.
//  7. No relay is used that this node's own dial has not reached where it says that it is (SPEC §9). Who is dialled, and when,
//     depends on the view alone, within bounds for each address; nobody who names relays can delay those that others name for good.
//
// # Concurrency
//
// None: a Machine belongs to the loop that drives it.
//
// # Reading order
//
// SPEC.md, machine.go (events and effects), entry.go (what is held), take.go (what is taken in), account.go (origins and budgets),
// gossip.go (reconciling), probe.go (who is dialled), knock.go (where), view.go (what is used), gone.go and state.go (what is remembered).
package relays
