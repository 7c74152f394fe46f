package store

import (
	"math"
	"sync"
	"testing"

	"pgregory.net/rapid"

	"nightjar/keys"
)

// TestFilterNeverMissesWhatIsHeld runs random operations, among them changes of class, and asks for everything that is held.
func TestFilterNeverMissesWhatIsHeld(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		l := NewLedger(math.MaxInt64, 0, rnd(rapid.Uint64().Draw(t, "seed")))
		src := rnd(rapid.Uint64().Draw(t, "blocks"))
		model := map[keys.ID]bool{}
		operations, made := rapid.IntRange(0, 3000).Draw(t, "operations"), rapid.IntRange(0, 3000).Draw(t, "made")
		for i := range operations {
			if i == made { // what was there before is counted at once, what follows one by one
				l.Filter()
			}
			e := block(src.IntN(1000), Class(1+src.IntN(2)), 0, 1)
			if src.IntN(3) == 0 {
				l.Remove(e.ID)
				delete(model, e.ID)
			} else {
				l.Set(e)
				model[e.ID] = true
			}
		}
		f := l.Filter()
		for id := range model {
			if f.Absent(id) {
				t.Fatal("a block that is held is called absent")
			}
		}
		for id := range model {
			l.Remove(id)
		}
		for n := range 1000 {
			if !f.Absent(block(n, Sink, 0, 1).ID) {
				t.Fatal("a block is counted after all have gone")
			}
		}
	})
}

// TestFilterSparesLookups holds it to its promise at its fullest and its emptiest.
func TestFilterSparesLookups(t *testing.T) {
	for _, n := range []int{minWords * 256 * blocksPerWord, minWords*256*blocksPerWord + 1} {
		l := NewLedger(math.MaxInt64, 0, rnd(1))
		f := l.Filter()
		for i := range n {
			l.Set(block(i, Sink, 0, 1))
		}
		passed := 0
		const asked = 20_000
		for i := range asked {
			if !f.Absent(block(1<<40+i, Sink, 0, 1).ID) {
				passed++
			}
		}
		part := float64(passed) / asked
		t.Logf("%d blocks, %d words: %.1f %% pass", n, len(*f.words.Load()), 100*part)
		if part > 0.2 {
			t.Errorf("%d of %d blocks that are not held pass", passed, asked)
		}
	}
}

// TestFilterCountersStick fills one counter beyond what it can count.
func TestFilterCountersStick(t *testing.T) {
	l := NewLedger(math.MaxInt64, 0, rnd(1))
	f := l.Filter()
	id := block(1, Sink, 0, 1).ID
	for range 2 * counterMax {
		f.count(&id)
	}
	f.n = 2 * counterMax
	for range 2*counterMax - 1 {
		f.drop(&id)
	}
	if f.Absent(id) {
		t.Error("a counter that was full went down to 0 with one block left")
	}
}

// TestFilterWhileTheBooksChange has a block change its class again and again, and the filter grow, while others ask.
func TestFilterWhileTheBooksChange(t *testing.T) {
	l := NewLedger(math.MaxInt64, 0, rnd(1))
	f := l.Filter()
	held := block(0, Sink, 0, 1)
	l.Set(held)
	stop := make(chan struct{})
	var wg sync.WaitGroup
	for range 2 {
		wg.Go(func() { // ends with stop
			for {
				if f.Absent(held.ID) {
					t.Error("a block that is held is called absent")
					return
				}
				select {
				case <-stop:
					return
				default:
				}
			}
		})
	}
	for i := range 20_000 {
		held.Class = Class(1 + i%2)
		l.Set(held)
		l.Set(block(1+i, Cache, 0, 1))
	}
	close(stop)
	wg.Wait()
}

func BenchmarkAbsent(b *testing.B) {
	const n = 1 << 20
	l := NewLedger(math.MaxInt64, 0, rnd(1))
	f := l.Filter()
	for i := range n {
		l.Set(block(i, Sink, 0, 1))
	}
	i := 0
	for b.Loop() {
		f.Absent(block(1<<40+i, Sink, 0, 1).ID)
		i++
	}
}
