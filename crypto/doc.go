// Package crypto holds Nightjar's choice of cryptography: how a block is sealed, how keys are derived and under which
// labels, how a record is encrypted, and how an author signs so that a storing node can verify two of his records and
// never link them. It is a leaf: it imports no other package of the project and knows no format; package keys does.
//
// It is not a toolbox. There is one cipher for blocks, one AEAD, one signature, each with fixed parameters, all from
// the standard library, golang.org/x/crypto and filippo.io/edwards25519. Onion cells and handshakes are in
// crypto/onion, erasure coding in crypto/erasure.
//
// # Invariants
//
// Tests cite these by number.
//
//	C1  A block key seals one block. BlockKey gives a different key for every (file key, segment, index).
//	C2  Every derivation has a label of labels.go; no label is a prefix of another.
//	C3  A blinded key is one point of the prime-order subgroup, the same for the author, who multiplies scalars, and
//	    for a reader, who multiplies the public point: [h·a]B = [h]A.
//	C4  What Sign makes is a plain Ed25519 signature; the standard library verifies it.
//	C5  VerifySignature accepts one encoding of a key and of a signature's point, no key of small order, no S ≥ ℓ.
//	C6  The nonce of a signature is bound to the key that signs: one message under two documents never shares it, and
//	    a random source that fails or repeats does not reveal the key.
//	C7  Secrets print redacted under every verb, refuse to be marshalled, and are overwritten by Wipe.
//	C8  All failures to authenticate are one error.
//	C9  No passphrase is turned into a key at less than a floor of work, nor at more memory than a node has.
//
// # Concurrency
//
// Functions keep no state. A Signer is safe for concurrent use until Wipe.
//
// # Reading order
//
// key.go, labels.go, block.go, aead.go, blind.go (who can make which key), sign.go (signing and verifying),
// passphrase.go.
package crypto
