// Package testnet runs whole Nightjar networks on one machine: as many real processes on loopback, with nodes that can be
// killed half-way.
//
// It starts the node command of a given binary, waits for its ready line, and hands out what a test, the demo or a
// benchmark needs to talk to each node. It is not a simulator: package testnet/sim is.
//
// # Invariants
//
//  1. Every process that Start started has ended when Close returns, and ends by itself if this process dies: each child
//     reads a pipe that only this process holds, and stops when it closes.
//  2. testnet.json names exactly the nodes that were started, and appears whole or not at all.
//  3. Every wait is bounded by the caller's context.
//
// # Concurrency
//
// A Net may be used from several goroutines; Kill and Close may race with each other.
//
// # Reading order
//
// net.go, process.go, site.go (the sample site of the demo).
package testnet
