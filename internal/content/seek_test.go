package content

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"testing"
	"testing/synctest"
	"time"

	"nightjar/crypto"
	"nightjar/keys"
)

// slow is a Source that takes its time.
type slow struct {
	Source
	latency time.Duration
}

func (s slow) Fetch(ctx context.Context, id keys.ID, top bool) (keys.Block, error) {
	select {
	case <-time.After(s.latency):
		return s.Source.Fetch(ctx, id, top)
	case <-ctx.Done():
		return keys.Block{}, ctx.Err()
	}
}

// pretended is a network that has a file of a size of which only some data blocks exist, with all of its tables.
type pretended struct {
	*network
	uri  keys.URI
	size uint64
	key  crypto.Key      // of all segments
	have map[uint64]bool // data blocks, by their place in the file
}

// pretend makes a file of size bytes. Of its blocks only count from each of the places on exist; each says where it is.
func pretend(t testing.TB, size uint64, places []uint64, count int) *pretended {
	t.Helper()
	p := &pretended{network: newNetwork(), size: size, key: crypto.Key{9}, have: map[uint64]bool{}}
	l := layoutOf(size)
	table := make([]byte, l.tableSize())
	rand.NewChaCha8([32]byte{1}).Read(table)
	for i := range l.segments {
		at, _ := l.entry(i)
		copy(table[at:], p.key[:])
	}
	for _, place := range places {
		for i := range count {
			b := place/keys.DataSize + uint64(i)
			if b >= l.blocks {
				break
			}
			no, j := l.find(b)
			key := crypto.BlockKey(&p.key, uint32(no), uint32(j))
			block := keys.SealData(bytes.Repeat([]byte{byte(b)}, keys.DataSize), &key)
			at, _ := l.entry(no)
			name := block.ID().Name
			copy(table[at+keySize+uint64(j)*nameSize:], name[:])
			p.blocks[block.ID()] = block
			p.have[b] = true
		}
	}
	uri := put(t, p.network, table, PutOptions{MIME: "application/octet-stream"})
	m, err := (&finder{src: p.network, meter: new(meter)}).root(context.Background(), uri.Routing, &uri.Read)
	if err != nil {
		t.Fatal(err)
	}
	m.Stream = &stream{Size: size, Nested: m.Stream}
	p.uri = putManifest(t, p.network, m)
	return p
}

// firstByte seeks to a place and reads one byte.
func (p *pretended) firstByte(t testing.TB, o *Object, at uint64) {
	r := o.NewReader(context.Background())
	defer r.Close()
	if _, err := r.Seek(int64(at), io.SeekStart); err != nil {
		t.Fatal(err)
	}
	one := make([]byte, 1)
	if _, err := io.ReadFull(r, one); err != nil || one[0] != byte(at/keys.DataSize) {
		t.Fatalf("at %d: %v, %v", at, one, err)
	}
}

// places are where the tests seek to: in the middle of segments, at their borders, at the end.
func places(size uint64) []uint64 {
	segment := uint64(maxData * keys.DataSize)
	return []uint64{0, size/2 + 12345, (3*segment - 1) % size, 5 * segment % size, size/3 + 7, size - 1}
}

// The first byte of a seek into a large file comes after one round trip for each level of tables and one for the block, and little is
// asked for. Time is virtual.
func TestSeekingIntoALargeFileTakesFewRoundTrips(t *testing.T) {
	const latency = 30 * time.Millisecond
	for _, c := range []struct {
		size   uint64
		tables int
	}{{1 << 30, 1}, {10 << 30, 2}} {
		p := pretend(t, c.size, places(c.size), 8)
		synctest.Test(t, func(t *testing.T) {
			o := open(t, slow{p, latency}, p.uri, GetOptions{})
			for _, at := range places(c.size) {
				p.fetched = nil
				begin := time.Now()
				p.firstByte(t, o, at)
				if took, want := time.Since(begin), time.Duration(c.tables+1)*latency; took != want {
					t.Errorf("%d GiB, at %d: %v, want %v", c.size>>30, at, took, want)
				}
				// An entry is in three blocks, and a window may reach into the next segment.
				if got, limit := len(p.fetched), 2*3*c.tables+firstAhead; got > limit {
					t.Errorf("%d GiB, at %d: %d blocks, limit %d", c.size>>30, at, got, limit)
				}
			}
		})
	}
}

// A film: what is read first is asked for first, the rest arrives meanwhile, and the reader never waits for more than it must.
func TestReadingInSequenceKeepsAheadOfTheReader(t *testing.T) {
	const latency, blocks = 30 * time.Millisecond, 900
	p := pretend(t, 1<<30, []uint64{0}, blocks+maxAhead)
	synctest.Test(t, func(t *testing.T) {
		o := open(t, slow{p, latency}, p.uri, GetOptions{})
		r := o.NewReader(context.Background())
		defer r.Close()
		begin := time.Now()
		first := time.Duration(0)
		buf := make([]byte, keys.DataSize)
		for i := range blocks {
			if _, err := io.ReadFull(r, buf); err != nil || buf[0] != byte(i) {
				t.Fatal(i, err)
			}
			if i == 0 {
				first = time.Since(begin)
			}
		}
		// 64 blocks are under way at a time once the window has grown.
		if limit := latency * (blocks/defaultParallel + 8); first > 2*latency || time.Since(begin) > limit {
			t.Errorf("the first block after %v, %d after %v, limit %v", first, blocks, time.Since(begin), limit)
		}
	})
}

// BenchmarkSeek is the first byte of a seek with 30 ms for each request, and how many blocks are asked for.
func BenchmarkSeek(b *testing.B) {
	for _, size := range []uint64{64 << 20, 1 << 30, 10 << 30} {
		at := places(size)
		p := pretend(b, size, at, 8)
		b.Run(fmt.Sprintf("%dMiB", size>>20), func(b *testing.B) {
			o := open(b, slow{p, 30 * time.Millisecond}, p.uri, GetOptions{})
			p.fetched = nil
			i := 0
			for b.Loop() {
				p.firstByte(b, o, at[i%len(at)])
				i++
			}
			b.ReportMetric(float64(len(p.fetched))/float64(i), "blocks/op")
		})
	}
}
