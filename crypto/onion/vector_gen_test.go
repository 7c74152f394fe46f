package onion

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

var update = flag.Bool("update", false, "write testdata/vectors anew")

// TestVectorsAreThoseOfTheGenerator fails when the format changes without its vectors, or a vector without its generator. What they hold
// is computed by reference_test.go, not by the package.
//
//	go test ./crypto/onion -run Generator -update
func TestVectorsAreThoseOfTheGenerator(t *testing.T) {
	want := map[string]string{}
	accepting := 0
	for _, v := range slices.Concat(keyVectors(t), createVectors(t), createdVectors(t), cellVectors(t)) {
		p := filepath.Join(vectorDir, filepath.FromSlash(v.name)+".txt")
		if _, ok := want[p]; ok {
			t.Fatalf("two vectors are named %s", v.name)
		}
		want[p] = v.encode()
		if v.expect == "ok" {
			accepting++
		}
	}
	if 2*accepting > len(want) {
		t.Errorf("%d of %d vectors accept", accepting, len(want))
	}
	if *update {
		writeVectors(t, want)
	}
	found, err := filepath.Glob(filepath.Join(vectorDir, "*", "*"))
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range found {
		if _, ok := want[p]; !ok {
			t.Errorf("%s has no generator", p)
		}
	}
	for p, text := range want {
		if got, err := os.ReadFile(p); err != nil || string(got) != text {
			t.Errorf("%s is not what the generator makes (%v)", p, err)
		}
	}
}

