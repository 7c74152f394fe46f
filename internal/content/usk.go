package content

import (
	"context"
	"errors"
	"fmt"
	"math"
	"time"

	"nightjar/keys"
)

const (
	// lookAhead is how many editions in a row must be missing before a site is taken to end: one lost record must not
	// hide all later ones.
	lookAhead = 4
	// probesAtOnce bounds the requests of one round of a search.
	probesAtOnce = 16
	// maxRounds bounds a search. Ten thousand editions take six rounds, 2⁴⁰ seventeen; only an author who leaves gaps on purpose
	// can make it longer, and then a reader has what was found until then.
	maxRounds = 64
	// noGuess is less than any edition.
	noGuess = -1
)

// errNoSite reports a URI that is no USK.
var errNoSite = fmt.Errorf("%w: only a USK has editions", keys.ErrBadURI)

// Newest finds the newest edition of the site that uri, a USK of any edition, names, and returns its request URI, path included.
// hint is the newest edition that the caller knows of; older ones are not looked for. ErrNotFound says that there is none from hint on.
func Newest(ctx context.Context, src Source, uri keys.URI, hint int64) (keys.URI, error) {
	uri, err := site(uri)
	if err != nil {
		return keys.URI{}, err
	}
	uri.Edition = -1 - max(0, hint)
	uri, _, err = (&finder{src: src, meter: new(meter)}).newest(ctx, uri)
	return uri, err
}

// site checks that a URI is a USK and makes it a request URI.
func site(uri keys.URI) (keys.URI, error) {
	if uri.Type != keys.USK {
		return keys.URI{}, errNoSite
	}
	return uri.Public()
}

// newest finds the newest edition of a site at or above the one that the negative edition of uri names (-5: from 4 on,
// so that -1 finds a site that has only edition 0). See SPEC §2.3.
func (f *finder) newest(ctx context.Context, uri keys.URI) (keys.URI, keys.Block, error) {
	from := -(uri.Edition + 1) // cannot overflow
	s := newSearch(from)
	s.fetch = func(ctx context.Context, e int64) (keys.Block, error) {
		u := uri
		u.Edition = e
		return f.fetchRecord(ctx, u)
	}
	for _, u := range f.hintDocuments(uri) {
		s.hints = append(s.hints, func(ctx context.Context) int64 { return f.hint(ctx, u) })
	}
	if err := s.run(ctx); err != nil {
		return uri, keys.Block{}, err
	}
	if s.newest.block.IsZero() {
		return uri, keys.Block{}, ErrNotFound
	}
	uri.Edition = s.newest.edition
	return uri, s.newest.block, nil
}

// edition is a record that was found, or nothing.
type edition struct {
	edition int64
	block   keys.Block
}

// search looks for the newest edition, in rounds of requests at once. What is absent only says where to look next: all
// that ends a search is that lookAhead editions in a row behind the newest found are absent.
type search struct {
	fetch func(ctx context.Context, edition int64) (keys.Block, error)
	hints []func(context.Context) int64 // date hints that were not asked for

	from   int64
	newest edition        // found; before anything is, the one before the first that is looked for
	guess  int64          // what the date hints say, if it is more
	absent map[int64]bool // asked for and not there
	rounds int
}

func newSearch(from int64) *search {
	return &search{from: from, guess: noGuess, newest: edition{edition: from - 1}, absent: map[int64]bool{}}
}

func (s *search) run(ctx context.Context) error {
	// Most readers know the newest edition: then one round of a few requests is all.
	hints := s.hints
	s.hints = nil
	err := s.round(ctx, s.behind(s.newest.edition, lookAhead+1))
	if err != nil || s.ended() && !s.newest.block.IsZero() {
		return err
	}
	s.hints = hints
	for s.rounds < maxRounds {
		if err := s.round(ctx, s.probes(probesAtOnce-len(s.hints))); err != nil {
			return err
		}
		if s.ended() {
			return nil
		}
	}
	return nil
}

// behind lists the count editions behind e that were not asked for.
func (s *search) behind(e int64, count int) (list []int64) {
	for range count {
		if e == math.MaxInt64 {
			break
		}
		if e++; !s.absent[e] {
			list = append(list, e)
		}
	}
	return list
}

// ended reports whether there is nothing more to ask for.
func (s *search) ended() bool {
	return s.guess <= s.newest.edition && len(s.behind(s.newest.edition, lookAhead)) == 0
}

// probes says which editions, at most limit, to ask for: those right behind the newest found and those from the guess on; and with what is
// left of the limit, farther and farther beyond the newest, or evenly between it and the first that is absent.
func (s *search) probes(limit int) []int64 {
	newest := s.newest.edition
	list := s.behind(newest, lookAhead)
	if s.guess > newest {
		list = append(list, s.behind(max(s.guess-1, newest+lookAhead), lookAhead+1)...)
	}
	end := int64(math.MaxInt64)
	for e := range s.absent {
		if e > newest {
			end = min(end, e)
		}
	}
	count := int64(limit - len(list))
	gap := end - max(newest, 0)
	stride := max(lookAhead, newest-s.from) // a site that has come far since may have come as far again
	for i := int64(1); i <= count; i++ {
		at := int64(0)
		switch {
		case end != math.MaxInt64 || stride > (math.MaxInt64-max(newest, 0))>>1:
			step := float64(gap) / float64(count+1) // a product of integers might overflow
			at = newest + int64(step*float64(i))
		case stride <= (math.MaxInt64-max(newest, 0))>>i:
			at = newest + stride<<i
		}
		if at > newest+lookAhead && at < end && (len(list) == 0 || at > list[len(list)-1]) {
			list = append(list, at)
		}
	}
	return list
}

// round asks for editions and the date hints at once, and waits for all.
func (s *search) round(ctx context.Context, editions []int64) error {
	hints := s.hints
	s.hints = nil
	s.rounds++
	answers, guesses := make(chan answer, len(editions)), make(chan int64, len(hints))
	for _, e := range editions {
		// Ends with its one request, which ctx bounds; the loops below wait for all.
		go func() {
			b, err := s.fetch(ctx, e)
			answers <- answer{edition{e, b}, err}
		}()
	}
	for _, hint := range hints {
		// As above.
		go func() { guesses <- hint(ctx) }()
	}
	found, failure := false, error(nil)
	for range editions {
		a := <-answers
		switch {
		case a.err == nil:
			found = true
			if s.newest.block.IsZero() || a.edition.edition > s.newest.edition {
				s.newest = a.edition
			}
		case absent(a.err):
			s.absent[a.edition.edition] = true
		default:
			failure = a.err
		}
	}
	if s.absent[s.guess] {
		s.guess = noGuess // it was followed
	}
	for range hints {
		s.guess = max(s.guess, <-guesses)
	}
	if found || ctx.Err() == nil && s.guess > s.newest.edition {
		return nil
	}
	return failure
}

// answer is what became of one request for an edition.
type answer struct {
	edition
	err error
}

// absent reports whether err says that a record does not exist, as opposed to that nobody could look.
func absent(err error) bool { return errors.Is(err, ErrNotFound) }

// now is the time, for date hints.
func (f *finder) now() time.Time {
	if f.opts.Now != nil {
		return f.opts.Now()
	}
	return time.Now()
}
