package content

import (
	"bytes"
	"context"
	"runtime"
	"runtime/debug"
	"sync"
	"testing"

	"nightjar/keys"
)

// A Memory that many inserts and fetches share at once mixes nothing up, whatever was in its buffers before.
func TestOperationsThatShareMemoryDoNotMeet(t *testing.T) {
	memory := new(Memory)
	var wg sync.WaitGroup
	for i := range 4 {
		wg.Go(func() { // ends with its rounds
			for round := range 4 {
				size := []int{100, 40_000, 200_000, 1 << 20}[(i+round)%4]
				data := mixed(size, byte(4*round+i))
				n := newNetwork()
				uri, err := PutFile(context.Background(), n, bytes.NewReader(data), PutOptions{Memory: memory, Redundancy: []Redundancy{0, 12}[i%2]})
				if err != nil {
					t.Error(err)
					return
				}
				n.loseShare(0.3, uint64(i))
				got, err := tryGet(n, uri, GetOptions{Memory: memory, Order: Order(i / 2 % 2)})
				if err == nil && !bytes.Equal(got, data) {
					t.Errorf("%d bytes: others came back", size)
				}
			}
		})
	}
	wg.Wait()
}

// What a Memory has is used again: a fetch of a full segment with it makes next to no new buffers.
func TestMemoryIsUsedAgain(t *testing.T) {
	n := newNetwork()
	memory := new(Memory)
	uri := put(t, n, noise(140*keys.DataSize, 1), PutOptions{MIME: "image/png", Memory: memory})
	defer debug.SetGCPercent(debug.SetGCPercent(-1)) // the collector would take them away
	measure := func(m *Memory) uint64 {
		const times = 2
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		for range times {
			n.fetched = nil
			obj := open(t, n, uri, GetOptions{Memory: m})
			if err := obj.WriteTo(context.Background(), &discard{}); err != nil {
				t.Fatal(err)
			}
		}
		runtime.ReadMemStats(&after)
		return (after.TotalAlloc - before.TotalAlloc) / times
	}
	measure(memory)
	with, without := measure(memory), measure(nil)
	if with > without/2 {
		t.Errorf("%d KiB with memory, %d KiB without", with>>10, without>>10)
	}
}
