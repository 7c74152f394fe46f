package keys

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"strings"
	"testing"

	"nightjar/crypto"

	"pgregory.net/rapid"
)

func TestK7NothingPrintsItsSecrets(t *testing.T) {
	secret := [32]byte(bytes.Repeat([]byte{0xAB}, 32))
	u := URI{Type: SSK, Routing: secret, Read: secret, Insert: true, Doc: "quince", Path: "quince"}
	b := sealed(t, u, Record{Payload: []byte("quince")})
	id := ID{KindData, secret}
	leaks := []string{"quince", "171", "ab", "AB", "253", "10101011", fmt.Sprintf("%x", b.Data()[:4]), fmt.Sprint(b.Data()[:4])}
	for _, v := range []any{u, &u, id, b, documentOf(t, u), authorOf(t, u), struct{ U URI }{u}, []ID{id}, []Block{b}} {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%08b", "%o"} {
			checkSilent(t, verb, fmt.Sprintf(verb, v), leaks)
		}
		var text, js bytes.Buffer
		slog.New(slog.NewTextHandler(&text, nil)).Info("m", "v", v)
		slog.New(slog.NewJSONHandler(&js, nil)).Info("m", "v", v)
		_, line, _ := strings.Cut(text.String(), "msg")
		checkSilent(t, "slog text", line, leaks)
		_, line, _ = strings.Cut(js.String(), "msg")
		checkSilent(t, "slog JSON", line, leaks)
	}
	for _, s := range []fmt.Stringer{u, id, b, documentOf(t, u), authorOf(t, u)} {
		checkSilent(t, "String", s.String()+s.(fmt.GoStringer).GoString(), leaks)
	}
	for _, v := range []any{u, id, struct{ ID ID }{id}} {
		if _, err := json.Marshal(v); err == nil {
			t.Errorf("%T became JSON field by field", v)
		}
	}
}

func checkSilent(t *testing.T, how, got string, leaks []string) {
	t.Helper()
	for _, leak := range leaks {
		if strings.Contains(got, leak) {
			t.Errorf("%s shows %q: %s", how, leak, got)
		}
	}
}

func TestCapabilitiesAreWiped(t *testing.T) {
	u := with(newAuthorURI(t), SSK, "d", 0, "")
	a, d := authorOf(t, u), documentOf(t, u)
	seed, read, key := a.seed[:], a.read[:], d.key[:]
	a.Wipe()
	d.Wipe()
	routing, uriRead := u.Routing[:], u.Read[:]
	u.Wipe()
	for name, b := range map[string][]byte{"seed": seed, "read": read, "key": key, "routing": routing, "URI read": uriRead} {
		if !bytes.Equal(b, make([]byte, 32)) {
			t.Errorf("%s is still in memory", name)
		}
	}
}

func TestIDReadsBackAndLeavesTheRest(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		id := ID{Kind(rapid.IntRange(1, 2).Draw(t, "kind")), [32]byte(rapid.SliceOfN(rapid.Byte(), 32, 32).Draw(t, "name"))}
		tail := rapid.SliceOf(rapid.Byte()).Draw(t, "tail")
		got, rest, err := ParseID(append(id.Append([]byte("head"))[4:], tail...))
		if err != nil || got != id || !bytes.Equal(rest, tail) {
			t.Fatalf("got %v, %d bytes left, %v", got == id, len(rest), err)
		}
	})
	for n := range IDSize {
		if _, _, err := ParseID(bytes.Repeat([]byte{1}, n)); !errors.Is(err, ErrBadID) {
			t.Errorf("%d bytes: got %v", n, err)
		}
	}
}

func TestDistanceIsTheShorterWayRound(t *testing.T) {
	for _, c := range []struct {
		a, b Location
		want uint64
	}{
		{0, 0, 0}, {0, 1, 1}, {1, 0, 1}, {0, math.MaxUint64, 1}, {0, 1 << 63, 1 << 63}, {1 << 62, 3 << 62, 1 << 63}, {5, math.MaxUint64 - 4, 10},
	} {
		if got := c.a.Distance(c.b); got != c.want {
			t.Errorf("from %d to %d: got %d, want %d", c.a, c.b, got, c.want)
		}
	}
	if f := Location(3 << 62).Float(); f != 0.75 {
		t.Errorf("got %v", f)
	}
}

// SPEC §5: location_i = the first 8 bytes of SHA-256("rot" | kind | name | i).
func TestLocationsArePinnedAndApart(t *testing.T) {
	id := ID{KindData, counter32("location")}
	h := refSHA256([]byte("rot\x01"), id.Name[:], []byte{2})
	if want := Location(binary.BigEndian.Uint64(h)); id.Location(2) != want {
		t.Errorf("got %d, want %d", id.Location(2), want)
	}
	seen := map[Location]bool{}
	for i := range uint8(Rotations) {
		seen[id.Location(i)] = true
		seen[ID{KindRecord, id.Name}.Location(i)] = true
	}
	if len(seen) != 2*Rotations {
		t.Errorf("%d positions instead of %d", len(seen), 2*Rotations)
	}
}

func TestOurOwnMistakesPanic(t *testing.T) {
	block := SealData(make([]byte, DataSize), &crypto.Key{1})
	for name, f := range map[string]func(){
		"sealing a short block":       func() { SealData(make([]byte, DataSize-1), &crypto.Key{}) },
		"opening into a short buffer": func() { OpenData(make([]byte, 1), block, &crypto.Key{}) },
		"opening a record as data":    func() { OpenData(make([]byte, DataSize), Restore(ID{Kind: KindRecord}, nil), &crypto.Key{}) },
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s did not panic", name)
				}
			}()
			f()
		}()
	}
}

func TestFieldsOfOtherBlocksAreZero(t *testing.T) {
	data := SealData(bytes.Repeat([]byte{0xff}, DataSize), &crypto.Key{1})
	for name, b := range map[string]Block{"none": {}, "data": data, "cut record": Restore(ID{Kind: KindRecord}, make([]byte, 70))} {
		if RecordVersion(b) != 0 || RecordExpiry(b) != 0 {
			t.Errorf("%s block has a version or an expiry", name)
		}
	}
	if !(Block{}).IsZero() || data.IsZero() {
		t.Error("IsZero is wrong")
	}
}

func BenchmarkVerify(b *testing.B) {
	data := SealData(make([]byte, DataSize), &crypto.Key{1})
	record := sealed(b, URI{Type: KSK, Doc: "word"}, Record{Payload: make([]byte, MaxPayload)})
	for name, block := range map[string]Block{"data": data, "record": record} {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(block.Data())))
			b.ReportAllocs()
			for b.Loop() {
				if _, err := Verify(block.ID(), block.Data()); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkParseURI(b *testing.B) {
	text := with(newAuthorURI(b), USK, "site", 5, "a/b.html").Encode()
	b.ReportAllocs()
	for b.Loop() {
		if _, err := ParseURI(text); err != nil {
			b.Fatal(err)
		}
	}
}
