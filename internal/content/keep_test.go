package content

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"

	"nightjar/crypto/erasure"
	"nightjar/keys"

	"pgregory.net/rapid"
)

// delete removes blocks for good. What was there before is returned.
func (n *network) delete(ids []keys.ID) map[keys.ID]keys.Block {
	before := maps.Clone(n.blocks)
	for _, id := range ids {
		delete(n.blocks, id)
	}
	return before
}

// segmentsOf lists the blocks of each segment of what uri names.
func segmentsOf(t testing.TB, n *network, uri keys.URI) (list [][]keys.ID) {
	t.Helper()
	w, err := survey(context.Background(), n, uri, GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range w.parts {
		for s := p.stream; s != nil; s = s.Nested {
			if err := eachSegment(context.Background(), reading{src: n, meter: new(meter)}, s, func(c *coded) error {
				var ids []keys.ID
				for i := range c.n {
					ids = append(ids, c.id(i))
				}
				list = append(list, ids)
				return nil
			}); err != nil {
				t.Fatal(err)
			}
		}
	}
	return list
}

// halve deletes half of the blocks of every segment at random.
func halve(t testing.TB, n *network, uri keys.URI, seed uint64) (before map[keys.ID]keys.Block, gone int) {
	t.Helper()
	rng := rand.New(rand.NewPCG(seed, 11))
	var ids []keys.ID
	for _, s := range segmentsOf(t, n, uri) {
		rng.Shuffle(len(s), func(i, j int) { s[i], s[j] = s[j], s[i] })
		ids = append(ids, s[:len(s)/2]...)
	}
	return n.delete(ids), len(ids)
}

// samples are contents of every shape: inline, small and large segments, tables that are streams, folders with containers and large files, nested manifests,
// records.
func samples(t testing.TB, n *network) map[string]keys.URI {
	t.Helper()
	var folder []memFile
	for i := range sized(300, 60) {
		folder = append(folder, file(fmt.Sprintf("d%d/f%03d.txt", i%7, i), noise(3000+i, byte(i))))
	}
	folder = append(folder, file("film", noise(sized(300, 140)*keys.DataSize, 9)), file("empty", nil))
	var many []memFile
	for i := range sized(10_000, 1000) {
		many = append(many, file(fmt.Sprintf("%02d/%04d.txt", i%50, i), noise(20+i%300, byte(i))))
	}
	site := author(keys.USK, "kept")
	return map[string]keys.URI{
		"inline":       put(t, n, []byte("hello"), PutOptions{}),
		"a block":      put(t, n, noise(32_768, 1), PutOptions{}),
		"small":        put(t, n, noise(10*keys.DataSize, 2), PutOptions{}),
		"a segment":    put(t, n, noise(sized(400, 140)*keys.DataSize, 3), PutOptions{}),
		"nested table": put(t, n, noise(sized(600, 500)*keys.DataSize, 4), PutOptions{}),
		"redundant":    put(t, n, noise(40*keys.DataSize, 5), PutOptions{Redundancy: redundancy(t, "3")}),
		"compressed":   put(t, n, words(sized(3<<20, 1<<20), 6), PutOptions{}),
		"a record":     put(t, n, noise(50*keys.DataSize, 7), PutOptions{Target: site}),
		"a folder":     putFolder(t, n, PutOptions{}, folder...),
		"10 000 files": putFolder(t, n, PutOptions{}, many...),
	}
}

func redundancy(t testing.TB, s string) Redundancy {
	t.Helper()
	r, err := ParseRedundancy(s)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// Half of every segment's blocks are deleted at random: it still reads, Check says so, Keep brings back every block bit for bit, and inserts nothing else.
func TestKeepBringsBackEveryBlock(t *testing.T) {
	t.Parallel()
	n := newNetwork()
	for name, uri := range samples(t, n) {
		whole := digest(t, n, uri)
		healthy, err := Check(context.Background(), n, uri, KeepOptions{Sample: 1})
		if err != nil || healthy.Missing != 0 || healthy.Lost != 0 {
			t.Fatalf("%s: before: %+v, %v", name, healthy, err)
		}
		before, gone := halve(t, n, uri, 1)
		if !bytes.Equal(digest(t, n, uri), whole) {
			t.Fatalf("%s: with half of its blocks it reads otherwise", name)
		}
		h, err := Check(context.Background(), n, uri, KeepOptions{Sample: 1})
		if err != nil || h.Missing != uint64(gone) || h.Lost != 0 || h.Blocks != healthy.Blocks || h.Repaired != 0 {
			t.Errorf("%s: %d of %d gone: %+v, %v", name, gone, healthy.Blocks, h, err)
		}
		inserted := len(n.order)
		h, err = Keep(context.Background(), n, n, uri, KeepOptions{})
		if err != nil || h.Missing != uint64(gone) || h.Repaired != uint64(gone) || h.Lost != 0 {
			t.Errorf("%s: kept: %d gone: %+v, %v", name, gone, h, err)
		}
		if len(n.order)-inserted != gone || len(n.blocks) != len(before) {
			t.Errorf("%s: %d blocks were inserted for %d", name, len(n.order)-inserted, gone)
		}
		for id, b := range before {
			if !bytes.Equal(n.blocks[id].Data(), b.Data()) {
				t.Fatalf("%s: a block is not as it was", name)
			}
		}
		if h, err = Check(context.Background(), n, uri, KeepOptions{Sample: 1}); err != nil || h.Missing != 0 {
			t.Errorf("%s: after: %+v, %v", name, h, err)
		}
	}
}

// digest is all that uri names.
func digest(t testing.TB, src Source, uri keys.URI) []byte {
	t.Helper()
	obj := open(t, src, uri, GetOptions{})
	var b bytes.Buffer
	if !obj.IsFolder() {
		if err := obj.WriteTo(context.Background(), &b); err != nil {
			t.Fatal(err)
		}
		return b.Bytes()
	}
	for _, f := range obj.Files() {
		o, err := obj.File(f.Path)
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintln(&b, f.Path)
		if err := o.WriteTo(context.Background(), &b); err != nil {
			t.Fatal(err)
		}
	}
	return b.Bytes()
}

// Any k of n, and one fewer, of a segment of any size.
func TestKeepRebuildsFromExactlyEnough(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		n := newNetwork()
		k := rapid.SampledFrom([]int{2, 3, 16, 17, 40, 130}).Draw(t, "k")
		uri, err := PutFile(context.Background(), n, bytes.NewReader(noise(k*keys.DataSize, 1)), PutOptions{})
		if err != nil {
			t.Fatal(err)
		}
		ids := n.plainBlocks()
		rng := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 1))
		rng.Shuffle(len(ids), func(i, j int) { ids[i], ids[j] = ids[j], ids[i] })
		enough := rapid.Bool().Draw(t, "enough")
		gone := len(ids) - k
		if !enough {
			gone++
		}
		before := n.delete(ids[:gone])
		h, err := Keep(context.Background(), n, n, uri, KeepOptions{Parallel: rapid.IntRange(1, 70).Draw(t, "parallel")})
		switch {
		case err != nil:
			t.Fatal(err)
		case enough && (h.Lost != 0 || len(n.blocks) != len(before) || h.Weakest.Left() != 1):
			t.Fatalf("%+v: %d blocks, want %d", h, len(n.blocks), len(before))
		case !enough && (h.Lost != 1 || h.Repaired != 0 || len(n.blocks) != len(before)-gone || h.Weakest.Left() >= 1):
			t.Fatalf("%+v: it cannot be rebuilt", h)
		}
	})
}

