// Package sites keeps the identities of the sites that the local user publishes: for each one the key that writes it, the newest
// edition that was published from here, and what that edition holds, so that the next one inserts only what has changed.
//
// It publishes nothing itself: internal/jobs inserts, content decides what is new. Where the identities are kept is the caller's
// business (store/vault in the daemon); they leave it only sealed under a passphrase (Seal, Unseal), or to the job that publishes.
//
// # Invariants
//
// Tests cite these by number.
//
//	S1  A key that was given out once is kept until Remove: no operation replaces a site's identity.
//	S2  Editions only grow, and Published never takes the memory of a newer edition back.
//	S3  What Unseal accepts was made by Seal under that passphrase; anything else is ErrSealed, and costs no more than
//	    crypto.Effort's bounds.
//	S4  A site that cannot be read (damaged, of a later version) does not hide the others.
//	S5  Sites print redacted; keys leave in Seal and in Site.Insert alone.
//	S6  What is remembered of an edition is never newer than the edition that is known, wherever Published is broken off.
//	S7  Wrote is true for what Writing was told, of the last edition and its last four attempts, and for nothing else.
//
// # Concurrency
//
// A Book is safe for concurrent use.
//
// Read book.go, marks.go, then seal.go. SPEC.md is the format of both.
package sites
