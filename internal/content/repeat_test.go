package content

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"nightjar/keys"

	"pgregory.net/rapid"
)

// salted is a network that remembers what it was given by whom.
func salted(t *rapid.T, put func(dst Sink, o PutOptions) (keys.URI, error), salt [32]byte, parallel int) (*network, keys.URI) {
	n := newNetwork()
	uri, err := put(n, PutOptions{Salt: &salt, Parallel: parallel})
	if err != nil {
		t.Fatal(err)
	}
	return n, uri
}

// mixed is content of which some stretches shrink and some do not.
func mixed(size int, seed byte) []byte {
	b := noise(size, seed)
	for lo := 0; lo < size; lo += 3 << 18 {
		copy(b[lo:min(size, lo+1<<18)], words(1<<18, uint64(seed)))
	}
	return b
}

// F11: an insert that is done again gives the same blocks and the same URI, whatever the order and speed of what happens;
// and an insert into nowhere tells the URI.
func TestAnInsertWithASaltCanBeDoneAgain(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		data := noise(rapid.OneOf(rapid.IntRange(0, 40_000), rapid.IntRange(0, 400_000)).Draw(t, "size"), 3)
		if rapid.IntRange(0, 3).Draw(t, "mixed") == 0 {
			data = mixed(rapid.IntRange(300_000, 1300_000).Draw(t, "size"), 9)
		}
		var files []memFile
		for i := range rapid.SampledFrom([]int{0, 0, 0, 1, 5}).Draw(t, "files") {
			size := rapid.SampledFrom([]int{0, 10, 40_000, 40_000, 400_000}).Draw(t, "size")
			files = append(files, file(fmt.Sprintf("%c/%d.txt", 'a'+i%3, i), mixed(size, byte(i%5))))
		}
		put := func(dst Sink, o PutOptions) (keys.URI, error) {
			if len(files) > 0 {
				return PutFolder(context.Background(), dst, &memFolder{slices.Clone(files)}, o)
			}
			return PutFile(context.Background(), dst, bytes.NewReader(data), o)
		}
		salt := [32]byte{1, 2, 3}
		a, ua := salted(t, put, salt, 1)
		b, ub := salted(t, put, salt, rapid.IntRange(2, 100).Draw(t, "parallel"))
		if ua != ub || len(a.blocks) != len(b.blocks) {
			t.Fatalf("%d blocks and then %d, same URI: %v", len(a.blocks), len(b.blocks), ua == ub)
		}
		for id := range a.blocks {
			if _, ok := b.blocks[id]; !ok {
				t.Fatal("the second insert has another block")
			}
		}
		if early, err := put(Nowhere{}, PutOptions{Salt: &salt}); err != nil || early != ua {
			t.Fatalf("into nowhere the URI is another, or %v", err)
		}
		other, uo := salted(t, put, [32]byte{1, 2, 4}, 4)
		for id := range other.blocks {
			if _, ok := a.blocks[id]; ok {
				t.Fatal("another salt gives a block of the same name")
			}
		}
		if uo == ua {
			t.Fatal("another salt gives the same URI")
		}
		if len(files) == 0 {
			if got, err := tryGet(b, ub, GetOptions{}); err != nil || !bytes.Equal(got, data) {
				t.Fatalf("other bytes came back, or %v", err)
			}
		}
	})
}

// F6 with a salt: what changed between two runs shares no block, what did not change shares all.
func TestASaltNeverSealsTwoContentsUnderOneKey(t *testing.T) {
	salt := [32]byte{7}
	data := noise((maxData+minTail)*keys.DataSize, 1)
	changed := bytes.Clone(data)
	changed[maxData*keys.DataSize+5]++ // in the second segment
	a, b := newNetwork(), newNetwork()
	put(t, a, data, PutOptions{Salt: &salt, MIME: "image/png"})
	put(t, b, changed, PutOptions{Salt: &salt, MIME: "image/png"})
	shared := 0
	for id := range a.blocks {
		if _, ok := b.blocks[id]; ok {
			shared++
		}
	}
	if want := 2 * maxData; shared != want {
		t.Errorf("%d blocks are shared, want the %d of the segments that did not change", shared, want)
	}
	c := newNetwork()
	data = data[:1<<20]
	convergent := put(t, c, data, PutOptions{Convergent: true, Salt: &salt, MIME: "image/png"})
	if convergent != put(t, newNetwork(), data, PutOptions{Convergent: true, MIME: "image/png"}) {
		t.Error("a salt changes a convergent insert")
	}
}

func TestNowhereEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := PutFile(ctx, Nowhere{}, strings.NewReader("x"), PutOptions{}); !errors.Is(err, context.Canceled) {
		t.Errorf("%v, want context.Canceled", err)
	}
}
