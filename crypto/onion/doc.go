// Package onion is the cryptography of circuits: the handshake by which an originator and a relay agree on keys, and the
// sealing of cells under them. SPEC.md has every byte, label and bound.
//
// It decides nothing about paths, relays, time or replays; routing/circuit does. It reads no clock, and its randomness comes
// from the reader that it is given.
//
// # Invariants
//
//  1. A CREATE is answered only by whoever holds the secret half of the key that it names, and only if no byte of it was changed
//     and the relay is the one that it was made for.
//  2. A CREATED is taken only by the Handshake that it answers, once, and only if no byte of it was changed.
//  3. Two ends of a layer that see the same cells in the same order stay in step. After any difference (a bit, a cell that is
//     missing, repeated or out of order) that cell and every later one opens to noise: chain ≠ chain′ from there on.
//  4. No key seals or opens more than 2²⁴ cells.
//  5. What was wiped, or used up, refuses: it never works with zero keys.
//  6. Nothing that a stranger sends makes it panic, or allocate more than the fixed sizes of sizes.go.
//  7. Secrets do not print.
//
// # Concurrency
//
// Keys may be used by many goroutines at a time, Wipe aside. A Handshake and a Layer belong to one.
//
// # Reading order
//
// sizes.go, key.go, handshake.go, schedule.go, layer.go, redact.go.
package onion
