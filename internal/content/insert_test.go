package content

import (
	"bytes"
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"slices"
	"testing"
	"testing/synctest"

	"nightjar/keys"
)

// F6: the same file twice.
func TestInsertsShareNothingUnlessConvergent(t *testing.T) {
	t.Parallel()
	data := noise(16<<20, 1) // with a table that is a stream of its own
	for _, convergent := range []bool{false, true} {
		a, b := newNetwork(), newNetwork()
		ua := put(t, a, data, PutOptions{Convergent: convergent})
		ub := put(t, b, data, PutOptions{Convergent: convergent})
		shared := 0
		for _, id := range a.order {
			if _, ok := b.blocks[id]; ok {
				shared++
			}
		}
		want := 0
		if convergent {
			want = len(a.order)
		}
		if shared != want || (ua == ub) != convergent {
			t.Errorf("convergent=%v: %d of %d blocks shared, same URI: %v", convergent, shared, len(a.order), ua == ub)
		}
		if convergent && !bytes.Equal(get(t, b, ua, GetOptions{}), data) {
			t.Error("a convergent insert does not come back")
		}
	}
}

// Random is the only randomness of an insert.
func TestTheSameRandomnessGivesTheSameInsert(t *testing.T) {
	data := noise(3<<20, 1)
	var orders [2][]keys.ID
	var uris [2]keys.URI
	for i := range orders {
		n := newNetwork()
		uris[i] = put(t, n, data, PutOptions{Random: rand.NewChaCha8([32]byte{5}), Parallel: 1})
		orders[i] = n.order
	}
	if uris[0] != uris[1] || !slices.Equal(orders[0], orders[1]) {
		t.Error("two inserts with the same Random differ")
	}
	failed := errors.New("no entropy")
	if _, err := PutFile(context.Background(), newNetwork(), bytes.NewReader(data), PutOptions{Random: failing{failed}}); !errors.Is(err, failed) {
		t.Errorf("%v, want the random source's error", err)
	}
}

// F7.
func TestBlocksAreInsertedAtRandomAndTheRootLast(t *testing.T) {
	n := newNetwork()
	data := noise(100*keys.DataSize, 1)
	uri := put(t, n, data, PutOptions{Parallel: 1})
	last := n.order[len(n.order)-1]
	if last.Name != uri.Routing || !n.top[last] || len(n.plainBlocks()) != len(n.order)-1 {
		t.Error("the root was not inserted last, alone as a top block")
	}
	_, s := onlySegment(t, n, uri)
	ascending := 0
	for i := 1; i < s.n; i++ {
		if slices.Index(n.order, s.id(i-1)) < slices.Index(n.order, s.id(i)) {
			ascending++
		}
	}
	if ascending < s.n/4 || ascending > 3*s.n/4 {
		t.Errorf("%d of %d neighbours were inserted in order", ascending, s.n)
	}
}

func TestARefusedBlockIsTriedAgainAndThenFailsTheInsert(t *testing.T) {
	full := errors.New("disk full")
	n := newNetwork()
	n.refuse = func(id keys.ID, try int) error {
		if try < maxAttempts && id.Name[0]&1 == 0 {
			return full
		}
		return nil
	}
	data := noise(40*keys.DataSize, 1)
	uri := put(t, n, data, PutOptions{})
	n.refuse = nil
	if !bytes.Equal(get(t, n, uri, GetOptions{}), data) {
		t.Error("what was inserted at the second try does not come back")
	}

	n = newNetwork()
	n.refuse = func(id keys.ID, try int) error {
		if len(n.order) > 20 {
			return full
		}
		return nil
	}
	if _, err := PutFile(context.Background(), n, io.LimitReader(zeros{}, 100<<20), PutOptions{MIME: "image/png"}); !errors.Is(err, full) {
		t.Errorf("%v, want the sink's error", err)
	}
	n = newNetwork()
	n.refuse = func(keys.ID, int) error { return full }
	if _, err := PutFile(context.Background(), n, bytes.NewReader(nil), PutOptions{}); !errors.Is(err, full) {
		t.Errorf("root: %v, want the sink's error", err)
	}
}

func TestAtMostParallelRequestsAreUnderWay(t *testing.T) {
	for _, parallel := range []int{1, 3, 0} {
		limit := parallel
		if limit == 0 {
			limit = defaultInserts
		}
		n := newNetwork()
		data := noise(300*keys.DataSize, 1)
		uri := put(t, n, data, PutOptions{Parallel: parallel})
		if n.most > limit {
			t.Errorf("%d inserts at once, limit %d", n.most, limit)
		}
		for _, order := range []Order{Shuffled, Reading} {
			n.most = 0
			get(t, n, uri, GetOptions{Parallel: parallel, Order: order})
			if n.most > limit {
				t.Errorf("%d fetches at once, limit %d", n.most, limit)
			}
		}
	}
}

// stalled answers no request until its context ends, except for those that pass.
type stalled struct {
	*network
	pass func(keys.ID) bool
}

func (s stalled) Fetch(ctx context.Context, id keys.ID, top bool) (keys.Block, error) {
	if s.pass(id) {
		return s.network.Fetch(ctx, id, top)
	}
	<-ctx.Done()
	return keys.Block{}, ctx.Err()
}

func (s stalled) Insert(ctx context.Context, b keys.Block, top bool) error {
	if s.pass(b.ID()) {
		return s.network.Insert(ctx, b, top)
	}
	<-ctx.Done()
	return ctx.Err()
}

