package content

import (
	"bytes"
	"context"
	"errors"

	"testing"

	"nightjar/crypto/erasure"
	"nightjar/keys"

	"pgregory.net/rapid"
)

func TestRedundanciesAreReadAndWritten(t *testing.T) {
	for s, want := range map[string]Redundancy{"1.25": 5, "1.5": 6, "2": 0, "2.0": 0, "02.25": 9, "3": 12, "4": 16, "4.00": 16} {
		if got, err := ParseRedundancy(s); err != nil || got != want {
			t.Errorf("%s: %d, %v, want %d", s, got, err, want)
		}
	}
	for _, s := range []string{"", "1", "1.2", "1.24", "4.25", "5", "-2", "2,5", "+2", "1e0", "0x2", "NaN", "Inf", "2 ", "1.2500001", "."} {
		if got, err := ParseRedundancy(s); err == nil {
			t.Errorf("%q was read as %v", s, got)
		}
	}
	for r := range Redundancy(255) {
		if !r.valid() {
			continue
		}
		if got, err := ParseRedundancy(r.String()); err != nil || got != r {
			t.Errorf("%d is written %s and read as %d, %v", r, r, got, err)
		}
	}
}

// §4: every k has a code under every redundancy, and more redundancy is more blocks.
func TestEveryRedundancyHasACode(t *testing.T) {
	for k := 1; k <= maxData; k++ {
		last := k
		for r := Redundancy(minRedundancy); r <= maxRedundancy; r++ {
			n := r.total(k)
			if r == standardShare {
				n = Redundancy(0).total(k)
			}
			if n < last || n == k || n > erasure.MaxTotal {
				t.Fatalf("k=%d, redundancy %s: n=%d, after %d", k, r, n, last)
			}
			last = n
		}
		if k > 16 && (Redundancy(6).total(k) != (3*k+1)/2 || Redundancy(16).total(k) != 4*k) {
			t.Fatalf("k=%d: 1.5 gives %d blocks, 4 gives %d", k, Redundancy(6).total(k), Redundancy(16).total(k))
		}
		if got := Redundancy(0).total(k); got != erasure.Total(k) {
			t.Fatalf("k=%d: the standard is %d, not %d", k, got, erasure.Total(k))
		}
	}
}

// F1 with every redundancy: whatever n, any k blocks are enough.
func TestFilesComeBackWithAnyRedundancy(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := Redundancy(rapid.IntRange(minRedundancy, maxRedundancy).Filter(func(r int) bool { return r != standardShare }).Draw(t, "redundancy"))
		k := rapid.OneOf(rapid.IntRange(1, 20), rapid.IntRange(1, 150)).Draw(t, "k")
		data := noise(k*keys.DataSize-rapid.IntRange(0, 40).Draw(t, "less"), rapid.Byte().Draw(t, "seed"))
		n := newNetwork()
		uri, err := PutFile(context.Background(), n, bytes.NewReader(data), PutOptions{Redundancy: r, MIME: "image/png"})
		if err != nil {
			t.Fatal(err)
		}
		m, err := (&finder{src: n, meter: new(meter)}).root(context.Background(), uri.Routing, &uri.Read)
		if err != nil {
			t.Fatal(err)
		}
		if m.Stream.Inline != nil {
			return
		}
		if m.Stream.Nested == nil && len(n.order) != 1+r.total(k) {
			t.Fatalf("%d blocks were inserted, want %d", len(n.order), 1+r.total(k))
		}
		n.loseShare(1-1.02*float64(k)/float64(r.total(k)), rapid.Uint64().Draw(t, "losses"))
		got, err := tryGet(n, uri, GetOptions{Order: Order(rapid.IntRange(0, 1).Draw(t, "order"))})
		if err != nil && !errors.Is(err, ErrNotFound) || err == nil && !bytes.Equal(got, data) {
			t.Fatalf("other bytes came back, or %v", err)
		}
	})
}

// The largest segment there is fits in the memory of an insert, and comes back from less than a third of its blocks.
func TestTheHighestRedundancyOfAFullSegment(t *testing.T) {
	t.Parallel()
	data := noise(maxData*keys.DataSize, 1)
	n := newNetwork()
	uri := put(t, n, data, PutOptions{Redundancy: maxRedundancy, MIME: "image/png"})
	n.loseShare(0.7, 1)
	if !bytes.Equal(get(t, n, uri, GetOptions{}), data) {
		t.Fatal("other bytes came back after losses")
	}
}

func TestARedundancyThatDoesNotExistIsRefused(t *testing.T) {
	for _, r := range []Redundancy{1, minRedundancy - 1, standardShare, maxRedundancy + 1, 255} {
		n := newNetwork()
		if _, err := PutFile(context.Background(), n, bytes.NewReader(nil), PutOptions{Redundancy: r}); !errors.Is(err, errRedundancy) || len(n.order) > 0 {
			t.Errorf("%d: %v after %d blocks", r, err, len(n.order))
		}
	}
}

// redundant is a stream with a redundancy that may not exist.
func redundant(size uint64, r Redundancy) *stream {
	s := &stream{Size: size, Redundancy: r}
	if t := s.layout().tableSize(); t <= maxDirectTable {
		s.Table = make([]byte, t)
	} else {
		s.Nested = redundant(t, r)
	}
	return s
}

// §4: field 7 at its edges, and where it does not belong.
func TestRedundanciesInManifests(t *testing.T) {
	for r := range Redundancy(20) {
		for _, size := range []uint64{5 * keys.DataSize, 33 << 20} {
			if _, err := decodeManifest(marshal(t, fileOf(redundant(size, r)))); (err == nil) != r.valid() || err != nil && !errors.Is(err, ErrMalformed) {
				t.Errorf("%d bytes, redundancy %d: %v", size, r, err)
			}
		}
	}
	other := redundant(33<<20, 12)
	other.Nested.Redundancy = 0
	for name, s := range map[string]*stream{
		"inline":            {Size: 1, Inline: []byte{1}, Redundancy: 12},
		"empty":             {Redundancy: 12},
		"another below":     other,
		"a standard table":  {Size: 5 * keys.DataSize, Table: make([]byte, layoutOf(5*keys.DataSize).tableSize()), Redundancy: 12},
		"the standard's no": {Size: 5 * keys.DataSize, Table: make([]byte, layoutOf(5*keys.DataSize).tableSize()), Redundancy: standardShare},
	} {
		if _, err := decodeManifest(marshal(t, fileOf(s))); !errors.Is(err, ErrMalformed) {
			t.Errorf("%s: %v, want ErrMalformed", name, err)
		}
	}
}
