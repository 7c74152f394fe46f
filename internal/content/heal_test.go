package content

import (
	"bytes"
	"context"
	"errors"
	"math/rand/v2"
	"testing"

	"nightjar/keys"
)

// Reading heals: a tenth, on average, of what was missing where something had to be rebuilt, bit for bit, and nothing that is there.
func TestReadingHealsATenth(t *testing.T) {
	t.Parallel()
	for _, size := range []int{3, 40, 300} {
		n := newNetwork()
		uri := put(t, n, noise(size*keys.DataSize, 1), PutOptions{})
		ids := n.plainBlocks()
		rand.New(rand.NewPCG(2, 2)).Shuffle(len(ids), func(i, j int) { ids[i], ids[j] = ids[j], ids[i] })
		gone := len(ids) * 2 / 5
		before := n.delete(ids[:gone])
		for _, order := range []Order{Shuffled, Reading} {
			const rounds = 40
			healed, missed := 0, 0
			for range rounds {
				n.fetched = nil
				get(t, n, uri, GetOptions{Order: order, Heal: func(b keys.Block, top bool) {
					healed++
					if _, ok := n.blocks[b.ID()]; ok || top || !bytes.Equal(before[b.ID()].Data(), b.Data()) {
						t.Error("a block was healed that is there, or another one")
					}
				}})
				for _, id := range n.fetched {
					if _, ok := n.blocks[id]; !ok {
						missed++
					}
				}
				if size > 3 {
					break
				}
			}
			if lo, hi := missed/20, missed/5+1; healed < lo || healed > hi {
				t.Errorf("%d blocks, order %d: %d healed of %d missed", size, order, healed, missed)
			}
		}
	}
	// What did not have to be rebuilt is not healed.
	n := newNetwork()
	uri := put(t, n, noise(40*keys.DataSize, 1), PutOptions{})
	get(t, n, uri, GetOptions{Heal: func(keys.Block, bool) { t.Error("something was healed") }})
}

// F18, F19: a check block that does not belong to the data is not made up under its name; who reads does not notice.
func TestBlocksThatDoNotBelongAreNotInserted(t *testing.T) {
	n := newNetwork()
	data := noise(5*keys.DataSize, 1)
	uri := put(t, n, data, PutOptions{})
	m, s := onlySegment(t, n, uri)
	rng := rand.NewChaCha8([32]byte{2})
	for i := s.k; i < s.n; i++ {
		rng.Read(m.Stream.Table[keySize+i*nameSize:][:nameSize]) // blocks that nobody has
	}
	uri = putManifest(t, n, m)
	before := len(n.blocks)
	if _, err := Keep(context.Background(), n, n, uri, KeepOptions{}); !errors.Is(err, ErrMalformed) || len(n.blocks) != before {
		t.Errorf("%d blocks were inserted, %v, want ErrMalformed", len(n.blocks)-before, err)
	}
	for range 30 {
		got := get(t, n, uri, GetOptions{Heal: func(keys.Block, bool) { t.Error("something was healed") }})
		if !bytes.Equal(got, data) {
			t.Fatal("other bytes came back")
		}
	}
}
