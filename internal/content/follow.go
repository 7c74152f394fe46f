package content

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"time"

	"nightjar/keys"
)

// Awaiter is what a Source may be as well: it knows when a record appears.
type Awaiter interface {
	// Await returns the record named id once somebody inserts it, or it is there already. The error is ctx's, or says that nobody can wait for it.
	Await(ctx context.Context, id keys.ID) (keys.Block, error)
}

const (
	// firstPoll and lastPoll are how long Follow waits between two looks, growing from one to the other. They are also made where the Source is an
	// Awaiter, from lastPoll on: what is pushed may be lost.
	firstPoll = 2 * time.Second
	lastPoll  = 5 * time.Minute
	// maxFailures is how often in a row Follow may be told that nobody can look.
	maxFailures = 3
)

// Follow returns when the site that uri names has an edition newer than uri.Edition, with the URI of that which was pushed or of the newest that was
// found, path included; a negative edition asks for any as new as it says, see SPEC §2.3. It waits for a push if src is an Awaiter, and looks now and then in any
// case. It ends with ctx, or when nobody could look three times in a row.
func Follow(ctx context.Context, src Source, uri keys.URI) (keys.URI, error) {
	uri, err := site(uri)
	if err != nil {
		return keys.URI{}, err
	}
	if uri.Edition == math.MaxInt64 {
		return keys.URI{}, fmt.Errorf("%w: there is no later edition", keys.ErrBadURI)
	}
	w := &following{src: src, uri: uri, next: uri.Edition + 1}
	if uri.Edition < 0 {
		w.next = -(uri.Edition + 1)
	}
	return w.run(ctx)
}

// following waits for one edition of a site, or one soon after it.
type following struct {
	src  Source
	uri  keys.URI
	next int64
}

func (w *following) run(ctx context.Context) (keys.URI, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	pause := firstPoll
	arrived, waiting := w.await(ctx)
	defer waiting() // after cancel has ended them
	defer cancel()
	failures := 0
	for {
		found, err := w.look(ctx)
		switch {
		case err == nil:
			return found, nil
		case ctx.Err() != nil:
			return keys.URI{}, ctx.Err()
		case absent(err):
			failures = 0
		default:
			if failures++; failures == maxFailures {
				return keys.URI{}, err
			}
		}
		if arrived != nil {
			pause = lastPoll
		}
		// Not all who wait for a site look at the same moments.
		timer := time.NewTimer(pause/2 + rand.N(pause))
		select {
		case <-timer.C:
		case e := <-arrived:
			if e != noGuess {
				timer.Stop()
				w.uri.Edition = e
				return w.uri, nil
			}
			arrived, pause = nil, firstPoll // nobody can wait
		case <-ctx.Done():
		}
		timer.Stop()
		pause = min(pause*3/2, lastPoll)
	}
}

// look asks for the editions that are waited for, and if there is one for the newest.
func (w *following) look(ctx context.Context) (keys.URI, error) {
	return Newest(ctx, w.src, w.uri, w.next)
}

// await waits for the next editions at once: one may be lost. What it returns gives the one that was pushed, or noGuess if none can be, and is nil if src is no
// Awaiter; wait returns when all who wait have ended, which they do with ctx.
func (w *following) await(ctx context.Context) (arrived <-chan int64, wait func()) {
	a, ok := w.src.(Awaiter)
	if !ok {
		return nil, func() {}
	}
	pushed, ended := make(chan int64, lookAhead), make(chan struct{}, lookAhead)
	started := 0
	for i := range int64(lookAhead) {
		if w.next > math.MaxInt64-i {
			break
		}
		u := w.uri
		u.Edition = w.next + i
		doc, err := u.Document()
		if err != nil {
			break // Newest says why
		}
		id := doc.ID()
		doc.Wipe()
		started++
		// Ends with ctx, at the latest when Follow returns.
		go func() {
			defer func() { ended <- struct{}{} }()
			if b, err := a.Await(ctx, id); err != nil || b.ID() != id {
				pushed <- noGuess // it has room for one from each
				return
			}
			pushed <- u.Edition
		}()
	}
	return pushed, func() {
		for range started {
			<-ended
		}
	}
}
