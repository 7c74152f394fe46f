package content

import (
	"bytes"
	"context"
	"errors"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"

	"nightjar/keys"

	"pgregory.net/rapid"
)

// verifyOf makes the verify capability of what is in n; its list is inserted there too.
func verifyOf(t testing.TB, n *network, uri keys.URI) keys.URI {
	t.Helper()
	v, err := VerifyURI(context.Background(), n, n, uri)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// §13: the list names all blocks and no others, which of them are top blocks, in an order that says nothing; and is opened by the capability alone.
func TestAVerifyCapabilityNamesAllBlocks(t *testing.T) {
	t.Parallel()
	n := newNetwork()
	for name, uri := range samples(t, n) {
		w, err := survey(context.Background(), n, uri, GetOptions{})
		if err != nil {
			t.Fatal(err)
		}
		want := map[keys.ID]bool{}
		for _, b := range w.tops {
			want[b.ID()] = true
		}
		for _, s := range segmentsOf(t, n, uri) {
			for _, id := range s {
				want[id] = false
			}
		}
		v := verifyOf(t, n, uri)
		if !v.Verify || v.Read == uri.Read || v.Routing == uri.Routing {
			t.Errorf("%s: %s is no capability of its own", name, v)
		}
		again, err := keys.ParseURI(v.Encode())
		if err != nil || again != v {
			t.Errorf("%s: it does not survive as text: %v", name, err)
		}
		got := map[keys.ID]bool{}
		order := []keys.ID{}
		if err := listOf(t, n, v, func(e listed) {
			id, top, err := e.id()
			if err != nil {
				t.Fatal(err)
			}
			got[id] = top
			order = append(order, id)
		}); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if !maps.Equal(got, want) || len(order) != len(want) {
			t.Errorf("%s: %d blocks are listed, %d different ones, want %d", name, len(order), len(got), len(want))
		}
	}
}

// listOf reads the list that a verify capability opens.
func listOf(t testing.TB, n *network, v keys.URI, f func(listed)) error {
	t.Helper()
	m, err := (&finder{src: n, meter: new(meter)}).root(context.Background(), v.Routing, &v.Read)
	if err != nil {
		return err
	}
	b, err := readAll(context.Background(), reading{src: n, meter: new(meter)}, m.Stream, wholeShuffled)
	if err != nil {
		return err
	}
	return readList(bytes.NewReader(b), func(batch []listed) error {
		for _, e := range batch {
			f(e)
		}
		return nil
	})
}

// Who has the capability keeps the content alive: he inserts again what he finds, reports what he does not, and cannot read.
func TestAVerifyCapabilityKeepsAndDoesNotRead(t *testing.T) {
	n := newNetwork()
	uri := put(t, n, noise(80*keys.DataSize, 1), PutOptions{Target: author(keys.SSK, "doc")})
	blocks := uint64(len(n.order))
	v := verifyOf(t, n, uri)
	list := uint64(len(n.order)) - blocks
	_, gone := halve(t, n, uri, 3)

	if _, err := Open(context.Background(), n, v, GetOptions{}); !errors.Is(err, ErrVerifyOnly) {
		t.Errorf("opened as content: %v", err)
	}
	as := v
	as.Verify = false
	if _, err := Open(context.Background(), n, as, GetOptions{}); !errors.Is(err, ErrMalformed) {
		t.Errorf("opened under another name: %v", err)
	}
	if _, err := VerifyURI(context.Background(), n, n, v); !errors.Is(err, ErrVerifyOnly) {
		t.Errorf("a capability of a capability: %v", err)
	}

	n.fetched, n.tried = nil, map[keys.ID]int{}
	var last Progress
	h, err := Keep(context.Background(), n, n, v, KeepOptions{Progress: func(p Progress) { last = p }})
	if err != nil || h.Blocks != blocks+list || h.Missing != uint64(gone) || h.Repaired != blocks-uint64(gone) || h.Lost != 0 || len(h.Segments) != 0 {
		t.Errorf("%d blocks and a list of %d, %d gone: %+v, %v", blocks, list, gone, h, err)
	}
	if last.Done != last.Need || last.Need != blocks+list {
		t.Errorf("progress ended at %+v", last)
	}
	for id := range n.blocks {
		if id.Name != v.Routing && slices.Contains(n.order[:blocks], id) && n.tried[id] != 1 {
			t.Error("a block that is there was not inserted again")
		}
	}
	h, err = Check(context.Background(), n, v, KeepOptions{})
	if err != nil || h.Blocks != minSample+list || h.Repaired != 0 {
		t.Errorf("a sample: %+v, %v", h, err)
	}
	// And a capability of the wrong kind is none.
	wrong := uri
	wrong.Type, wrong.Doc, wrong.Verify = keys.CHK, "", true
	plain := put(t, n, noise(100, 1), PutOptions{})
	plain.Verify = true
	for name, u := range map[string]keys.URI{"of nothing": wrong, "of a file": plain} {
		if _, err := Keep(context.Background(), n, n, u, KeepOptions{}); err == nil {
			t.Errorf("a capability %s was kept", name)
		}
	}
}

// §13: each rule alone.
func TestListsThatAreNoneAreMalformed(t *testing.T) {
	e := func(what byte, name byte) []byte {
		l := listedAs(what, [nameSize]byte{name})
		return l[:]
	}
	for name, b := range map[string][]byte{
		"an unknown kind":   e(4, 1),
		"kind 0":            e(0, 1),
		"a cut entry":       e(1, 1)[:listEntry-1],
		"a cut second":      append(e(1, 1), e(1, 2)[:5]...),
		"not sorted":        append(e(1, 2), e(1, 1)...),
		"twice":             append(e(1, 2), e(1, 2)...),
		"kinds not in turn": append(e(3, 1), e(1, 2)...),
	} {
		if err := readList(bytes.NewReader(b), func([]listed) error { return nil }); !errors.Is(err, ErrMalformed) {
			t.Errorf("%s: %v, want ErrMalformed", name, err)
		}
	}
	for name, s := range map[string]*stream{
		"no stream":    nil,
		"nothing":      {},
		"half entries": {Size: 34, Inline: make([]byte, 34)},
		"compressed":   {Size: 33, Codec: codecZstd, Packed: 20, Inline: make([]byte, 20)},
	} {
		if _, err := encodeAndDecode(&manifest{Version: 1, Kind: kindBlocks, Stream: s}); !errors.Is(err, ErrMalformed) {
			t.Errorf("%s: %v, want ErrMalformed", name, err)
		}
	}
	good := &manifest{Version: 1, Kind: kindBlocks, Stream: &stream{Size: 33, Inline: e(1, 1)}}
	if _, err := encodeAndDecode(good); err != nil {
		t.Errorf("one entry: %v", err)
	}
	good.MIME = "text/plain"
	if _, err := encodeAndDecode(good); !errors.Is(err, ErrMalformed) {
		t.Errorf("a list with a type: %v, want ErrMalformed", err)
	}
}

func encodeAndDecode(m *manifest) (*manifest, error) {
	b, err := encodeManifest(m)
	if err != nil {
		return nil, err
	}
	return decodeManifest(b)
}

func FuzzBlockList(f *testing.F) {
	one, two := listedAs(1, [nameSize]byte{1}), listedAs(3, [nameSize]byte{2})
	f.Add(append(one[:], two[:]...))
	f.Add([]byte{})
	f.Add([]byte{1, 2, 3})
	f.Fuzz(func(t *testing.T, b []byte) {
		var again []byte
		err := readList(bytes.NewReader(b), func(batch []listed) error {
			for i := range batch {
				again = append(again, batch[i][:]...)
			}
			return nil
		})
		if err == nil && !bytes.Equal(again, b) || err != nil && !errors.Is(err, ErrMalformed) {
			t.Errorf("%d of %d bytes, %v", len(again), len(b), err)
		}
	})
}

// Whatever is lost of the list and of the content, as long as the list can be rebuilt: what is there is inserted again, and the list is repaired.
func TestKeepingByListUnderAnyLoss(t *testing.T) {
	n := newNetwork()
	uri := put(t, n, noise(30*keys.DataSize, 1), PutOptions{})
	content := slices.Clone(n.order)
	v := verifyOf(t, n, uri)
	all := maps.Clone(n.blocks)
	rapid.Check(t, func(t *rapid.T) {
		n.blocks = maps.Clone(all)
		rng := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 1))
		share := rapid.Float64Range(0, 1).Draw(t, "share")
		gone := uint64(0)
		for _, id := range content {
			if rng.Float64() < share {
				delete(n.blocks, id)
				gone++
			}
		}
		h, err := Keep(context.Background(), n, n, v, KeepOptions{Parallel: rapid.IntRange(1, 70).Draw(t, "parallel")})
		if err != nil || h.Missing != gone || h.Repaired != uint64(len(content))-gone {
			t.Fatalf("%d of %d gone: %+v, %v", gone, len(content), h, err)
		}
	})
}
