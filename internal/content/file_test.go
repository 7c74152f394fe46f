package content

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"testing"

	"nightjar/crypto"
	"nightjar/crypto/erasure"
	"nightjar/keys"

	"pgregory.net/rapid"
)

func get(t testing.TB, src Source, uri keys.URI, o GetOptions) []byte {
	t.Helper()
	data, err := tryGet(src, uri, o)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func tryGet(src Source, uri keys.URI, o GetOptions) ([]byte, error) {
	obj, err := Open(context.Background(), src, uri, o)
	if err != nil {
		return nil, err
	}
	b := bytes.NewBuffer(make([]byte, 0, obj.Info().Size))
	err = obj.WriteTo(context.Background(), b)
	return b.Bytes(), err
}

func put(t testing.TB, dst Sink, data []byte, o PutOptions) keys.URI {
	t.Helper()
	uri, err := PutFile(context.Background(), dst, bytes.NewReader(data), o)
	if err != nil {
		t.Fatal(err)
	}
	return uri
}

// F1 at the borders: nothing, one byte, what fits in the root block, whole and broken blocks, a direct and a nested
// table, one segment and two.
func TestFilesOfEverySizeComeBack(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		size     int
		inserted int // blocks, of content that zstd does not shrink
	}{
		{0, 1}, {1, 1}, {127, 1}, {3000, 1}, {32000, 1},
		{32767, 1 + 4}, {32768, 1 + 4}, {32769, 1 + 7}, {65536, 1 + 7}, {100_000, 1 + 13}, {1 << 20, 1 + 64},
		{17<<20 + 5, 1 + 2*545 + 7}, {33 << 20, 1 + 2*1056 + 3*3 + 1},
	} {
		contents := map[string][]byte{"noise": noise(c.size, 1)}
		if c.size <= 1<<20 {
			contents["zeros"] = make([]byte, c.size)
		}
		for name, data := range contents {
			n := newNetwork()
			uri := put(t, n, data, PutOptions{})
			if name == "noise" && len(n.order) != c.inserted {
				t.Errorf("%d bytes: %d blocks inserted, want %d", c.size, len(n.order), c.inserted)
			}
			if name == "zeros" && len(n.order) != 1 { // zstd makes a few bytes of them
				t.Errorf("%d zeros: %d blocks inserted, want 1", c.size, len(n.order))
			}
			orders := []Order{Shuffled, Reading}
			if c.size > 1<<20 {
				orders = orders[:sized(2, 1)]
			}
			for _, order := range orders {
				if got := get(t, n, uri, GetOptions{Order: order}); !bytes.Equal(got, data) {
					t.Fatalf("%d bytes of %s, order %d: other bytes came back", c.size, name, order)
				}
			}
		}
	}
}

// drawContent draws bytes of any size up to a few segments of the small kind, or two of the large one.
func drawContent(t *rapid.T) []byte {
	size := rapid.OneOf(
		rapid.IntRange(0, 40_000), rapid.IntRange(0, 8*keys.DataSize), rapid.IntRange(0, 3<<20),
		rapid.SampledFrom([]int{32767, 32768, 32769, 17 * keys.DataSize, 5 << 20}),
	).Draw(t, "size")
	data := noise(size, rapid.Byte().Draw(t, "seed"))
	if rapid.Bool().Draw(t, "compressible") {
		for i := range data {
			data[i] &= 3
		}
	}
	return data
}

// F1 over sizes, losses and orders.
func TestWhatIsLeftIsEnoughOrTheAnswerIsNotFound(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		data := drawContent(t)
		n := newNetwork()
		o := PutOptions{Parallel: rapid.IntRange(1, 80).Draw(t, "inserts"), Convergent: rapid.Bool().Draw(t, "convergent")}
		uri, err := PutFile(context.Background(), n, bytes.NewReader(data), o)
		if err != nil {
			t.Fatal(err)
		}
		n.loseShare(rapid.SampledFrom([]float64{0, 0.01, 0.3, 0.45, 0.6}).Draw(t, "loss"), rapid.Uint64().Draw(t, "losses"))
		g := GetOptions{Order: Order(rapid.IntRange(0, 1).Draw(t, "order")), Parallel: rapid.IntRange(1, 80).Draw(t, "fetches")}
		got, err := tryGet(n, uri, g)
		if err == nil {
			if !bytes.Equal(got, data) {
				t.Fatal("other bytes came back")
			}
			return
		}
		if !errors.Is(err, ErrNotFound) {
			t.Fatalf("losses gave %v", err)
		}
		if !bytes.HasPrefix(data, got) {
			t.Fatal("what was written before the failure is not the content")
		}
		if enough(n, uri) {
			t.Fatalf("k blocks of each segment are left, and yet: %v", err)
		}
	})
}

