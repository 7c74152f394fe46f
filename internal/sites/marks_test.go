package sites

import (
	"errors"
	"testing"
)

func mark(n byte) (m [markSize]byte) {
	m[0] = n
	return m
}

// S7.
func TestMarksAreOfOneEditionAndItsLastAttempts(t *testing.T) {
	b, v := newBook(t)
	create(t, b, "blog")
	if b.Wrote("blog", 0, mark(0)) || b.Wrote("blog", 0) {
		t.Error("it wrote before it did")
	}
	write := func(edition int64, n byte) {
		t.Helper()
		if err := b.Writing("blog", edition, mark(n)); err != nil {
			t.Fatal(err)
		}
	}
	for n := range byte(maxMarks + 1) {
		write(3, n)
		write(3, n) // the same attempt again
	}
	for n, want := range map[byte]bool{0: false, 1: true, maxMarks: true, maxMarks + 1: false} {
		if b.Wrote("blog", 3, mark(n)) != want {
			t.Errorf("attempt %d: it wrote it: %v", n, !want)
		}
	}
	if !b.Wrote("blog", 3, mark(1), mark(2)) || b.Wrote("blog", 3, mark(1), mark(99)) || b.Wrote("blog", 3) {
		t.Error("all marks must be its own, and at least one there")
	}
	if b.Wrote("blog", 2, mark(1)) || b.Wrote("blog", 4, mark(1)) || b.Wrote("other", 3, mark(1)) {
		t.Error("it wrote another edition, or of another site")
	}
	write(4, 7)
	if b.Wrote("blog", 3, mark(1)) || b.Wrote("blog", 4, mark(1)) || !b.Wrote("blog", 4, mark(7)) {
		t.Error("the marks of an edition outlive the next one's")
	}
	for _, raw := range []string{"", "1234567", "12345678", string(make([]byte, 8+markSize-1)), string(make([]byte, 8+(maxMarks+1)*markSize))} {
		if err := v.Put(spaceMarks, []byte("blog"), []byte(raw)); err != nil {
			t.Fatal(err)
		}
		if b.Wrote("blog", 0, mark(0)) {
			t.Errorf("%d bytes that are no marks count", len(raw))
		}
		write(5, 1)
		if !b.Wrote("blog", 5, mark(1)) {
			t.Errorf("%d bytes that are no marks are in the way", len(raw))
		}
	}
	if err := b.Remove("blog"); err != nil {
		t.Fatal(err)
	}
	if b.Wrote("blog", 5, mark(1)) {
		t.Error("marks outlive their site")
	}
	if err := New(&brittle{v, 0}, b.absent).Writing("blog", 0, mark(1)); !errors.Is(err, errBroken) {
		t.Errorf("what could not be noted: %v", err)
	}
}
