// Package keys says what content is called and when bytes are the block that they claim to be. It holds the four URIs
// (CHK, SSK, USK, KSK), the two kinds of block (data and record), the IDs that name blocks in the network and their
// places on the ring. SPEC.md beside this file is the format, testdata/vectors proves it.
//
// It does not say what is inside a block (internal/content does), where blocks are kept (store) or how they are found
// (routing).
//
// Two languages meet here. People and manifests have a URI, which can read (and, as an insert URI, write). The network
// has an ID, which can only be verified. The way leads from the first to the second, never back:
//
//	URI ── Document ──> Document ── ID ──> ID
//	 │                     └── Open(Block) ──> Record
//	 └─ Author ──> Author ── Seal(doc, Record) ──> Block
//
// # Invariants
//
// Tests cite these by number.
//
//	K1  A Block was verified against its ID, or sealed here, or restored by a store that authenticated it.
//	K2  Verify needs no secret, and has one answer for one (ID, bytes) on every node.
//	K3  One ID, one spelling: no two public keys that differ as bytes are the same key, so no record has two names.
//	K4  ParseURI(u.Encode()) == u for every URI that ParseURI returns; what it returns passes Check.
//	K5  Two records of one author, for different documents, have nothing in common that a storing node can see.
//	K6  A record's size on the wire says only which of three classes its payload fits in.
//	K7  URIs, IDs, blocks, documents and authors print redacted under every verb; Encode is the only way to text.
//	K8  Lengths are checked before anything is allocated by them; no input makes a function of this package panic.
//
// # Concurrency
//
// Everything is a value or a function without state. A Block's bytes are shared and never change.
//
// # Reading order
//
// uri.go, parse.go (text), derive.go (URI to capability), id.go, block.go, record.go.
package keys
