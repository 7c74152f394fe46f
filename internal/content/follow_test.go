package content

import (
	"context"
	"errors"
	"fmt"
	"math"
	"testing"
	"testing/synctest"
	"time"

	"nightjar/keys"
)

// pushing is a Source that is an Awaiter: who waits for a record is told when it is inserted.
type pushing struct {
	*network
	waiting map[keys.ID][]chan keys.Block
	refuse  error
}

func newPushing() *pushing {
	return &pushing{network: newNetwork(), waiting: map[keys.ID][]chan keys.Block{}}
}

func (p *pushing) Await(ctx context.Context, id keys.ID) (keys.Block, error) {
	if p.refuse != nil {
		return keys.Block{}, p.refuse
	}
	c := make(chan keys.Block, 1)
	p.mu.Lock()
	p.waiting[id] = append(p.waiting[id], c)
	p.mu.Unlock()
	select {
	case b := <-c:
		return b, nil
	case <-ctx.Done():
		return keys.Block{}, ctx.Err()
	}
}

func (p *pushing) Insert(ctx context.Context, b keys.Block, top bool) error {
	err := p.network.Insert(ctx, b, top)
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, c := range p.waiting[b.ID()] {
		c <- b
	}
	delete(p.waiting, b.ID())
	return err
}

// followed is what Follow returned, and when.
type followed struct {
	uri  keys.URI
	err  error
	took time.Duration
}

// follow begins to follow a site, and returns once all that can happen without time has happened.
func follow(ctx context.Context, src Source, uri keys.URI) <-chan followed {
	result := make(chan followed, 1)
	begin := time.Now()
	go func() { // ends with Follow, which ctx bounds
		u, err := Follow(ctx, src, uri)
		result <- followed{u, err, time.Since(begin)}
	}()
	synctest.Wait()
	return result
}

// A pushed edition is known at once, the second or fourth after the known one as well; without push it is found by looking.
func TestFollowLearnsOfANewEdition(t *testing.T) {
	for name, c := range map[string]struct {
		src   func() (Source, *network, Sink)
		after time.Duration // it is inserted
		e     int64
		most  time.Duration // from then on
	}{
		"push":            {func() (Source, *network, Sink) { p := newPushing(); return p, p.network, p }, time.Hour, 6, 0},
		"push of a later": {func() (Source, *network, Sink) { p := newPushing(); return p, p.network, p }, time.Hour, 9, 0},
		"push is lost":    {func() (Source, *network, Sink) { p := newPushing(); return p, p.network, p.network }, time.Hour, 6, 3 * lastPoll / 2},
		"nobody can wait": {func() (Source, *network, Sink) {
			p := newPushing()
			p.refuse = errors.New("no lease")
			return p, p.network, p
		}, time.Second, 6, 2 * firstPoll},
		"polling":           {func() (Source, *network, Sink) { n := newNetwork(); return n, n, n }, time.Second, 6, 2 * firstPoll},
		"polling for hours": {func() (Source, *network, Sink) { n := newNetwork(); return n, n, n }, time.Hour, 7, 3 * lastPoll / 2},
	} {
		synctest.Test(t, func(t *testing.T) {
			src, n, dst := c.src()
			uri := publishSite(t, n, "site", 0, 1, 5)
			uri.Edition, uri.Path = 5, "page"
			result := follow(t.Context(), src, uri)
			time.Sleep(c.after)
			target := author(keys.USK, "site")
			target.Edition = c.e
			put(t, dst, fmt.Append(nil, c.e), PutOptions{Target: target})
			got := <-result
			if got.err != nil || got.uri.Edition != c.e || got.uri.Path != "page" {
				t.Errorf("%s: edition %d, %v", name, got.uri.Edition, got.err)
			}
			if late := got.took - c.after; late < 0 || late > c.most {
				t.Errorf("%s: known after %v, limit %v", name, late, c.most)
			}
		})
	}
}

// What is there already is not waited for; and the newest of it is what is returned.
func TestFollowReturnsWhatIsThere(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, known := range []int64{3, 0, -1, -5} {
			p := newPushing()
			uri := publishSite(t, p.network, "site", 0, 1, 2, 3, 4, 5)
			uri.Edition = known
			if got := <-follow(t.Context(), p, uri); got.err != nil || got.uri.Edition != 5 || got.took != 0 {
				t.Errorf("from %d: edition %d after %v, %v", known, got.uri.Edition, got.took, got.err)
			}
		}
	})
}

// It looks less and less often, ends with its context, and says so if nobody can look.
func TestFollowEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNetwork()
		uri := publishSite(t, n, "site", 0)
		uri.Edition = 0
		day := sized(24*time.Hour, 6*time.Hour)
		ctx, cancel := context.WithTimeout(t.Context(), day)
		defer cancel()
		if got := <-follow(ctx, n, uri); !errors.Is(got.err, context.DeadlineExceeded) {
			t.Errorf("%v, want the deadline", got.err)
		}
		looks := len(n.fetched) / (lookAhead + 1)
		if about := int(day / lastPoll); looks < about/2 || looks > 5*about {
			t.Errorf("%d looks in %v", looks, day)
		}
		broken := errors.New("no circuit")
		n.lose = func(keys.ID) error { return broken }
		if got := <-follow(t.Context(), n, uri); !errors.Is(got.err, broken) || got.took > 4*firstPoll*2 {
			t.Errorf("%v after %v, want what the source says", got.err, got.took)
		}
		uri.Edition = math.MaxInt64
		if got := <-follow(t.Context(), n, uri); !errors.Is(got.err, keys.ErrBadURI) {
			t.Errorf("after the last edition: %v", got.err)
		}
		if got := <-follow(t.Context(), n, author(keys.KSK, "word")); !errors.Is(got.err, keys.ErrBadURI) {
			t.Errorf("a word has no editions: %v", got.err)
		}
	})
}
