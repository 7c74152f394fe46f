package content

import (
	"context"
	"math"

	"nightjar/keys"
)

const (
	// lookAhead is how many editions in a row must be missing before a site is taken to end: one lost record must not
	// hide all later ones.
	lookAhead = 4
	// maxStride bounds how far galloping looks ahead in one go.
	maxStride = 1 << 20
)

// newest finds the newest edition of a site at or above the one that the negative edition of uri names (-5: from 4 on,
// so that -1 finds a site that has only edition 0). It gallops: while editions are found it looks twice as far ahead, then
// it halves the gap. Records are cheap and editions are few; following a site without asking is the business of leases.
func (f *finder) newest(ctx context.Context, uri keys.URI) (keys.URI, keys.Block, error) {
	from := -(uri.Edition + 1) // cannot overflow
	found, err := f.probe(ctx, uri, from)
	if err != nil {
		return uri, keys.Block{}, err
	}
	if found.block.IsZero() {
		return uri, keys.Block{}, ErrNotFound
	}
	for stride := int64(lookAhead); ; {
		next, err := f.probe(ctx, uri, found.edition+stride-lookAhead+1)
		switch {
		case err != nil:
			return uri, keys.Block{}, err
		case !next.block.IsZero():
			found = next
			stride = min(2*stride, maxStride)
		case stride > lookAhead:
			stride = max(lookAhead, stride/2)
		default:
			uri.Edition = found.edition
			return uri, found.block, nil
		}
	}
}

// edition is a record that was found, or nothing.
type edition struct {
	edition int64
	block   keys.Block
}

// probe asks for lookAhead editions from one on at once and returns the newest that exists.
func (f *finder) probe(ctx context.Context, uri keys.URI, from int64) (edition, error) {
	if from < 0 || from > math.MaxInt64-lookAhead {
		return edition{}, nil
	}
	type answer struct {
		edition
		err error
	}
	answers := make(chan answer, lookAhead)
	for i := range int64(lookAhead) {
		u := uri
		u.Edition = from + i
		// Ends with its one request, which ctx bounds; the loop below waits for all.
		go func() {
			b, err := f.fetchRecord(ctx, u)
			answers <- answer{edition{u.Edition, b}, err}
		}()
	}
	var newest edition
	var failure error
	for range lookAhead {
		a := <-answers
		switch {
		case a.err == nil && (newest.block.IsZero() || a.edition.edition > newest.edition):
			newest = a.edition
		case a.err != nil && !absent(a.err):
			failure = a.err
		}
	}
	if !newest.block.IsZero() {
		failure = nil
	}
	return newest, failure
}