// Check asks for a sample: 5 %, at least 32 blocks, of each segment, at random.
func TestCheckAsksForASample(t *testing.T) {
	t.Parallel()
	n := newNetwork()
	for _, c := range []struct {
		blocks int
		sample float64
		want   int
	}{{5, 0, 16}, {10, 0, 31}, {11, 0, 32}, {320, 0, 32}, {330, 0, 33}, {400, 0.25, 200}, {400, 1, 800}} {
		uri := put(t, n, noise(c.blocks*keys.DataSize, byte(c.blocks)), PutOptions{})
		var asked [2][]keys.ID
		for i := range asked {
			n.fetched = nil
			var last Progress
			h, err := Check(context.Background(), n, uri, KeepOptions{Sample: c.sample, Progress: func(p Progress) { last = p }})
			if err != nil || len(h.Segments) != 1 {
				t.Fatal(h, err)
			}
			if s := h.Segments[0]; s.Asked != c.want || s.Found != c.want || s.Needed != c.blocks || s.Left() < 1.9 || h.Lost != 0 {
				t.Errorf("%d blocks, sample %v: %+v, want %d asked", c.blocks, c.sample, s, c.want)
			}
			if last.Done != last.Need || last.Need != uint64(erasure.Total(c.blocks))+1 {
				t.Errorf("%d blocks: progress ended at %+v", c.blocks, last)
			}
			asked[i] = slices.Clone(n.fetched)
		}
		if c.sample < 1 && c.blocks > 40 && slices.Equal(asked[0], asked[1]) {
			t.Errorf("%d blocks: the same sample twice", c.blocks)
		}
	}
}

