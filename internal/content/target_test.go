package content

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math"
	"testing"
	"time"

	"nightjar/crypto"
	"nightjar/keys"

	"pgregory.net/rapid"
)

// author is an insert URI of the given type.
func author(typ keys.Type, doc string) keys.URI {
	if typ == keys.KSK {
		return keys.URI{Type: keys.KSK, Doc: doc}
	}
	return keys.URI{Type: typ, Insert: true, Routing: [32]byte{1, 2, 3}, Read: crypto.Key{4, 5}, Doc: doc}
}

func TestRecordsCarryWhatFitsAndNameARootOtherwise(t *testing.T) {
	for _, typ := range []keys.Type{keys.SSK, keys.USK, keys.KSK} {
		for size, blocks := range map[int]int{0: 1, 3000: 1, 3840: 2, 20_000: 2, 100_000: 1 + 13, 3 << 20: 2 + 192} {
			n := newNetwork()
			data := noise(size, 1)
			target := author(typ, "doc")
			uri := put(t, n, data, PutOptions{Target: target, Name: "ignored"})
			if uri.Insert || uri.Path != "" || uri.Type != typ {
				t.Errorf("type %v: the URI returned can write or is of another kind", typ)
			}
			if typ == keys.USK {
				blocks += 3 // date hints
			}
			if len(n.order) != blocks {
				t.Fatalf("type %v, %d bytes: %d blocks inserted, want %d", typ, size, len(n.order), blocks)
			}
			if typ == keys.USK {
				n.order = n.order[:blocks-3]
			}
			if last := n.order[len(n.order)-1]; last.Kind != keys.KindRecord || !n.top[last] {
				t.Errorf("type %v, %d bytes: the record was not inserted last, as a top block", typ, size)
			}
			if !bytes.Equal(get(t, n, uri, GetOptions{}), data) {
				t.Errorf("type %v, %d bytes: other bytes came back", typ, size)
			}
			// Whoever can write can read.
			if !bytes.Equal(get(t, n, target, GetOptions{}), data) {
				t.Errorf("type %v: the insert URI does not read", typ)
			}
			uri.Path = "below"
			if _, err := Open(context.Background(), n, uri, GetOptions{}); !errors.Is(err, ErrNoEntry) {
				t.Errorf("type %v: a path below a file: %v, want ErrNoEntry", typ, err)
			}
		}
	}
}

func TestFoldersGoToRecordsToo(t *testing.T) {
	n := newNetwork()
	target := author(keys.USK, "site")
	target.Edition = 3
	uri := putFolder(t, n, PutOptions{Target: target}, file("index.html", []byte("hello")), file("big", noise(500_000, 1)))
	uri.Path = "index.html"
	if got := get(t, n, uri, GetOptions{}); string(got) != "hello" {
		t.Errorf("%q came back", got)
	}
}

// Versions grow with the clock, differ between documents, and do not tell the time.
func TestRecordVersionsGrow(t *testing.T) {
	now := time.UnixMilli(1_800_000_000_000)
	version := func(target keys.URI, at time.Time) uint64 {
		n := newNetwork()
		put(t, n, []byte("x"), PutOptions{Target: target, Now: func() time.Time { return at }})
		return keys.RecordVersion(n.blocks[n.order[0]])
	}
	for _, typ := range []keys.Type{keys.SSK, keys.KSK} {
		a := version(author(typ, "a"), now)
		if later := version(author(typ, "a"), now.Add(time.Second)); later <= a {
			t.Errorf("type %v: version %d after %d", typ, later, a)
		}
		if b := version(author(typ, "b"), now); b == a || a == uint64(now.UnixMilli()) {
			t.Errorf("type %v: versions %d and %d tell the time", typ, a, b)
		}
	}
}

func TestARecordThatDoesNotOpenIsMalformed(t *testing.T) {
	n := newNetwork()
	uri := put(t, n, []byte("x"), PutOptions{Target: author(keys.SSK, "a")})
	a, err := author(keys.SSK, "a").Author()
	if err != nil {
		t.Fatal(err)
	}
	for name, payload := range map[string][]byte{"empty": nil, "no manifest": []byte("hello")} {
		b, err := a.Seal("a", keys.Record{Version: 1, Payload: payload}, fixedRandom())
		if err != nil {
			t.Fatal(err)
		}
		n.blocks[b.ID()] = b
		if _, err := Open(context.Background(), n, uri, GetOptions{}); !errors.Is(err, ErrMalformed) {
			t.Errorf("%s: %v, want ErrMalformed", name, err)
		}
	}
}

// The newest edition is found from any hint at or below it, whatever single editions are lost, in few rounds.
func TestTheNewestEditionIsFound(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		newest := rapid.OneOf(rapid.Int64Range(0, 12), rapid.Int64Range(0, 60)).Draw(t, "newest")
		hint := -rapid.Int64Range(1, newest+1).Draw(t, "hint")
		n := newNetwork()
		lost := rapid.Uint64().Draw(t, "lost")
		for e := int64(0); e <= newest; e++ {
			if e != newest && (lost>>(uint(e)%64))&3 == 3 && e%4 == 1 {
				continue // never lookAhead in a row
			}
			target := author(keys.USK, "site")
			target.Edition = e
			uri, err := PutFile(context.Background(), n, bytes.NewReader(fmt.Append(nil, e)), PutOptions{Target: target})
			if err != nil || uri.Edition != e {
				t.Fatal(uri.Edition, err)
			}
		}
		ask, err := author(keys.USK, "site").Public()
		if err != nil {
			t.Fatal(err)
		}
		ask.Edition = hint
		obj, err := Open(context.Background(), n, ask, GetOptions{})
		if err != nil {
			t.Fatal(err)
		}
		if got := obj.URI().Edition; got != newest {
			t.Fatalf("edition %d was found, want %d", got, newest)
		}
		if limit := 40 * lookAhead; len(n.fetched) > limit {
			t.Fatalf("%d requests, limit %d", len(n.fetched), limit)
		}
	})
}

func TestASiteThatIsNotThereIsNotFound(t *testing.T) {
	ask, err := author(keys.USK, "site").Public()
	if err != nil {
		t.Fatal(err)
	}
	for _, edition := range []int64{0, -1, -7, math.MinInt64, math.MaxInt64} {
		ask.Edition = edition
		if _, err := Open(context.Background(), newNetwork(), ask, GetOptions{}); !errors.Is(err, ErrNotFound) {
			t.Errorf("edition %d: %v, want ErrNotFound", edition, err)
		}
	}
	broken := errors.New("no peers")
	n := newNetwork()
	n.lose = func(keys.ID) error { return broken }
	ask.Edition = -1
	if _, err := Open(context.Background(), n, ask, GetOptions{}); !errors.Is(err, broken) {
		t.Errorf("%v, want what the source said", err)
	}
}
