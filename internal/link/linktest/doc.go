// Package linktest is the conformance suite of link transports and a transport in memory for tests.
//
// Run proves that a transport keeps the contract of package link. A bug in a transport is first a case here. Network is a
// double: its links are made of channels, timers and nothing else, so that whole nodes run inside a testing/synctest bubble, with
// latency, lost connections and nodes cut off at will. It encrypts nothing; proof and frames above it are package link's own.
// It is not a simulator of bandwidth or congestion.
//
// # Invariants
//
//  1. The double passes the suite that the real transports pass.
//  2. A Network starts no goroutine but those of link.Acceptor, which end with the listener.
//  3. Bytes arrive in order, not before the latency has passed, and at most pipeSize of them wait in each direction.
//  4. Every case of the suite leaves as many goroutines as it found.
//
// # Concurrency
//
// A Network may be used from several goroutines. Inside a bubble it must have been made there.
//
// # Reading order
//
// suite.go, frames.go, proofs.go, listeners.go; network.go, pipe.go.
package linktest
