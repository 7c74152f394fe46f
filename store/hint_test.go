package store

import (
	"fmt"
	"math"
	"slices"
	"testing"

	"nightjar/keys"
)

// TestHintsDieWithWhatTheyAreOf has every change that moves a block on the disk, and looks whether the hint of before is still given.
func TestHintsDieWithWhatTheyAreOf(t *testing.T) {
	other := func(change func(*Entry)) func(*Ledger, Entry) {
		return func(l *Ledger, e Entry) {
			change(&e)
			l.Set(e)
		}
	}
	for name, change := range map[string]func(*Ledger, Entry){
		"entered again":    other(func(*Entry) {}),
		"another class":    other(func(e *Entry) { e.Class = Sink }),
		"another position": other(func(e *Entry) { e.At++ }),
		"another size":     other(func(e *Entry) { e.Size++ }),
		"removed, entered": func(l *Ledger, e Entry) { l.Remove(e.ID); l.Set(e) },
	} {
		l := NewLedger(math.MaxInt64, 0, rnd(1))
		e := block(1, Cache, 7, 100)
		if !l.Add(e, 5) || l.Add(e, 6) {
			t.Fatalf("%s: Add enters a block once", name)
		}
		if _, hint, ok := l.UseHint(e.ID); !ok || hint != 5 {
			t.Fatalf("%s: hint %d before, want 5", name, hint)
		}
		change(l, e)
		got, hint, ok := l.UseHint(e.ID)
		if !ok || hint != 0 {
			t.Errorf("%s: hint %d after, want none", name, hint)
		}
		old := got
		old.At--
		l.Hint(old, 8) // of a block that is no longer held like that
		if _, hint, _ := l.UseHint(e.ID); hint != 0 {
			t.Errorf("%s: a hint of an earlier entry was taken", name)
		}
		l.Hint(got, 9)
		if _, hint, _ := l.UseHint(e.ID); hint != 9 {
			t.Errorf("%s: hint %d, want 9", name, hint)
		}
	}
}

// TestHintsMoveWithTheirSlots removes blocks, which moves others in their pool.
func TestHintsMoveWithTheirSlots(t *testing.T) {
	l := NewLedger(math.MaxInt64, 0, rnd(1))
	l.Touch(block(0, Sink, 0, 1).ID)
	f := l.Filter()
	l.Expect(1000)
	words := len(*f.words.Load())
	for i := range 1000 {
		l.Touch(block(i, Sink, 0, 1).ID)
		if e := block(i, Class(1+i%2), keys.Location(i), 1); !l.Add(e, uint64(i)+1) || l.Add(e, 0) {
			t.Fatalf("block %d is entered twice or not at all", i)
		}
	}
	if len(*f.words.Load()) != words || words < 1000/blocksPerWord {
		t.Errorf("%d words, %d when 1000 blocks were expected", len(*f.words.Load()), words)
	}
	for i := range 1000 {
		if i%3 == 0 {
			l.Remove(block(i, Sink, 0, 1).ID)
		}
	}
	for i := range 1000 {
		if _, hint, ok := l.UseHint(block(i, Sink, 0, 1).ID); ok != (i%3 != 0) || ok && hint != uint64(i)+1 {
			t.Fatalf("block %d: hint %d, held %v", i, hint, ok)
		}
	}
}

// BenchmarkAdd enters a million blocks as a store does that opens:
//
//	go test -run xxx -bench Add -benchtime 3x ./store
func BenchmarkAdd(b *testing.B) {
	const n, batch = 1_000_000, 512
	src := rnd(2)
	entries := make([]Entry, n)
	for i := range entries {
		entries[i] = block(i, Sink, keys.Location(src.Uint64()), MaxSize)
	}
	for _, touch := range []bool{false, true} {
		b.Run(fmt.Sprintf("touch=%v", touch), func(b *testing.B) {
			for b.Loop() {
				l := NewLedger(math.MaxInt64, 0, rnd(1))
				l.Filter()
				l.Expect(n)
				for part := range slices.Chunk(entries, batch) {
					if touch {
						for i := range part {
							l.Touch(part[i].ID)
						}
					}
					for i := range part {
						l.Add(part[i], 1)
					}
				}
			}
		})
	}
}