func writeVectors(t *testing.T, files map[string]string) {
	if err := os.RemoveAll(vectorDir); err != nil {
		t.Fatal(err)
	}
	for p, text := range files {
		if err := os.MkdirAll(filepath.Dir(p), 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(p, []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
	}
}

// flip is a copy with one bit changed.
func flip(b []byte, at int) []byte {
	b = bytes.Clone(b)
	b[at] ^= 1 << (at % 8)
	return b
}

// put is a copy with other bytes at an offset.
func put(b []byte, at int, with ...byte) []byte {
	b = bytes.Clone(b)
	copy(b[at:], with)
	return b
}

// kind gives vectors their directory.
func kind(name string, vs []vector) []vector {
	for i := range vs {
		vs[i].name = name + "/" + vs[i].name
	}
	return vs
}

func keyVectors(t *testing.T) (vs []vector) {
	hash := func(key []byte) []byte { return refSHA3([]byte("nightjar onion key v1"), key) }
	for i, name := range []string{"one", "two"} {
		seed := fill(make([]byte, 32), uint64(i+1))
		key := newRefXWing(t, seed).public()
		vs = append(vs, vector{name, "the key of a seed", "ok", []field{{"seed", seed}, {"key", key}, {"hash", hash(key)}}})
	}
	key := vs[0].get("key")
	weak := put(key, 1184, make([]byte, 32)...)
	vs = append(vs, vector{"small-order", "an X25519 half of small order: its owner's concern (§2)", "ok", []field{{"key", weak}, {"hash", hash(weak)}}})
	for _, bad := range []struct {
		name, comment string
		key           []byte
	}{
		{"empty", "no bytes", nil},
		{"short", "a byte is missing", key[:1215]},
		{"long", "a byte too many", append(bytes.Clone(key), 0)},
		{"mlkem-only", "ML-KEM-768's half alone", key[:1184]},
		{"x25519-only", "X25519's half alone", key[1184:]},
		{"first-is-q", "the first coefficient is 3329", put(key, 0, 0x01, key[1]&0xf0|0x0d)},
		{"second-is-q", "the second coefficient is 3329", put(key, 1, key[1]&0x0f|0x10, 0xd0)},
		{"last-is-largest", "the last coefficient is 4095", put(key, 1150, key[1150]|0xf0, 0xff)},
		{"ones", "every bit is set", bytes.Repeat([]byte{0xff}, 1216)},
	} {
		vs = append(vs, vector{bad.name, bad.comment, "bad key", []field{{"key", bad.key}}})
	}
	return kind("key", vs)
}

func createVectors(t *testing.T) (vs []vector) {
	in := someInput()
	for _, name := range []string{"plain", "silent"} {
		out := in.run(t)
		vs = append(vs, vector{name, "taken and answered", "ok", []field{
			{"seed", in.seedB}, {"relay", in.relay}, {"begin", in.random}, {"ext", in.ext}, {"create", out.create},
			{"random", in.answerRandom}, {"answer", in.answer}, {"created", out.created}, {"fwd", out.fwd}, {"bwd", out.bwd},
		}})
		in.ext, in.answer, in.random = make([]byte, ExtSize), make([]byte, AnswerSize), fill(make([]byte, 112), 7)
	}
	in = someInput()
	reject := func(name, comment string, create []byte) {
		vs = append(vs, vector{name, comment, "rejected", []field{{"seed", in.seedB}, {"relay", in.relay}, {"create", create}}})
	}
	changed := func(name, comment string, change func(*refInput)) {
		c := someInput()
		change(&c)
		reject(name, comment, c.create(t).create)
	}
	out := in.create(t)
	good := out.create
	reject("empty", "no bytes", nil)
	reject("short", "a byte is missing", good[:2465])
	reject("long", "a byte too many", append(bytes.Clone(good), 0))
	reject("unsealed", "nothing behind E", good[:2386])
	reject("zeros", "zeros of the right length", make([]byte, 2466))
	reject("nonce", "a bit of the nonce", flip(good, 2))
	reject("hash", "a bit of the hash", flip(good, 18))
	reject("ct-mlkem", "a bit of ct_B's ML-KEM half", flip(good, 50))
	reject("ct-x25519", "a bit of ct_B's X25519 half", flip(good, 1169))
	reject("e-mlkem", "a bit of E's ML-KEM half", flip(good, 1170))
	reject("e-x25519", "a bit of E's X25519 half", flip(good, 2385))
	reject("ext", "a bit of ext", flip(good, 2386))
	reject("tag", "a bit of the tag", flip(good, 2465))
	changed("version-0", "sealed right; the version is 0", func(c *refInput) { c.version = 0 })
	changed("version-2", "sealed right; the version is 2", func(c *refInput) { c.version = 2 })
	changed("type-2", "sealed right; the type is 2", func(c *refInput) { c.kind = 2 })
	changed("other-relay", "sealed right, for another relay", func(c *refInput) { c.relay = make([]byte, 32) })
	changed("other-key", "sealed right, for another key", func(c *refInput) { c.seedB = fill(make([]byte, 32), 5) })
	hash := refSHA3([]byte("nightjar onion key v1"), newRefXWing(t, in.seedB).public())
	changed("renamed", "sealed right for another key, and names this one", func(c *refInput) { c.seedB, c.hashB = fill(make([]byte, 32), 5), hash })
	changed("no-hash", "sealed right; the hash is zero", func(c *refInput) { c.hashB = make([]byte, 32) })
	changed("e-is-no-key", "sealed right; E's coefficients are above 3328", func(c *refInput) { c.e = bytes.Repeat([]byte{0xff}, 1216) })
	reject("label", "ext is sealed under the label answer", cat(good[:2386], refSeal([32]byte(refKDF(t, out.th0, out.ss1, "answer", 32)), in.ext)))
	reject("salt", "ext is sealed under a key that th0 is no part of", cat(good[:2386], refSeal([32]byte(refKDF(t, nil, out.ss1, "ext", 32)), in.ext)))
	return kind("create", vs)
}

func createdVectors(t *testing.T) (vs []vector) {
	in := someInput()
	out := in.run(t)
	good, key := out.created, newRefXWing(t, in.seedB).public()
	half := []field{{"key", key}, {"relay", in.relay}, {"begin", in.random}, {"ext", in.ext}}
	vs = append(vs, vector{"plain", "taken", "ok", append(slices.Clone(half),
		field{"created", good}, field{"answer", in.answer}, field{"fwd", out.fwd}, field{"bwd", out.bwd})})
	reject := func(name, comment string, created []byte) {
		vs = append(vs, vector{name, comment, "rejected", append(slices.Clone(half), field{"created", created})})
	}
	with := func(change func(*refInput)) []byte {
		c := someInput()
		change(&c)
		return c.run(t).created
	}
	reject("empty", "no bytes", nil)
	reject("short", "a byte is missing", good[:1215])
	reject("long", "a byte too many", append(bytes.Clone(good), 0))
	reject("unanswered", "nothing behind conf", good[:1152])
	reject("ct-mlkem", "a bit of ct_E's ML-KEM half", flip(good, 0))
	reject("ct-x25519", "a bit of ct_E's X25519 half", flip(good, 1119))
	reject("conf-first", "a bit of conf", flip(good, 1120))
	reject("conf-last", "a bit of conf", flip(good, 1151))
	reject("conf-zero", "conf is zeros", put(good, 1120, make([]byte, 32)...))
	reject("answer", "a bit of the answer", flip(good, 1152))
	reject("tag", "a bit of the tag", flip(good, 1215))
	reject("zeros", "zeros of the right length", make([]byte, 1216))
	reject("other-create", "right, to another CREATE of the same two", with(func(c *refInput) { c.random = fill(make([]byte, 112), 7) }))
	reject("other-ext", "right, to a CREATE with another ext", with(func(c *refInput) { c.ext = make([]byte, ExtSize) }))
	reject("other-relay", "right, by another relay with the same key", with(func(c *refInput) { c.relay = make([]byte, 32) }))
	// Whoever does not have B's key can encapsulate to E as well as B.
	reject("stranger", "by one who has another key than B", with(func(c *refInput) { c.seedB = fill(make([]byte, 32), 5) }))
	second := with(func(c *refInput) { c.answerRandom = fill(make([]byte, 64), 8) })
	reject("mixed", "conf and answer of a second answer to the same CREATE", cat(good[:1120], second[1120:]))
	reject("mixed-answer", "the answer of a second answer to the same CREATE", cat(good[:1152], second[1152:]))
	return kind("created", vs)
}

func cellVectors(t *testing.T) (vs []vector) {
	keys := fill(make([]byte, 112), 1)
	seal := func(keys []byte, n uint64) (bodies, cells [][]byte) {
		l := newRefLayer(keys)
		for i := range n {
			body := *markedBody(100 + i)
			bodies = append(bodies, bytes.Clone(body[:]))
			l.encrypt(&body)
			cells = append(cells, bytes.Clone(body[:]))
		}
		return bodies, cells
	}
	for _, ok := range []struct {
		name, comment string
		keys          []byte
	}{{"three", "three cells in order", keys}, {"zero-keys", "all keys are zero", make([]byte, 112)}} {
		v := vector{ok.name, ok.comment, "ok", []field{{"keys", ok.keys}}}
		bodies, cells := seal(ok.keys, 3)
		for i := range bodies {
			v.fields = append(v.fields, field{"body", bodies[i]}, field{"cell", cells[i]})
		}
		vs = append(vs, v)
	}
	_, c := seal(keys, 3)
	_, other := seal(fill(make([]byte, 112), 2), 1)
	for _, bad := range []struct {
		name, comment string
		cells         [][]byte
	}{
		{"mark", "the first bit, and the cell after it", [][]byte{flip(c[0], 0), c[1]}},
		{"left", "a bit of the left part, and the cell after it", [][]byte{flip(c[0], 1000), c[1]}},
		{"right", "the last byte, and the cell after it", [][]byte{flip(c[0], 2103), c[1]}},
		{"swapped", "two cells in the wrong order, and the third", [][]byte{c[1], c[0], c[2]}},
		{"late", "the first cell is missing", [][]byte{c[1], c[2]}},
		{"other-keys", "a cell under other keys, and the first one", [][]byte{other[0], c[0]}},
		{"zeros", "zeros, and the first cell", [][]byte{make([]byte, 2104), c[0]}},
		{"spliced", "the left part of one and the right part of another", [][]byte{cat(c[0][:2088], c[1][2088:])}},
	} {
		v := vector{bad.name, bad.comment, "rejected", []field{{"keys", keys}}}
		l := newRefLayer(keys)
		for _, sealed := range bad.cells {
			body := cell(sealed)
			l.decrypt(&body)
			v.fields = append(v.fields, field{"cell", sealed}, field{"body", bytes.Clone(body[:])})
		}
		vs = append(vs, v)
	}
	return kind("cell", vs)
}
