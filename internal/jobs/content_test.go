package jobs

import (
	"bytes"
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"nightjar/internal/content"
	"nightjar/keys"
)

// network keeps blocks in memory; one that is silent never answers.
type network struct {
	mu     sync.Mutex
	blocks map[keys.ID]keys.Block
	silent bool

	obstacle error
	expected uint64 // the most that Expect was told
	open     int    // jobs that it was given to and that have not closed it
	given    int

	broken   error           // if not nil, fetches fail with it
	hold     chan struct{}   // if not nil, inserts wait until it is closed
	inserted map[keys.ID]int // how often
	asked    map[keys.ID]int
}

func (n *network) count() int {
	n.mu.Lock()
	defer n.mu.Unlock()
	return len(n.blocks)
}

// each gives the network to a job.
func (n *network) each() Network {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.open++
	n.given++
	return n
}

func (n *network) Expect(blocks uint64) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.expected = max(n.expected, blocks)
}

func (n *network) Obstacle() error {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.obstacle
}

func (n *network) obstruct(why error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.obstacle = why
}

func (n *network) Close() {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.open--
}

func newNetwork() *network {
	return &network{blocks: map[keys.ID]keys.Block{}, inserted: map[keys.ID]int{}, asked: map[keys.ID]int{}}
}

func (n *network) FetchAt(ctx context.Context, id keys.ID, _ uint8) (keys.Block, error) {
	return n.Fetch(ctx, id, true)
}

func (n *network) Fetch(ctx context.Context, id keys.ID, _ bool) (keys.Block, error) {
	if n.silent {
		<-ctx.Done()
		return keys.Block{}, ctx.Err()
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	n.asked[id]++
	if n.broken != nil {
		return keys.Block{}, n.broken
	}
	if b, ok := n.blocks[id]; ok {
		return b, nil
	}
	return keys.Block{}, content.ErrNotFound
}

func (n *network) Insert(ctx context.Context, b keys.Block, _ bool) error {
	if n.hold != nil {
		select {
		case <-n.hold:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	n.inserted[b.ID()]++
	n.blocks[b.ID()] = b
	return nil
}

// deliverTo writes a file to w.
func deliverTo(w io.Writer) func(context.Context, *content.Object) error {
	return func(ctx context.Context, o *content.Object) error { return o.WriteTo(ctx, w) }
}

func TestPutThenGet(t *testing.T) {
	m := New(Config{Network: newNetwork().each})
	defer m.Close()
	want := bytes.Repeat([]byte("nightjar"), 20_000)
	put, err := m.NewPut(PutSpec{Name: "song.txt"})
	if err != nil {
		t.Fatal(err)
	}
	if err := put.Put(t.Context(), bytes.NewReader(want), func() {}); err != nil {
		t.Fatal(err)
	}
	done := put.Snapshot()
	if done.State != Done || done.URI.Type != keys.CHK || done.Size != uint64(len(want)) {
		t.Errorf("put is %s with a %v of %d bytes", done.State, done.URI.Type, done.Size)
	}
	if p := done.Progress; p.Done == 0 || p.Done != p.Need {
		t.Errorf("put ended with %d of %d blocks", p.Done, p.Need)
	}

	get, err := m.NewGet(GetSpec{URI: done.URI})
	if err != nil {
		t.Fatal(err)
	}
	var got bytes.Buffer
	if err := get.Get(t.Context(), deliverTo(&got), func() {}); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got.Bytes(), want) {
		t.Error("other bytes came back")
	}
	s := get.Snapshot()
	if s.State != Done || s.Folder || s.Size != uint64(len(want)) || s.MIME == "" || s.Progress.Bytes != s.Size {
		t.Errorf("get is %+v", s)
	}
}

func TestGetOfAnUnknownKey(t *testing.T) {
	m := New(Config{Network: newNetwork().each})
	defer m.Close()
	get, err := m.NewGet(GetSpec{URI: keys.URI{Type: keys.CHK}})
	if err != nil {
		t.Fatal(err)
	}
	if err := get.Get(t.Context(), deliverTo(io.Discard), func() {}); !errors.Is(err, content.ErrNotFound) {
		t.Errorf("Get: %v", err)
	}
	wantState(t, get, Failed, content.ErrNotFound)
}

// A network that never answers keeps nobody waiting for longer than FindTimeout, or the job's own timeout.
func TestFindingHasALimit(t *testing.T) {
	for timeout, want := range map[time.Duration]time.Duration{0: time.Minute, time.Hour: time.Hour} {
		synctest.Test(t, func(t *testing.T) {
			m := New(Config{Network: (&network{silent: true}).each, FindTimeout: time.Minute})
			get, err := m.NewGet(GetSpec{URI: keys.URI{Type: keys.CHK}, Timeout: timeout})
			if err != nil {
				t.Fatal(err)
			}
			start := time.Now()
			if err := get.Get(t.Context(), deliverTo(io.Discard), func() {}); !errors.Is(err, ErrTimeout) {
				t.Errorf("Get: %v", err)
			}
			if took := time.Since(start); took != want {
				t.Errorf("timeout %v: it took %v, want %v", timeout, took, want)
			}
			m.Close()
		})
	}
}

// A put whose reader blocks ends when it is cancelled, because interrupt unblocks the reader.
func TestCancelUnblocksTheReader(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := New(Config{Network: newNetwork().each})
		put := newPut(t, m)
		r, w := io.Pipe()
		ended := make(chan error)
		go func() {
			ended <- put.Put(t.Context(), r, func() { w.CloseWithError(errors.New("interrupted")) })
		}()
		w.Write([]byte("the beginning"))
		put.Cancel()
		if err := <-ended; !errors.Is(err, ErrCancelled) {
			t.Errorf("Put: %v", err)
		}
		wantState(t, put, Cancelled, ErrCancelled)
		m.Close()
	})
}