// A path is what is looked after; of a container's files, the container.
func TestKeepOfAPathLeavesTheRestAlone(t *testing.T) {
	n := newNetwork()
	uri := putFolder(t, n, PutOptions{}, file("a/film", noise(60*keys.DataSize, 1)), file("b/film", noise(70*keys.DataSize, 2)), file("b/page", noise(50_000, 3)))
	for path, want := range map[string]uint64{"": 120 + 140 + 7 + 1, "a": 120 + 1, "b/film": 140 + 1, "b/page": 7 + 1, "b": 140 + 7 + 1} {
		u := uri
		u.Path = path
		h, err := Check(context.Background(), n, u, KeepOptions{Sample: 1})
		if err != nil || h.Blocks != want {
			t.Errorf("%q: %d blocks, want %d: %v", path, h.Blocks, want, err)
		}
		for _, s := range h.Segments {
			if s.Path == "a/film" && path != "" && path != "a" {
				t.Errorf("%q: a segment of %q", path, s.Path)
			}
		}
	}
	uri.Path = "c"
	if _, err := Keep(context.Background(), n, n, uri, KeepOptions{}); !errors.Is(err, ErrNoEntry) {
		t.Errorf("%v, want ErrNoEntry", err)
	}
}

// A lost table hides what is below it, and nothing else; that nobody could look is no loss.
func TestKeepTellsLossFromFailure(t *testing.T) {
	n := newNetwork()
	uri := putFolder(t, n, PutOptions{}, file("a", noise(520*keys.DataSize, 1)), file("b", noise(40*keys.DataSize, 2)))
	w, err := survey(context.Background(), n, uri, GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	var table, b []keys.ID
	list := func(s *stream) (ids []keys.ID) {
		if err := eachSegment(context.Background(), reading{src: n, meter: new(meter)}, s, func(c *coded) error {
			for i := range c.n {
				ids = append(ids, c.id(i))
			}
			return nil
		}); err != nil {
			t.Fatal(err)
		}
		return ids
	}
	for _, p := range w.parts {
		if p.path == "a" {
			table = list(p.stream.Nested)
		} else {
			b = list(p.stream)
		}
	}
	before := n.delete(append(slices.Clone(table), b[:20]...))
	h, err := Keep(context.Background(), n, n, uri, KeepOptions{})
	if !errors.Is(err, ErrNotFound) || h.Lost != 1 || h.Repaired != 20 {
		t.Errorf("%+v, %v", h, err)
	}
	for id := range before {
		if _, ok := n.blocks[id]; !ok && !slices.Contains(table, id) {
			t.Error("what could be rebuilt was not")
		}
	}
	broken := errors.New("no circuit")
	n = newNetwork()
	uri = put(t, n, noise(40*keys.DataSize, 2), PutOptions{})
	n.lose = func(id keys.ID) error {
		if n.top[id] {
			return nil
		}
		return broken
	}
	for name, run := range map[string]func() (Health, error){
		"check": func() (Health, error) { return Check(context.Background(), n, uri, KeepOptions{}) },
		"keep":  func() (Health, error) { return Keep(context.Background(), n, n, uri, KeepOptions{}) },
	} {
		if h, err := run(); !errors.Is(err, broken) || h.Lost != 0 {
			t.Errorf("%s: %+v, %v, want what the source said", name, h, err)
		}
	}
	full := errors.New("disk full")
	n.lose = nil
	n.delete(n.plainBlocks()[:3])
	n.refuse = func(id keys.ID, _ int) error {
		if n.top[id] {
			return nil
		}
		return full
	}
	if _, err := Keep(context.Background(), n, n, uri, KeepOptions{}); !errors.Is(err, full) {
		t.Errorf("%v, want what the sink said", err)
	}
}

// Health stays small however much it is of: just below and just above its bound.
func TestHealthIsBounded(t *testing.T) {
	var h Health
	for i := range maxSegmentHealth + 1 {
		if len(h.Segments) != i {
			t.Fatal(len(h.Segments), i)
		}
		h.add(SegmentHealth{Needed: 10, Blocks: 20, Asked: 20, Found: 20 - i%3})
	}
	h.add(SegmentHealth{Needed: 10, Blocks: 20, Asked: 20, Found: 9})
	if len(h.Segments) != maxSegmentHealth || h.Count != maxSegmentHealth+2 || h.Weakest.Found != 9 || h.Lost != 1 {
		t.Errorf("%d segments of %d, weakest %+v, %d lost", len(h.Segments), h.Count, h.Weakest, h.Lost)
	}
}
