package jobs

import (
	"bytes"
	"context"
	"errors"
	"io"
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
}

func newNetwork() *network { return &network{blocks: map[keys.ID]keys.Block{}} }

func (n *network) Fetch(ctx context.Context, id keys.ID, _ bool) (keys.Block, error) {
	if n.silent {
		<-ctx.Done()
		return keys.Block{}, ctx.Err()
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	if b, ok := n.blocks[id]; ok {
		return b, nil
	}
	return keys.Block{}, content.ErrNotFound
}

func (n *network) Insert(_ context.Context, b keys.Block, _ bool) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.blocks[b.ID()] = b
	return nil
}

// deliverTo writes a file to w.
func deliverTo(w io.Writer) func(context.Context, *content.Object) error {
	return func(ctx context.Context, o *content.Object) error { return o.WriteTo(ctx, w) }
}

func TestPutThenGet(t *testing.T) {
	m := New(Config{Network: newNetwork()})
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
	m := New(Config{Network: newNetwork()})
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
			m := New(Config{Network: &network{silent: true}, FindTimeout: time.Minute})
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
		m := New(Config{Network: newNetwork()})
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
