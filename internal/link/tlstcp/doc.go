// Package tlstcp is the link transport "tcp": TLS 1.3 over TCP.
//
// It brings a link.Channel over crypto/tls and leaves proof, frames and the handshakes of strangers to package link. It is not a
// web server and resolves no host names: addresses are literals.
//
// # Invariants
//
//  1. A channel has TLS 1.3, X25519MLKEM768 and the protocol of SPEC §2, or it does not come to be.
//  2. One write of at most 64 KiB is at most one write to the socket, so that a block costs less than one system call.
//  3. A channel sends at most maxRecords records, then it fails: the keys of AES-GCM wear out (RFC 8446 §5.5) and crypto/tls
//     does not renew them by itself.
//  4. Close takes at most closeTime.
//
// # Concurrency
//
// As package link says. A dialled connection has no goroutine of its own.
//
// # Reading order
//
// tlstcp.go, channel.go.
package tlstcp
