package content

import (
	"bytes"
	"context"
	"sync"
	"testing"

	"nightjar/keys"
)

// announced is a Source that notes what it is told to be needed by every fetch.
type announced struct {
	*network
	mu     sync.Mutex
	needed map[keys.ID]bool
}

func (k *announced) Needed(id keys.ID) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.needed[id] = true
}

// Two fetches of different parts of a file have nothing in common but what the source was told of before.
func TestWhatEveryFetchNeedsIsAnnounced(t *testing.T) {
	t.Parallel()
	n := newNetwork()
	const blocks = 1040 // two segments of 520, with a nested table
	data := noise(blocks*keys.DataSize, 1)
	uri := put(t, n, data, PutOptions{})
	k := &announced{network: n, needed: map[keys.ID]bool{}}
	read := func(from uint64, until int64) map[keys.ID]bool {
		n.fetched = nil
		// As a job reads: what it keeps is behind what the user read before.
		obj, err := Open(context.Background(), Cached(k, &shelf{blocks: map[keys.ID]keys.Block{}}, uri), uri, GetOptions{})
		if err != nil {
			t.Fatal(err)
		}
		var got bytes.Buffer
		if until > 0 {
			r := obj.NewReader(context.Background())
			_, err := r.Read(make([]byte, until))
			r.Close() // ends its requests
			if err != nil {
				t.Fatal(err)
			}
		} else if err := obj.WriteFrom(context.Background(), &got, from); err != nil || !bytes.Equal(got.Bytes(), data[from:]) {
			t.Fatalf("%d bytes, %v", got.Len(), err)
		}
		asked := map[keys.ID]bool{}
		for _, id := range n.fetched {
			asked[id] = true
		}
		return asked
	}
	first, last := read(0, keys.DataSize), read(uint64(len(data)/2), 0)
	common := 0
	for id := range first {
		if last[id] {
			common++
			if !k.needed[id] {
				t.Error("both fetches asked for a block that was not announced")
			}
		}
	}
	if common == 0 {
		t.Error("two fetches have no block in common")
	}
	// The root, and the table with its check blocks: a name for each data block and each check block.
	if limit := 1 + 2*(2*blocks*nameSize/keys.DataSize+1); len(k.needed) > limit {
		t.Errorf("%d blocks were announced, limit %d", len(k.needed), limit)
	}
}
