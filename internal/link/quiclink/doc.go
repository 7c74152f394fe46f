// Package quiclink is the link transport "quic": QUIC v1 (RFC 9000), one bidirectional stream for each connection.
//
// It brings a link.Channel over quic-go and leaves proof, frames and the handshakes of strangers to package link. It is not an
// HTTP/3 server, though it names that protocol, and resolves no host names: addresses are literals.
//
// # Invariants
//
//  1. A channel has TLS 1.3 with X25519MLKEM768 and the protocol of SPEC §2, no 0-RTT and no resumption, or it does not come to be.
//  2. A peer can make this node hold at most connWindow bytes that have not been read.
//  3. A peer has one stream; a listener's end opens none.
//  4. Handshakes count as pending from a stranger's first packet. When they are many, a stranger must first answer from its
//     address (Retry), so that forged addresses take no places.
//  5. A UDP socket lives as long as the listener or a connection uses it and is closed, with its goroutines, by the last of them.
//
// # Concurrency
//
// As package link says. The library runs goroutines for each socket and each connection; they end with them.
//
// # Reading order
//
// quiclink.go, socket.go, channel.go.
package quiclink
