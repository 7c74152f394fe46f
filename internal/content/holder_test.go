package content

import (
	"bytes"
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"

	"nightjar/keys"
)

// spool is a Source that keeps what it fetched, as a download that can be resumed does.
type spool struct {
	*network
	mu     sync.Mutex
	blocks map[keys.ID]keys.Block
	left   int // how many more blocks the network gives; < 0 = all
}

var errBrokenOff = errors.New("double: broken off")

func newSpool(n *network) *spool {
	return &spool{network: n, blocks: map[keys.ID]keys.Block{}, left: -1}
}

func (s *spool) Holds(id keys.ID) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	_, ok := s.blocks[id]
	return ok
}

func (s *spool) Fetch(ctx context.Context, id keys.ID, top bool) (keys.Block, error) {
	s.mu.Lock()
	b, ok := s.blocks[id]
	if !ok && s.left == 0 {
		s.mu.Unlock()
		return keys.Block{}, errBrokenOff
	}
	if !ok {
		s.left--
	}
	s.mu.Unlock()
	if ok {
		return b, nil
	}
	b, err := s.network.Fetch(ctx, id, top)
	if err == nil {
		s.mu.Lock()
		s.blocks[id] = b
		s.mu.Unlock()
	}
	return b, err
}

// hold puts those of the ids into the spool.
func (s *spool) hold(ids []keys.ID) {
	for _, id := range ids {
		s.blocks[id] = s.network.blocks[id]
	}
}

// A fetch that was broken off anywhere and begun again with what it had fetched asks for nothing twice, and for no more than a fetch
// that was not broken off.
func TestAResumedFetchAsksForNothingTwice(t *testing.T) {
	t.Parallel()
	n := newNetwork()
	data := noise(520*keys.DataSize+9, 1) // with a nested table
	uri := put(t, n, data, PutOptions{})
	rng := rand.New(rand.NewPCG(3, 3))
	for round := range sized(8, 4) {
		order := []Order{Shuffled, Reading}[round%2]
		n.loseShare(float64(round/2%2)*0.1, uint64(round))
		n.fetched = nil
		s := newSpool(n)
		for _, until := range []int{rng.IntN(200), rng.IntN(300)} {
			s.left = until
			if _, err := tryGet(s, uri, GetOptions{Order: order}); !errors.Is(err, errBrokenOff) {
				t.Fatalf("%v, want the source's error", err)
			}
		}
		s.left = -1
		got, err := tryGet(s, uri, GetOptions{Order: order})
		if err != nil || !bytes.Equal(got, data) {
			t.Fatalf("%d bytes, %v", len(got), err)
		}
		given, seen := 0, map[keys.ID]bool{}
		for _, id := range n.fetched {
			if n.lose(id) == nil {
				if seen[id] {
					t.Fatal("a block that had been given was asked for again")
				}
				seen[id] = true
				given++
			}
		}
		// The root, the table, and δ.
		if limit := 521 + 521/extraShare + 8; given > limit {
			t.Fatalf("%d blocks were given, limit %d", given, limit)
		}
	}
}

