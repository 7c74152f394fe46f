package content

import (
	"bytes"
	"errors"
	"sync"
	"testing"

	"nightjar/keys"
)

// shelf is a Shelf in memory.
type shelf struct {
	mu     sync.Mutex
	blocks map[keys.ID]keys.Block
}

func (s *shelf) Get(id keys.ID) (keys.Block, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	b, ok := s.blocks[id]
	return b, ok
}

func (s *shelf) Put(b keys.Block) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.blocks[b.ID()] = b
}

func (s *shelf) Holds(id keys.ID) bool {
	_, ok := s.Get(id)
	return ok
}

// What was read is read again without a request, in either order, whether or not some of its blocks had to be rebuilt.
func TestWhatIsCachedIsNotAskedFor(t *testing.T) {
	t.Parallel()
	n := newNetwork()
	data := noise(300*keys.DataSize+9, 1) // with a table of names
	uri := put(t, n, data, PutOptions{})
	for i, first := range []Order{Shuffled, Reading, Reading} {
		s := &shelf{blocks: map[keys.ID]keys.Block{}}
		n.loseShare(0.1*float64(i/2), 3)
		for _, order := range []Order{first, Shuffled, Reading} {
			n.fetched = nil
			got, err := tryGet(Cached(n, s, uri), uri, GetOptions{Order: order})
			if err != nil || !bytes.Equal(got, data) {
				t.Fatalf("%d bytes, %v", len(got), err)
			}
			if len(n.fetched) == 0 {
				n.lose = func(keys.ID) error { return errors.New("double: the network was asked") }
			}
		}
		if len(n.fetched) > 0 {
			t.Errorf("first %v: %d blocks were asked for again", first, len(n.fetched))
		}
	}
}

// Records are kept where they cannot be replaced.
func TestOnlyRecordsOfEditionsAreCached(t *testing.T) {
	for _, c := range []struct {
		uri  keys.URI
		want int // requests of the second read
	}{
		{editionURI(4), 0}, {author(keys.SSK, "doc"), 1}, {author(keys.KSK, "word"), 1},
	} {
		n := newNetwork()
		uri := put(t, n, noise(3*keys.DataSize, 1), PutOptions{Target: c.uri})
		s := &shelf{blocks: map[keys.ID]keys.Block{}}
		for range 2 {
			n.fetched = nil
			if _, err := tryGet(Cached(n, s, uri), uri, GetOptions{}); err != nil {
				t.Fatal(err)
			}
		}
		if len(n.fetched) != c.want {
			t.Errorf("%v: %d requests, want %d", uri.Type, len(n.fetched), c.want)
		}
		newest := uri
		newest.Edition = -1
		n.fetched = nil
		if uri.Type == keys.USK {
			if _, err := tryGet(Cached(n, s, newest), newest, GetOptions{}); err != nil || len(n.fetched) == 0 {
				t.Errorf("a newer edition was not looked for: %v", err)
			}
		}
	}
}

// What a source holds itself counts beside what is on the shelf.
func TestCachedSourcesHoldWhatTheirSourceHolds(t *testing.T) {
	n := newNetwork()
	uri := put(t, n, noise(50*keys.DataSize, 1), PutOptions{})
	spooled := newSpool(n)
	spooled.hold(n.order)
	c := Cached(spooled, &shelf{blocks: map[keys.ID]keys.Block{}}, uri).(Holder)
	for _, id := range n.order {
		if !c.Holds(id) {
			t.Fatal("what the source holds is not held")
		}
	}
	if c.Holds(keys.ID{Kind: keys.KindData, Name: [32]byte{1}}) {
		t.Error("what nobody holds is held")
	}
}
