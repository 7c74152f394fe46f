//go:build !race

package content

import (
	"context"
	"encoding/binary"
	"flag"
	"io"
	"runtime"
	"runtime/metrics"
	"sync/atomic"
	"testing"

	"nightjar/crypto/erasure"
	"nightjar/keys"
)

// large is how much TestAnInsertOfAnySizeHoldsTwoSegments inserts:
//
//	go test ./internal/content -run AnySize -v -args -large 10240
var large = flag.Int("large", 80, "MiB of a large insert")

// generated is content of any size, which costs next to nothing to make: the same 64 KiB, numbered.
type generated struct {
	left  int64
	text  bool
	no    uint64
	chunk [64 << 10]byte
	rest  []byte
}

func newGenerated(size int64, text bool) *generated {
	g := &generated{left: size, text: text}
	copy(g.chunk[:], noise(len(g.chunk), 1))
	if text {
		copy(g.chunk[:], words(len(g.chunk), 1))
	}
	return g
}

func (g *generated) Read(p []byte) (int, error) {
	if g.left == 0 {
		return 0, io.EOF
	}
	if len(g.rest) == 0 {
		g.no++
		binary.BigEndian.PutUint64(g.chunk[:], g.no)
		g.rest = g.chunk[:]
	}
	n := copy(p[:min(int64(len(p)), g.left)], g.rest)
	g.rest = g.rest[n:]
	g.left -= int64(n)
	return n, nil
}

// watching is Nowhere, and notes the peak of what was live.
type watching struct {
	calls, peak atomic.Uint64
}

func (w *watching) Insert(ctx context.Context, _ keys.Block, _ bool) error {
	if w.calls.Add(1)%128 == 0 {
		w.peak.Store(max(w.peak.Load(), live()))
	}
	return ctx.Err()
}

// live is what the last garbage collection found in use.
func live() uint64 {
	sample := []metrics.Sample{{Name: "/gc/heap/live:bytes"}}
	metrics.Read(sample)
	return sample[0].Value.Uint64()
}

// F5: whatever the size, an insert holds a segment with its check blocks and a little of the next, and its table of names
// as far as that is not in a segment yet.
func TestAnInsertOfAnySizeHoldsTwoSegments(t *testing.T) {
	if _, err := erasure.New(maxData, 2*maxData); err != nil { // the library's tables are not ours to bound
		t.Fatal(err)
	}
	size := int64(*large) << 20
	for name, o := range map[string]PutOptions{"as it is": {MIME: "video/webm"}, "compressed": {MIME: "text/plain"}} {
		runtime.GC()
		before, w := live(), &watching{}
		o.Salt = &[32]byte{1}
		if _, err := PutFile(context.Background(), w, newGenerated(size, name == "compressed"), o); err != nil {
			t.Fatal(err)
		}
		held := w.peak.Load() - min(before, w.peak.Load())
		table := min(layoutOf(uint64(size)).tableSize(), (maxData+minTail)*keys.DataSize)
		// Leopard's work memory, the frame and its encoder, and the blocks that a garbage collection finds too late.
		limit := uint64(2*maxData+spareBuffers)*keys.DataSize + table + 32<<20
		if held > limit {
			t.Errorf("%s: %d MiB hold %d MiB, limit %d MiB", name, *large, held>>20, limit>>20)
		}
		t.Logf("%s: %d MiB in %d blocks hold %d MiB, limit %d MiB", name, *large, w.calls.Load(), held>>20, limit>>20)
	}
}
