//go:build !race

package content

import (
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"runtime/metrics"
	"sync"
	"testing"

	"nightjar/crypto/erasure"
	"nightjar/keys"
)

// disk stands for the network and keeps blocks in a file, so that only what this package holds is in memory. It watches
// the peak of the live heap.
type disk struct {
	mu    sync.Mutex
	f     *os.File
	at    map[keys.ID]int64
	calls int
	peak  uint64
}

func newDisk(t *testing.T) *disk {
	f, err := os.Create(filepath.Join(t.TempDir(), "blocks"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return &disk{f: f, at: map[keys.ID]int64{}}
}

func (d *disk) Insert(_ context.Context, b keys.Block, _ bool) error {
	d.mu.Lock()
	at := int64(len(d.at)) * keys.DataSize
	d.at[b.ID()] = at
	d.mu.Unlock()
	d.watch()
	_, err := d.f.WriteAt(b.Data(), at)
	return err
}

func (d *disk) Fetch(_ context.Context, id keys.ID, _ bool) (keys.Block, error) {
	d.watch()
	d.mu.Lock()
	at, ok := d.at[id]
	d.mu.Unlock()
	if !ok {
		return keys.Block{}, ErrNotFound
	}
	data := make([]byte, keys.DataSize)
	if _, err := d.f.ReadAt(data, at); err != nil {
		return keys.Block{}, err
	}
	return keys.Verify(id, data)
}

// watch notes what was live after the last garbage collection.
func (d *disk) watch() {
	sample := []metrics.Sample{{Name: "/gc/heap/live:bytes"}}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.calls++; d.calls%256 == 0 {
		metrics.Read(sample)
		d.peak = max(d.peak, sample[0].Value.Uint64())
	}
}

// F5: memory does not grow with the file. 160 MiB are two and a half times what may be held.
func TestMemoryIsBoundedWhateverTheSize(t *testing.T) {
	const size = 160 << 20
	if _, err := erasure.New(maxData, 2*maxData); err != nil { // the library's tables are not ours to bound
		t.Fatal(err)
	}
	d := newDisk(t)
	measure := func(what string, blocks int, run func()) {
		runtime.GC()
		before := []metrics.Sample{{Name: "/gc/heap/live:bytes"}}
		metrics.Read(before)
		d.peak = 0
		run()
		// Blocks in flight, and Leopard's work memory and spare shards.
		limit := uint64(blocks)*keys.DataSize + 24<<20
		if got := d.peak - min(d.peak, before[0].Value.Uint64()); got > limit {
			t.Errorf("%s holds %d MiB, limit %d MiB", what, got>>20, limit>>20)
		} else {
			t.Logf("%s holds %d MiB, limit %d MiB", what, got>>20, limit>>20)
		}
	}
	var uri keys.URI
	in := sha256.New()
	measure("an insert", 2*maxData+spareBuffers+2*defaultInserts, func() {
		r := io.TeeReader(io.LimitReader(rand.NewChaCha8([32]byte{1}), size), in)
		var err error
		if uri, err = PutFile(context.Background(), d, r, PutOptions{}); err != nil {
			t.Fatal(err)
		}
	})
	for _, order := range []Order{Shuffled, Reading} {
		out := sha256.New()
		measure(fmt.Sprintf("a fetch in order %d", order), 2*maxData+2*defaultParallel, func() {
			obj, err := Open(context.Background(), d, uri, GetOptions{Order: order})
			if err != nil {
				t.Fatal(err)
			}
			if err := obj.WriteTo(context.Background(), out); err != nil {
				t.Fatal(err)
			}
		})
		if string(out.Sum(nil)) != string(in.Sum(nil)) {
			t.Fatal("other bytes came back")
		}
	}
}