// enough reports whether k of n blocks of the file's only segment (and of its table's) are left.
func enough(n *network, uri keys.URI) bool {
	m, err := (&finder{src: n, meter: new(meter)}).root(context.Background(), uri.Routing, &uri.Read)
	if err != nil {
		return false
	}
	for s := m.Stream; s != nil; s = s.Nested {
		if s.Table == nil {
			continue
		}
		l := layoutOf(s.stored())
		left := 0
		for i := range erasure.Total(l.data(0)) {
			if n.lose(keys.ID{Kind: keys.KindData, Name: [32]byte(s.Table[keySize+i*nameSize:])}) == nil {
				left++
			}
		}
		if left < l.data(0) {
			return false
		}
	}
	return true
}

// onlySegment opens the only segment of a file that has a direct table.
func onlySegment(t testing.TB, n *network, uri keys.URI) (*manifest, *segment) {
	t.Helper()
	m, err := (&finder{src: n, meter: new(meter)}).root(context.Background(), uri.Routing, &uri.Read)
	if err != nil {
		t.Fatal(err)
	}
	s := newSegment(context.Background(), 0, layoutOf(m.Stream.stored()).data(0), m.Stream.Table)
	t.Cleanup(s.cancel)
	return m, s
}

// loseAllBut leaves the listed blocks of a segment, and everything that is not of it.
func loseAllBut(n *network, s *segment, keep []int) {
	gone := map[keys.ID]bool{}
	for i := range s.n {
		gone[s.id(i)] = !slices.Contains(keep, i)
	}
	n.lose = func(id keys.ID) error {
		if gone[id] {
			return fmt.Errorf("double: lost: %w", ErrNotFound)
		}
		return nil
	}
}

func TestExactlyKBlocksSufficeAndOneFewerDoNot(t *testing.T) {
	t.Parallel()
	for _, k := range sized([]int{1, 5, 40, 140}, []int{5, 129}) {
		data := noise(k*keys.DataSize, 3)
		n := newNetwork()
		uri := put(t, n, data, PutOptions{})
		_, s := onlySegment(t, n, uri)
		for name, keep := range map[string][]int{"the last k": seq(s.n-k, s.n), "the first k": seq(0, k), "around the border": seq(k/2, k/2+k)} {
			for _, o := range []GetOptions{{}, {Order: Reading}, {Parallel: 1}} {
				loseAllBut(n, s, keep)
				if got, err := tryGet(n, uri, o); err != nil || !bytes.Equal(got, data) {
					t.Errorf("k=%d, %s: %v", k, name, err)
				}
				loseAllBut(n, s, keep[1:])
				if _, err := tryGet(n, uri, o); !errors.Is(err, ErrNotFound) {
					t.Errorf("k=%d, %s but one: %v, want ErrNotFound", k, name, err)
				}
			}
		}
	}
}

func seq(from, to int) (s []int) {
	for i := from; i < to; i++ {
		s = append(s, i)
	}
	return s
}

func TestOtherFailuresThanLossesAreNotCalledNotFound(t *testing.T) {
	n := newNetwork()
	uri := put(t, n, noise(200_000, 1), PutOptions{})
	broken := errors.New("no peers")
	n.lose = func(id keys.ID) error {
		if n.top[id] {
			return nil
		}
		return broken
	}
	if _, err := tryGet(n, uri, GetOptions{}); !errors.Is(err, broken) || errors.Is(err, ErrNotFound) {
		t.Errorf("%v, want what the source said", err)
	}
	n.lose = func(keys.ID) error { return broken }
	if _, err := tryGet(n, uri, GetOptions{}); !errors.Is(err, broken) || errors.Is(err, ErrNotFound) {
		t.Errorf("%v, want what the source said", err)
	}
}

// swapping is a Source that sometimes answers with another block.
type swapping struct {
	*network
	wrong func(keys.ID) bool
}

func (s swapping) Fetch(ctx context.Context, id keys.ID, top bool) (keys.Block, error) {
	b, err := s.network.Fetch(ctx, id, top)
	if err == nil && s.wrong(id) {
		return keys.SealData(make([]byte, keys.DataSize), &crypto.Key{1}), nil
	}
	return b, err
}

