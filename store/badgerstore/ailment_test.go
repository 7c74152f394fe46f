//go:build unix

package badgerstore

import (
	"bytes"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"nightjar/store"
	"nightjar/store/storetest"
)

// lines is a log that is written by several goroutines.
type lines struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

// count is how many lines contain a text.
func (l *lines) count(text string) (n int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for line := range strings.Lines(l.b.String()) {
		if strings.Contains(line, text) {
			n++
		}
	}
	return n
}

func logged(t *testing.T, quota int64) (*Store, *lines) {
	t.Helper()
	said := new(lines)
	return mustOpen(t, Config{Dir: t.TempDir(), Quota: quota, Log: slog.New(slog.NewTextHandler(said, nil))}), said
}

// TestAilmentIsSaidOnce: a full disk is told in one line and by Ailment until a block is taken again, which is told in one line too.
func TestAilmentIsSaidOnce(t *testing.T) {
	s, said := logged(t, small)
	if err := putN(s, 1, 0, 5); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		s.space.ask(func(string) (int64, error) { return 0, nil })
		for range 5 {
			if err := putN(s, 1, 100, 101); !errors.Is(err, store.ErrFull) {
				t.Fatal(err)
			}
		}
		if got := s.Ailment(); got != ailFull {
			t.Errorf("on a full disk: %q", got)
		}
		if err := getN(s, 1, 0, 5); err != nil {
			t.Error(err)
		}
		s.space.ask(free)
		if err := putN(s, 1, 100, 101); err != nil {
			t.Fatal(err)
		}
		if got := s.Ailment(); got != "" {
			t.Errorf("once there was room: %q", got)
		}
		if err := s.Put(storetest.Data(1, 100), store.Cache, 0); err != nil {
			t.Fatal(err)
		}
		s.mu.Lock()
		s.ledger.Remove(storetest.Data(1, 100).ID())
		s.mu.Unlock()
	}
	if full, well := said.count(ailFull), said.count("again"); full != 2 || well != 2 {
		t.Errorf("two times on a full disk were told in %d lines, their ends in %d", full, well)
	}
}

// TestSlowDisk: while the writer is held up, reads go on, and puts that it cannot take are refused after a while instead of waiting
// for ever; those that it has taken are kept.
func TestSlowDisk(t *testing.T) {
	s, said := logged(t, small)
	if err := putN(s, 1, 0, 5); err != nil {
		t.Fatal(err)
	}
	s.patience = 20 * time.Millisecond
	held, let := make(chan struct{}), make(chan struct{})
	var once sync.Once
	s.space.ask(func(path string) (int64, error) { // the writer asks before it writes
		once.Do(func() { close(held) })
		<-let
		return free(path)
	})
	first := make(chan error, 1)
	go func() { first <- putN(s, 1, 5, 6) }() // ends with the put
	<-held
	for range 3 {
		if err := putN(s, 1, 6, 7); !errors.Is(err, store.ErrFull) {
			t.Errorf("a put while the disk is busy: %v", err)
		}
	}
	if got := s.Ailment(); got != ailSlow {
		t.Errorf("while the disk is busy: %q", got)
	}
	if err := getN(s, 1, 0, 5); err != nil {
		t.Error(err)
	}
	close(let)
	if err := <-first; err != nil {
		t.Errorf("the put that the disk was busy with: %v", err)
	}
	s.patience = tooSlow
	if err := putN(s, 1, 6, 8); err != nil {
		t.Error(err)
	}
	if got := s.Ailment(); got != "" {
		t.Errorf("when the disk is quick again: %q", got)
	}
	if n := said.count(ailSlow); n != 1 {
		t.Errorf("told in %d lines", n)
	}
}
