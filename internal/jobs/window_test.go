package jobs

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

// Invariant 11: jobs that want all there is get it by their weights, and one alone gets all.
func TestWindowIsSharedByWeight(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWindow(26)
		ctx, stop := context.WithCancel(t.Context())
		defer stop()
		shares := map[string]*share{"alone": w.join(Low)}
		most := 0
		run := func(s *share) {
			for range 40 {
				go func() {
					for s.acquire(ctx) == nil {
						w.mu.Lock()
						sum := 0
						for _, o := range w.all {
							sum += o.inflight
						}
						most = max(most, sum)
						w.mu.Unlock()
						time.Sleep(time.Second)
						s.release()
					}
				}()
			}
		}
		flying := func(s *share) int {
			w.mu.Lock()
			defer w.mu.Unlock()
			return s.inflight
		}
		run(shares["alone"])
		synctest.Wait()
		if n := flying(shares["alone"]); n != 26 {
			t.Errorf("one alone has %d of 26", n)
		}
		shares["normal"], shares["high"] = w.join(Normal), w.join(High)
		run(shares["normal"])
		run(shares["high"])
		time.Sleep(10 * time.Second)
		synctest.Wait()
		for name, want := range map[string]int{"alone": 2, "normal": 6, "high": 18} {
			if n := flying(shares[name]); n < want-1 || n > want+1 {
				t.Errorf("%s has %d of 26, want about %d", name, n, want)
			}
		}
		shares["alone"].prioritise(High)
		shares["high"].prioritise(Low)
		time.Sleep(10 * time.Second)
		synctest.Wait()
		if a, h := flying(shares["alone"]), flying(shares["high"]); a < 17 || h > 3 {
			t.Errorf("after their priorities changed they have %d and %d", a, h)
		}
		if most > 26 {
			t.Errorf("%d were in flight", most)
		}
		stop()
		time.Sleep(2 * time.Second)
		synctest.Wait()
		for _, s := range shares {
			if s.inflight != 0 || len(s.waiting) != 0 {
				t.Errorf("%d in flight and %d waiting at the end", s.inflight, len(s.waiting))
			}
			s.leave()
		}
	})
}

// Who gives up while its turn comes gives the place on.
func TestWindowLosesNoPlace(t *testing.T) {
	w := newWindow(1)
	a, b := w.join(Normal), w.join(Normal)
	if err := a.acquire(t.Context()); err != nil {
		t.Fatal(err)
	}
	why := errors.New("enough")
	for range 100 {
		ctx, cancel := context.WithCancelCause(t.Context())
		got := make(chan error)
		go func() { got <- b.acquire(ctx) }()
		go cancel(why)
		a.release()
		if err := <-got; err == nil {
			b.release()
		} else if err != why {
			t.Fatal(err)
		}
		if err := a.acquire(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	a.release()
	if w.free != 1 || a.inflight != 0 || b.inflight != 0 {
		t.Errorf("%d free, %d and %d in flight", w.free, a.inflight, b.inflight)
	}
}
