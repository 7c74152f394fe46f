package content

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"sync"
	"syscall"
	"testing"

	"nightjar/crypto"
	"nightjar/crypto/erasure"
	"nightjar/keys"
)

// plainSegments cuts data into segments of blocks as the layout says.
func plainSegments(data []byte) (segments [][][]byte) {
	l := layoutOf(uint64(len(data)))
	for i := range l.segments {
		blocks := make([][]byte, l.data(i))
		for j := range blocks {
			blocks[j] = make([]byte, keys.DataSize)
			copy(blocks[j], data[(l.first(i)+uint64(j))*keys.DataSize:])
		}
		segments = append(segments, blocks)
	}
	return segments
}

// sealSegment is the least that inserting a segment costs: coding, then sealing and hashing every block, on all cores.
func sealSegment(b *testing.B, code *erasure.Code, blocks [][]byte) {
	shards := make([][]byte, code.Total())
	copy(shards, blocks)
	for i := code.Data(); i < code.Total(); i++ {
		shards[i] = make([]byte, keys.DataSize)
	}
	if err := code.Encode(shards); err != nil {
		b.Fatal(err)
	}
	var file crypto.Key
	parallel(len(shards), func(i int) {
		key := crypto.BlockKey(&file, 0, uint32(i))
		keys.SealData(bytes.Clone(shards[i]), &key)
	})
}

// cpuTime reports the processor time of the process per operation: on a machine that others use too, wall time is theirs.
func cpuTime(b *testing.B) func() {
	var before syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &before); err != nil {
		b.Fatal(err)
	}
	return func() {
		var after syscall.Rusage
		if err := syscall.Getrusage(syscall.RUSAGE_SELF, &after); err != nil {
			b.Fatal(err)
		}
		spent := after.Utime.Nano() + after.Stime.Nano() - before.Utime.Nano() - before.Stime.Nano()
		b.ReportMetric(float64(spent)/float64(b.N), "cpu-ns/op")
	}
}

// parallel runs f(0..n-1) on two goroutines.
func parallel(n int, f func(i int)) {
	var wg sync.WaitGroup
	for half := range 2 {
		wg.Go(func() { // ends with its half
			for i := half; i < n; i += 2 {
				f(i)
			}
		})
	}
	wg.Wait()
}

// buildTables has Leopard make its tables, once for the process, before anything is measured.
func buildTables(b *testing.B) {
	if _, err := erasure.New(1024, 2048); err != nil {
		b.Fatal(err)
	}
}

// dropping is a Sink that keeps nothing.
type dropping struct{}

func (dropping) Insert(context.Context, keys.Block, bool) error { return nil }

// BenchmarkPutFile compares inserting into nothing with coding, sealing and hashing alone.
func BenchmarkPutFile(b *testing.B) {
	buildTables(b)
	for _, size := range []int{1 << 10, 1 << 20, 16 << 20, 128 << 20} {
		data := noise(size, 1)
		b.Run(fmt.Sprintf("%dKiB/put", size>>10), func(b *testing.B) {
			b.SetBytes(int64(size))
			o := PutOptions{Memory: new(Memory)} // as a node has it
			defer cpuTime(b)()
			for b.Loop() {
				if _, err := PutFile(context.Background(), dropping{}, bytes.NewReader(data), o); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run(fmt.Sprintf("%dKiB/alone", size>>10), func(b *testing.B) {
			b.SetBytes(int64(size))
			segments := plainSegments(data)
			codes := map[int]*erasure.Code{}
			for _, s := range segments {
				code, err := erasure.New(len(s), erasure.Total(len(s)))
				if err != nil {
					b.Fatal(err)
				}
				codes[len(s)] = code
			}
			defer cpuTime(b)()
			for b.Loop() {
				for _, s := range segments {
					sealSegment(b, codes[len(s)], s)
				}
			}
		})
	}
}

// openSegment is the least that reading a segment in shuffled order costs: opening k of its n blocks, rebuilding the
// other data, and naming what was rebuilt.
func openSegment(b *testing.B, code *erasure.Code, sealed []keys.Block, order []int, buffers [][]byte) {
	var file crypto.Key
	k := code.Data()
	shards := make([][]byte, code.Total())
	parallel(k, func(j int) {
		i := order[j]
		key := crypto.BlockKey(&file, 0, uint32(i))
		keys.OpenData(buffers[j], sealed[i], &key)
		shards[i] = buffers[j]
	})
	if err := code.RebuildOver(shards); err != nil {
		b.Fatal(err)
	}
	scratch := make([]byte, keys.DataSize)
	for i := range k {
		if slices.Contains(order[:k], i) {
			continue
		}
		key := crypto.BlockKey(&file, 0, uint32(i))
		crypto.SealBlock(scratch, shards[i], &key)
	}
}

// sealAll seals a coded segment.
func sealAll(b *testing.B, code *erasure.Code, blocks [][]byte) (sealed []keys.Block) {
	var file crypto.Key
	shards := make([][]byte, code.Total())
	copy(shards, blocks)
	for i := code.Data(); i < code.Total(); i++ {
		shards[i] = make([]byte, keys.DataSize)
	}
	if err := code.Encode(shards); err != nil {
		b.Fatal(err)
	}
	for i, s := range shards {
		key := crypto.BlockKey(&file, 0, uint32(i))
		sealed = append(sealed, keys.SealData(s, &key))
	}
	return sealed
}

// BenchmarkWriteTo compares fetching from memory in both orders with opening and rebuilding alone.
func BenchmarkWriteTo(b *testing.B) {
	buildTables(b)
	for _, size := range []int{1 << 10, 1 << 20, 16 << 20, 128 << 20} {
		data := noise(size, 1)
		n := newNetwork()
		uri := put(b, n, data, PutOptions{})
		for name, o := range map[string]GetOptions{"shuffled": {Memory: new(Memory)}, "reading": {Memory: new(Memory), Order: Reading}} {
			b.Run(fmt.Sprintf("%dKiB/%s", size>>10, name), func(b *testing.B) {
				b.SetBytes(int64(size))
				defer cpuTime(b)()
				for b.Loop() {
					n.fetched = nil
					obj, err := Open(context.Background(), n, uri, o)
					if err != nil {
						b.Fatal(err)
					}
					if err := obj.WriteTo(context.Background(), io.Discard); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
		b.Run(fmt.Sprintf("%dKiB/alone", size>>10), func(b *testing.B) {
			b.SetBytes(int64(size))
			segments := plainSegments(data)
			code, err := erasure.New(len(segments[0]), erasure.Total(len(segments[0])))
			if err != nil {
				b.Fatal(err)
			}
			sealed := make([][]keys.Block, len(segments))
			for i, s := range segments {
				sealed[i] = sealAll(b, code, s)
			}
			order := rand.New(rand.NewPCG(1, 2)).Perm(code.Total())
			buffers := make([][]byte, code.Data())
			for i := range buffers {
				buffers[i] = make([]byte, keys.DataSize)
			}
			defer cpuTime(b)()
			for b.Loop() {
				for i := range segments {
					openSegment(b, code, sealed[i], order, buffers)
				}
			}
		})
	}
}
