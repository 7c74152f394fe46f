// Package link connects two nodes: an encrypted channel, a proof inside it of who both ends are, and frames.
//
// The package holds what all transports share: the seam (Conn, Transport, Listener), the proof, the frames, the TLS
// settings, and the Acceptor that runs the handshakes of strangers. A transport is a sub-package that brings a Channel:
// tlstcp (TLS 1.3 over TCP), quiclink (QUIC v1), and in linktest a double in memory with the conformance suite that all of
// them pass. The format is specified in SPEC.md.
//
// It is not a protocol of messages: what a frame says is package routing/wire's business. It does not choose peers,
// dial again, or hide that two addresses talk to each other.
//
// # Invariants
//
//  1. A Conn exists only after the other end has proved, over the binding of this very channel, that it holds the key
//     of Peer(). A proof is worthless on any other channel.
//  2. Nothing that depends on a node's identity is sent to anybody who has not shown that it knows that identity.
//  3. Every failure to authenticate is ErrAuth, and nothing is logged. A responder that refuses stays silent until
//     Options.HandshakeTime has passed, whatever the reason.
//  4. A node is never connected to itself.
//  5. Frames arrive whole and in order. Their size is checked (1 ≤ size ≤ MaxFrame) before memory is taken for them.
//  6. Every wait is bounded: a handshake by HandshakeTime, a silent peer by IdleTime, a peer that does not read by
//     WriteTime; Close ends all of them at once.
//  7. At most Options.Handshakes handshakes of strangers are pending at a listener, and at most HandshakesPerSource of one
//     source. When all places are taken, the oldest pending handshake makes room.
//  8. Listener.Close returns after everything that the listener started has ended. Connections that Accept has handed
//     out belong to the caller and live on.
//  9. No error of a Conn or of Dial names a peer's address.
//
// # Concurrency
//
// Transports and listeners may be used from several goroutines. Of a Conn, one goroutine may read while another writes and
// any may close it. Read starts no goroutine and neither does Write; quiclink's library has its own for each connection.
//
// # Reading order
//
// SPEC.md, link.go, proof.go, handshake.go, frame.go, acceptor.go, tls.go, then tlstcp.
package link