// Invariant 7.
func TestEachJobHasANetworkOfItsOwn(t *testing.T) {
	n := newNetwork()
	m := New(Config{Network: n.each})
	put := newPut(t, m)
	file := make([]byte, 3*keys.DataSize)
	rand.NewChaCha8([32]byte{1}).Read(file) // does not compress
	if err := put.Put(t.Context(), bytes.NewReader(file), func() {}); err != nil {
		t.Fatal(err)
	}
	get, err := m.NewGet(GetSpec{URI: put.Snapshot().URI})
	if err != nil {
		t.Fatal(err)
	}
	if n.given != 1 || n.open != 0 {
		t.Errorf("after one job %d networks were given, and %d are open", n.given, n.open)
	}
	n.expected = 0
	err = get.Get(t.Context(), func(ctx context.Context, o *content.Object) error {
		if n.open != 1 {
			t.Errorf("%d networks are open while the job runs", n.open)
		}
		return o.WriteTo(ctx, io.Discard)
	}, func() {})
	if err != nil {
		t.Fatal(err)
	}
	if n.given != 2 || n.open != 0 || n.expected < 2 {
		t.Errorf("%d networks were given, %d are open, and %d blocks were announced", n.given, n.open, n.expected)
	}
	m.Close()
}

// A job that cannot go on says why while it runs, and when its own time runs out; without one of its own it waits.
func TestAJobSaysWhatItWaitsFor(t *testing.T) {
	why := errors.New("2 more relays are needed")
	for timeout, want := range map[time.Duration]time.Duration{0: time.Hour + time.Minute, 2 * time.Minute: 2 * time.Minute} {
		synctest.Test(t, func(t *testing.T) {
			n := &network{silent: true, obstacle: why}
			m := New(Config{Network: n.each, FindTimeout: time.Minute})
			get, err := m.NewGet(GetSpec{URI: keys.URI{Type: keys.CHK}, Timeout: timeout})
			if err != nil {
				t.Fatal(err)
			}
			ended := make(chan error, 1)
			start := time.Now()
			go func() { ended <- get.Get(t.Context(), deliverTo(io.Discard), func() {}) }()
			synctest.Wait()
			if s := get.Snapshot(); s.State != Running || s.Obstacle != why {
				t.Errorf("the job is %s and waits for %v", s.State, s.Obstacle)
			}
			time.AfterFunc(time.Hour, func() { n.obstruct(nil) })
			err = <-ended
			if took := time.Since(start); took > want || took < want-patienceStep {
				t.Errorf("it took %v, want %v", took, want)
			}
			if said := errors.Is(err, why); !errors.Is(err, ErrTimeout) || said != (timeout > 0) {
				t.Errorf("Get: %v", err)
			}
			if s := get.Snapshot(); s.Obstacle != nil || !errors.Is(s.Err, ErrTimeout) {
				t.Errorf("afterwards it waits for %v and has failed with %v", s.Obstacle, s.Err)
			}
			time.Sleep(time.Hour) // lets the timer end
			m.Close()
		})
	}
}