// F8: in a network that answers nothing, and in one that answers everything.
func TestShuffledOrderAsksForLittleMoreThanItNeeds(t *testing.T) {
	t.Parallel()
	n := newNetwork()
	data := noise(320*keys.DataSize, 1)
	uri := put(t, n, data, PutOptions{})
	_, s := onlySegment(t, n, uri)
	n.fetched = nil
	get(t, n, uri, GetOptions{})
	asked := map[keys.ID]bool{}
	for _, id := range n.fetched {
		if asked[id] {
			t.Fatal("a block was asked for twice")
		}
		asked[id] = true
	}
	if got, limit := len(asked)-1, s.k+s.k/extraShare; got < s.k || got > limit {
		t.Errorf("%d requests for %d blocks, limit %d", got, s.k, limit)
	}
	checks := 0
	for i := s.k; i < s.n; i++ {
		if asked[s.id(i)] {
			checks++
		}
	}
	if checks < s.k/4 || checks > 3*s.k/4 {
		t.Errorf("%d of %d requests were for check blocks: not random", checks, len(asked))
	}
}

// F9: all goroutines have ended when a call returns; the bubble fails if any is left or everything hangs.
func TestCancellingEndsEverything(t *testing.T) {
	n := newNetwork()
	data := noise(1200*keys.DataSize+5, 1)
	uri := put(t, n, data, PutOptions{})
	root := keys.ID{Kind: keys.KindData, Name: uri.Routing}
	for name, pass := range map[string]func(keys.ID) bool{
		"at the root":   func(keys.ID) bool { return false },
		"at the blocks": func(id keys.ID) bool { return id == root },
		"half-way":      func(id keys.ID) bool { return id == root || id.Name[0] < 100 },
	} {
		src := stalled{n, pass}
		for _, order := range []Order{Shuffled, Reading} {
			cancelled(t, name+": get", func(ctx context.Context) error {
				obj, err := Open(ctx, src, uri, GetOptions{Order: order})
				if err != nil {
					return err
				}
				return obj.WriteTo(ctx, io.Discard)
			})
		}
		cancelled(t, name+": read", func(ctx context.Context) error {
			obj, err := Open(ctx, src, uri, GetOptions{})
			if err != nil {
				return err
			}
			r := obj.NewReader(ctx)
			defer r.Close()
			_, err = io.Copy(io.Discard, r)
			return err
		})
		cancelled(t, name+": put", func(ctx context.Context) error {
			_, err := PutFile(ctx, stalled{newNetwork(), func(id keys.ID) bool { return pass(id) && id != root }}, bytes.NewReader(data), PutOptions{})
			return err
		})
	}
}

// cancelled runs f in a bubble, cancels it once it can do nothing more, and looks at its error.
func cancelled(t *testing.T, name string, f func(context.Context) error) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(context.Background())
		result := make(chan error, 1)
		go func() { result <- f(ctx) }() // ends when f does; the receive below waits for it
		synctest.Wait()
		select {
		case err := <-result:
			t.Errorf("%s: ended before it was cancelled: %v", name, err)
			cancel()
			return
		default:
		}
		cancel()
		if err := <-result; !errors.Is(err, context.Canceled) {
			t.Errorf("%s: %v, want context.Canceled", name, err)
		}
	})
}

// F9, and what Progress promises.
func TestProgressOnlyGrowsAndEndsComplete(t *testing.T) {
	data := noise(1100*keys.DataSize+5, 1)
	check := func(name string, run func(report func(Progress))) {
		var last Progress
		calls, ended := 0, false
		run(func(p Progress) {
			calls++
			if ended || p.Done < last.Done || p.Need < last.Need || p.Bytes < last.Bytes || p.Size < last.Size {
				t.Errorf("%s: %+v after %+v (ended: %v)", name, p, last, ended)
			}
			last = p
		})
		ended = true
		if last.Done != last.Need || last.Bytes != uint64(len(data)) || last.Size != uint64(len(data)) {
			t.Errorf("%s: ended with %+v", name, last)
		}
		if calls < 1100 {
			t.Errorf("%s: %d calls", name, calls)
		}
	}
	n := newNetwork()
	var uri keys.URI
	check("put", func(report func(Progress)) { uri = put(t, n, data, PutOptions{Progress: report}) })
	n.loseShare(0.1, 1)
	for _, order := range []Order{Shuffled, Reading} {
		check("get", func(report func(Progress)) { get(t, n, uri, GetOptions{Progress: report, Order: order}) })
	}
}

func TestOptionsThatCannotBeAreRefusedBeforeAnythingIsInserted(t *testing.T) {
	chk := keys.URI{Type: keys.USK, Insert: true, Doc: "site", Edition: -1}
	for name, c := range map[string]struct {
		o    PutOptions
		want error
	}{
		"a type that is none":     {PutOptions{MIME: "text"}, ErrBadType},
		"a type with a line feed": {PutOptions{MIME: "text/html\r\nX: y"}, ErrBadType},
		"a name with a slash":     {PutOptions{Name: "a/b"}, ErrBadPath},
		"a name that goes up":     {PutOptions{Name: ".."}, ErrBadPath},
		"the newest edition":      {PutOptions{Target: chk}, keys.ErrBadURI},
		"a request URI":           {PutOptions{Target: keys.URI{Type: keys.SSK, Doc: "a"}}, keys.ErrBadURI},
		"an SSK without document": {PutOptions{Target: keys.URI{Type: keys.SSK, Insert: true}}, keys.ErrBadURI},
	} {
		n := newNetwork()
		if _, err := PutFile(context.Background(), n, failing{io.ErrNoProgress}, c.o); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
		if len(n.order) > 0 {
			t.Errorf("%s: something was inserted", name)
		}
	}
}
