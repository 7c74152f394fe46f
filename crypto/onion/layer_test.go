package onion

import (
	"bytes"
	"encoding/binary"
	"errors"
	"math/rand/v2"
	"reflect"
	"testing"

	"pgregory.net/rapid"
)

// seeded is randomness that is the same in every run.
func seeded(n uint64) *rand.ChaCha8 {
	var seed [32]byte
	binary.BigEndian.PutUint64(seed[:], n)
	return rand.NewChaCha8(seed)
}

func fill(b []byte, n uint64) []byte {
	seeded(n).Read(b)
	return b
}

func someBody(n uint64) *[BodySize]byte { return (*[BodySize]byte)(fill(make([]byte, BodySize), n)) }

// markedBody is one that Ours takes.
func markedBody(n uint64) *[BodySize]byte {
	b := someBody(n)
	clear(b[:MarkSize])
	return b
}

// ends are both ends of one layer.
func ends(n uint64) (near, far *Layer) {
	k := fill(make([]byte, layerKeys), n)
	return newLayer(k), newLayer(k)
}

func encrypt(t testing.TB, l *Layer, b *[BodySize]byte) {
	t.Helper()
	if err := l.Encrypt(b); err != nil {
		t.Fatal(err)
	}
}

func decrypt(t testing.TB, l *Layer, b *[BodySize]byte) {
	t.Helper()
	if err := l.Decrypt(b); err != nil {
		t.Fatal(err)
	}
}

// SPEC §5, with bodies, keys and a chain of any shape, both ways, several cells long.
func TestLayerIsTheReference(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		k := rapid.OneOf(rapid.SliceOfN(rapid.Byte(), layerKeys, layerKeys), rapid.Just(make([]byte, layerKeys))).Draw(t, "keys")
		ours, theirs, back := newLayer(k), newRefLayer(k), newLayer(k)
		refBack := newRefLayer(k)
		for i := range rapid.IntRange(1, 3).Draw(t, "cells") {
			plain := someBody(rapid.Uint64().Draw(t, "body"))
			if rapid.Bool().Draw(t, "zero") {
				clear(plain[rapid.IntRange(0, BodySize).Draw(t, "from"):])
			}
			got, want := *plain, *plain
			if err := ours.Encrypt(&got); err != nil {
				t.Fatal(err)
			}
			if theirs.encrypt(&want); got != want {
				t.Fatalf("cell %d is sealed otherwise", i)
			}
			if refBack.decrypt(&want); want != *plain {
				t.Fatalf("cell %d: the reference does not open what it sealed", i)
			}
			if err := back.Decrypt(&got); err != nil || got != *plain {
				t.Fatalf("cell %d does not open: %v", i, err)
			}
			if ours.chain != theirs.chain || back.chain != theirs.chain {
				t.Fatalf("after cell %d the chains differ", i)
			}
		}
	})
}

// Opening what nobody sealed is the reference's too: both ends of a circuit must fail alike.
func TestOpeningNoiseIsTheReference(t *testing.T) {
	l, _ := ends(1)
	ref := newRefLayer(fill(make([]byte, layerKeys), 1))
	for i := range uint64(8) {
		got := someBody(i)
		want := *got
		decrypt(t, l, got)
		if ref.decrypt(&want); *got != want || l.chain != ref.chain {
			t.Fatalf("cell %d opens otherwise", i)
		}
	}
}

// Invariant 4 (SPEC §5.4): the last cell is carried, the next is not, and is left as it was.
func TestALayerEndsAtItsLimit(t *testing.T) {
	for name, f := range map[string]func(*Layer, *[BodySize]byte) error{"encrypt": (*Layer).Encrypt, "decrypt": (*Layer).Decrypt} {
		l, _ := ends(2)
		l.cells = 1<<24 - 1
		body := someBody(1)
		if err := f(l, body); err != nil {
			t.Errorf("%s: the last cell: %v", name, err)
		}
		was, chain := *body, l.chain
		for range 3 {
			if err := f(l, body); !errors.Is(err, ErrExhausted) || *body != was || l.chain != chain {
				t.Errorf("%s: one cell more: %v", name, err)
			}
		}
	}
}

// Invariant 5.
func TestAWipedLayerIsEmptyAndRefuses(t *testing.T) {
	l, _ := ends(3)
	body := someBody(1)
	encrypt(t, l, body)
	l.Wipe()
	v := reflect.ValueOf(*l)
	for i := range v.NumField() {
		if name := v.Type().Field(i).Name; name != "cells" && !v.Field(i).IsZero() {
			t.Errorf("%s is left", name)
		}
	}
	was := *body
	if err := l.Encrypt(body); !errors.Is(err, ErrExhausted) || *body != was {
		t.Errorf("encrypt: %v", err)
	}
	if err := l.Decrypt(body); !errors.Is(err, ErrExhausted) || *body != was {
		t.Errorf("decrypt: %v", err)
	}
	l.Wipe()
}

func TestNoCellCostsAnAllocation(t *testing.T) {
	l, far := ends(4)
	body := someBody(1)
	if n := testing.AllocsPerRun(100, func() {
		_ = l.Encrypt(body)
		_ = far.Decrypt(body)
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// §5.3: every bit of the mark counts.
func TestOursLooksAtTheWholeMarkAndNothingElse(t *testing.T) {
	if !Ours(markedBody(1)) || !Ours(new([BodySize]byte)) {
		t.Error("a marked body is not ours")
	}
	for bit := range 8 * MarkSize {
		b := markedBody(2)
		b[bit/8] ^= 1 << (bit % 8)
		if Ours(b) {
			t.Errorf("ours with bit %d set", bit)
		}
	}
	b := markedBody(3)
	b[MarkSize] ^= 0xff
	if !Ours(b) {
		t.Error("what follows the mark was looked at")
	}
}

// The same body sealed twice is never the same cell, and the two directions of a hop share nothing.
func TestEqualBodiesDoNotShow(t *testing.T) {
	l, _ := ends(5)
	other, _ := ends(6)
	seen := map[[BodySize]byte]bool{}
	halves := map[string]bool{}
	for range 50 {
		for _, l := range []*Layer{l, other} {
			body := new([BodySize]byte)
			encrypt(t, l, body)
			if first := string(bytes.Clone(body[:16])); seen[*body] || halves[first] {
				t.Fatal("two cells share bytes")
			} else {
				seen[*body], halves[first] = true, true
			}
		}
	}
}