func TestAWrongBlockIsAsGoodAsNone(t *testing.T) {
	n := newNetwork()
	data := noise(300_000, 1)
	uri := put(t, n, data, PutOptions{})
	_, s := onlySegment(t, n, uri)
	src := swapping{n, func(id keys.ID) bool { return id == s.id(0) || id == s.id(3) }}
	for _, o := range []GetOptions{{}, {Order: Reading}} {
		if got, err := tryGet(src, uri, o); err != nil || !bytes.Equal(got, data) {
			t.Errorf("a wrong block spoilt the read: %v", err)
		}
	}
	src.wrong = func(keys.ID) bool { return true }
	if _, err := tryGet(src, uri, GetOptions{}); !errors.Is(err, ErrNotFound) {
		t.Errorf("wrong root block: %v, want ErrNotFound", err)
	}
}

// F2: a publisher whose check blocks do not belong to his data could show readers different files.
func TestCheckBlocksThatDoNotBelongToTheDataAreNoticed(t *testing.T) {
	for _, k := range []int{3, 129} {
		blocks := make([][]byte, erasure.Total(k))
		for i := range blocks {
			blocks[i] = noise(keys.DataSize, byte(i)) // checks as random as the data
		}
		n := newNetwork()
		uri := putBlocks(t, n, k, blocks)
		_, s := onlySegment(t, n, uri)
		if got, err := tryGet(n, uri, GetOptions{Order: Reading}); err != nil || !bytes.Equal(got[:keys.DataSize], blocks[0]) {
			t.Fatalf("with all data blocks: %v", err)
		}
		loseAllBut(n, s, seq(1, s.n))
		for _, o := range []GetOptions{{}, {Order: Reading}} {
			if _, err := tryGet(n, uri, o); !errors.Is(err, ErrMalformed) {
				t.Errorf("k=%d: %v, want ErrMalformed", k, err)
			}
		}
	}
}

// putBlocks inserts a file with the given blocks of its only segment, coded or not.
func putBlocks(t testing.TB, n *network, k int, blocks [][]byte) keys.URI {
	t.Helper()
	table := make([]byte, keySize)
	table[0] = 7
	key := crypto.Key(table)
	for i, plain := range blocks {
		bk := crypto.BlockKey(&key, 0, uint32(i))
		b := keys.SealData(bytes.Clone(plain), &bk)
		name := b.ID().Name
		table = append(table, name[:]...)
		if err := n.Insert(context.Background(), b, false); err != nil {
			t.Fatal(err)
		}
	}
	return putManifest(t, n, &manifest{Version: 1, Kind: kindFile, MIME: "text/plain", Stream: &stream{
		Size: uint64(k) * keys.DataSize, Table: table,
	}})
}

// putManifest inserts a manifest, allowed or not, as a root block.
func putManifest(t testing.TB, n *network, m *manifest) keys.URI {
	t.Helper()
	encoded, err := encodeMode.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	return putRoot(t, n, formatRoot(encoded))
}

func putRoot(t testing.TB, n *network, plain []byte) keys.URI {
	t.Helper()
	key := crypto.Key{9}
	b := keys.SealData(plain, &key)
	if err := n.Insert(context.Background(), b, true); err != nil {
		t.Fatal(err)
	}
	return keys.URI{Type: keys.CHK, Routing: b.ID().Name, Read: key}
}

func TestWriteErrorsEndTheFetch(t *testing.T) {
	n := newNetwork()
	uri := put(t, n, noise(500_000, 1), PutOptions{})
	obj, err := Open(context.Background(), n, uri, GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	full := errors.New("disk full")
	if err := obj.WriteTo(context.Background(), failing{full}); !errors.Is(err, full) {
		t.Errorf("%v, want the writer's error", err)
	}
}

type failing struct{ err error }

func (f failing) Write([]byte) (int, error) { return 0, f.err }
func (f failing) Read([]byte) (int, error)  { return 0, f.err }

func TestReadErrorsEndTheInsert(t *testing.T) {
	gone := errors.New("client gone")
	for _, before := range []int{0, 100, 1 << 20} {
		n := newNetwork()
		r := io.MultiReader(bytes.NewReader(noise(before, 1)), failing{gone})
		if _, err := PutFile(context.Background(), n, r, PutOptions{}); !errors.Is(err, gone) {
			t.Errorf("after %d bytes: %v, want the reader's error", before, err)
		}
		for _, id := range n.order {
			if n.top[id] {
				t.Errorf("after %d bytes: a root was inserted", before)
			}
		}
	}
}