// What the source holds is taken before anything is asked for, whichever blocks they are; if it is enough nothing is asked for.
func TestBlocksThatAreHeldComeFirst(t *testing.T) {
	t.Parallel()
	n := newNetwork()
	data := noise(200*keys.DataSize, 1)
	uri := put(t, n, data, PutOptions{})
	_, seg := onlySegment(t, n, uri)
	var all []keys.ID
	for i := range seg.n {
		all = append(all, seg.id(i))
	}
	rng := rand.New(rand.NewPCG(1, 1))
	for _, held := range sized([]int{1, 50, 199, 200, 201, 400}, []int{50, 199, 200}) {
		rng.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
		for name, read := range map[string]func(src Source) ([]byte, error){
			"shuffled": func(src Source) ([]byte, error) { return tryGet(src, uri, GetOptions{}) },
			"reading":  func(src Source) ([]byte, error) { return tryGet(src, uri, GetOptions{Order: Reading}) },
			"windowed": func(src Source) ([]byte, error) {
				obj, err := Open(context.Background(), src, uri, GetOptions{})
				if err != nil {
					return nil, err
				}
				r := obj.NewReader(context.Background())
				defer r.Close()
				return io.ReadAll(r)
			},
		} {
			s := newSpool(n)
			s.hold(all[:held])
			n.fetched = nil
			got, err := read(s)
			if err != nil || !bytes.Equal(got, data) {
				t.Fatalf("%s, %d held: %v", name, held, err)
			}
			asked := len(n.fetched) - 1 // the root
			limit := max(0, seg.k-held)
			switch {
			case name == "shuffled" && limit > 0:
				limit += seg.k / extraShare
			case name == "windowed" && held < seg.k:
				limit = seg.k // data blocks only, of which it may hold none
			}
			if asked > limit {
				t.Errorf("%s, %d of %d held: %d asked for, limit %d", name, held, seg.k, asked, limit)
			}
			for _, id := range all[:held] {
				if slices.Contains(n.fetched, id) {
					t.Fatalf("%s, %d held: one of them was asked for", name, held)
				}
			}
		}
	}
}

// WriteFrom gives the rest from any offset, of a file of any kind; in shuffled order, and with little of what is before.
func TestWriteFromGivesTheRest(t *testing.T) {
	t.Parallel()
	n := newNetwork()
	text := words(sized(5<<20, 2<<20), 4)
	long := noise(1200*keys.DataSize+5, 2)
	segments := put(t, n, long, PutOptions{})
	packed, frames := framed(t, text, 1<<20)
	folder := putFolder(t, n, PutOptions{}, file("page", noise(5000, 4)), file("empty", nil))
	page, empty := folder, folder
	page.Path, empty.Path = "page", "empty"
	for name, c := range map[string]struct {
		uri  keys.URI
		data []byte
	}{
		"plain":           {put(t, n, noise(40*keys.DataSize+5, 1), PutOptions{}), noise(40*keys.DataSize+5, 1)},
		"segments":        {segments, long},
		"inline":          {put(t, n, noise(100, 3), PutOptions{}), noise(100, 3)},
		"inline, packed":  {put(t, n, text[:20_000], PutOptions{}), text[:20_000]},
		"compressed":      {putCompressed(t, n, appendSeekTable(bytes.Clone(packed), frames), uint64(len(text))), text},
		"without a table": {putCompressed(t, n, packed, uint64(len(text))), text},
		"in a container":  {page, noise(5000, 4)},
		"empty":           {empty, nil},
	} {
		obj := open(t, n, c.uri, GetOptions{})
		size := len(c.data)
		for _, offset := range []int{0, 1, size / 3, size * 9 / 10, size - 1, size, size + 1} {
			if offset < 0 || name == "segments" && offset != size*9/10 && offset != 1 {
				continue
			}
			var b bytes.Buffer
			n.fetched = nil
			if err := obj.WriteFrom(context.Background(), &b, uint64(offset)); err != nil || !bytes.Equal(b.Bytes(), c.data[min(offset, size):]) {
				t.Errorf("%s from %d of %d: %d bytes, %v", name, offset, size, b.Len(), err)
			}
			if name == "segments" && offset == size*9/10 && len(n.fetched) > 650 {
				t.Errorf("%d requests for the last of two segments", len(n.fetched))
			}
		}
	}
	folderObj := open(t, n, folder, GetOptions{})
	if err := folderObj.WriteFrom(context.Background(), io.Discard, 1); !errors.Is(err, ErrNoEntry) {
		t.Errorf("a folder: %v, want ErrNoEntry", err)
	}
	var last Progress
	obj := open(t, n, segments, GetOptions{Progress: func(p Progress) { last = p }})
	if err := obj.WriteFrom(context.Background(), io.Discard, 1100*keys.DataSize); err != nil || last.Done != last.Need {
		t.Errorf("progress ended at %+v, %v", last, err)
	}
}
