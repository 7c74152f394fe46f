// Package onion is the cryptography of circuits: the handshake by which an originator and a relay agree on keys, and the
// sealing of cells under them. SPEC.md has every byte.
//
// It decides nothing about paths, relays or time; routing/circuit does.
package onion
