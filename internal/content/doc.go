// Package content turns files and folders into blocks and back: it cuts, compresses, codes, seals and names, and writes
// the manifests that say how to undo it. SPEC.md is the format.
//
// It knows the network as a Source of blocks and a Sink for them. It does not route, store, retry for long, cache between
// calls to Open, or touch a disk; whoever fetches a folder decides where its files go. It hides nothing about who asks:
// that is the business of the Source and the Sink.
//
// # Invariants
//
// Tests cite these by number.
//
//	F1  What is read is what was written, whichever blocks the network gives, as long as any k of n of each segment
//	    are left; otherwise reading fails, and says ErrNotFound if that is why.
//	F2  A block rebuilt from others has the name that the manifest gives it: two readers never see different bytes.
//	F3  Nothing read from the network makes this package panic, or allocate or fetch more than limits.go says. What breaks
//	    the format or a limit is ErrMalformed. Sizes are compared with GetOptions.MaxSize before content is fetched.
//	F4  A manifest has one encoding, and one layout follows from a stream's size.
//	F5  An insert holds at most a segment with its check blocks and spareBuffers blocks of content, a fetch two segments;
//	    a table of names (1/500 of the content, at most 36 MiB on each level) and Leopard's work memory come on top.
//	F6  Without Convergent or a common Salt no two inserts share a block; no key ever seals two different plaintexts.
//	F7  Blocks of a segment are inserted in random order, everything that a root or record names before it, and only
//	    roots and records as top blocks.
//	F8  In shuffled order at most k+k/16 requests of a segment are answered or under way at a time, for random blocks.
//	F9  When a call returns, all its goroutines have ended, and Progress is not called again.
//	F10 Seeking makes no request.
//	F11 An insert with a Salt that is done again by the same build, with the same options and bytes, gives the same blocks
//	    and URI, however its blocks were delayed or refused.
//	F12 A folder inserted on a Base inserts nothing that the Base has and that stays where it is.
//	F13 No edition of a site is overwritten; with PutOptions.Check, writing one that is there is ErrConflict and inserts nothing.
//	F14 What a Source holds is not asked for, nor what it makes superfluous.
//	F15 A seek asks for the blocks of the table entries that it needs and for a few of data, each level in one round trip.
//	F16 Who seeks in a compressed stream sees the bytes that who reads it all sees, or one of them sees ErrMalformed.
//	F17 Newest makes at most 16 requests at once and ends only with four absent editions behind the one it returns: three
//	    lost records in a row hide nothing.
//	F18 Keep inserts what is missing, as it was, and top blocks; with a verify capability what it finds. Nothing else.
//	F19 What Heal is given was missing, and is a tenth of that on average.
//	F20 A verify capability opens names alone. Nothing leads from it to a key of the content.
//
// # Concurrency
//
// An Object is safe for concurrent use; a reader is for one goroutine. Two kinds of goroutine exist, both bounded by
// Parallel (plus 8 for each level of tables of names): a fetcher's workers, which end with the stream's reader, and an
// inserter's, which end with the insert; Keep's are of the first kind. A search for editions has up to 16, Follow as many and
// four that wait for a push; they end with the call. The caller's goroutine compresses, codes and decodes; the workers seal and open.
//
// # Reading order
//
// content.go (the seam), memory.go, manifest.go and folder.go (the format), layout.go, limits.go; to insert: put.go, putfolder.go,
// base.go, edition.go, streamwriter.go, redundancy.go, inserter.go, publish.go,
// publishsite.go; to fetch: open.go, object.go, tree.go, blockreader.go, segment.go, fetch.go,
// reader.go, seektable.go, frames.go; usk.go, datehint.go, follow.go; to keep alive: survey.go, keep.go, heal.go, blocklist.go.
package content
