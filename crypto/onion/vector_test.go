package onion

import (
	"bytes"
	"encoding/hex"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// vectorDir holds the vectors: SPEC.md §9.
const vectorDir = "testdata/vectors"

// field is one line of a vector.
type field struct {
	name  string
	value []byte
}

// vector is one scenario.
type vector struct {
	name, comment, expect string
	fields                []field
}

// get is the first field of that name, or nothing.
func (v vector) get(name string) []byte {
	for _, f := range v.fields {
		if f.name == name {
			return f.value
		}
	}
	return nil
}

// readVectors reads the vectors of one kind.
func readVectors(t testing.TB, kind string) []vector {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(vectorDir, kind, "*.txt"))
	if err != nil || len(paths) == 0 {
		t.Fatalf("no vectors of kind %s: %v", kind, err)
	}
	var all []vector
	for _, p := range paths {
		text, err := os.ReadFile(p)
		if err != nil {
			t.Fatal(err)
		}
		v := vector{name: kind + "/" + strings.TrimSuffix(filepath.Base(p), ".txt")}
		for line := range strings.Lines(string(text)) {
			line = strings.TrimSuffix(line, "\n")
			name, value, ok := strings.Cut(line, ": ")
			switch {
			case strings.HasPrefix(line, "# "):
				v.comment = line[2:]
			case !ok:
				t.Fatalf("%s: a line without a name", p)
			case name == "expect":
				v.expect = value
			default:
				v.fields = append(v.fields, field{name, unhex(t, value)})
			}
		}
		all = append(all, v)
	}
	return all
}

func TestKeyVectors(t *testing.T) {
	for _, v := range readVectors(t, "key") {
		raw := v.get("key")
		key, err := ParsePublicKey(raw)
		if v.expect != "ok" {
			if key != nil || err != ErrKey {
				t.Errorf("%s: %v, want ErrKey", v.name, err)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", v.name, err)
			continue
		}
		if hash := key.Hash(); !bytes.Equal(hash[:], v.get("hash")) || !bytes.Equal(key.Bytes(), raw) {
			t.Errorf("%s: the hash is %x", v.name, hash)
		}
		if seed := v.get("seed"); seed != nil && !bytes.Equal(RestoreSecretKey([32]byte(seed)).Public().Bytes(), raw) {
			t.Errorf("%s: the seed has another key", v.name)
		}
	}
}

func TestCreateVectors(t *testing.T) {
	for _, v := range readVectors(t, "create") {
		key, relay, create := RestoreSecretKey([32]byte(v.get("seed"))), [32]byte(v.get("relay")), v.get("create")
		if v.expect != "ok" {
			refused(t, v.name, []*SecretKey{key}, relay, create)
			continue
		}
		created, fwd, bwd, err := Accept(bytes.NewReader(v.get("random")), relay, []*SecretKey{key}, create, func(ext *[ExtSize]byte) [AnswerSize]byte {
			if !bytes.Equal(ext[:], v.get("ext")) {
				t.Errorf("%s: ext is %x", v.name, *ext)
			}
			return [AnswerSize]byte(v.get("answer"))
		})
		if err != nil || !bytes.Equal(created, v.get("created")) {
			t.Errorf("%s: %v, or another CREATED", v.name, err)
			continue
		}
		sameLayer(t, v.name, fwd, v.get("fwd"))
		sameLayer(t, v.name, bwd, v.get("bwd"))
		_, again, err := Begin(bytes.NewReader(v.get("begin")), relay, key.Public(), (*[ExtSize]byte)(v.get("ext")))
		if err != nil || !bytes.Equal(again, create) {
			t.Errorf("%s: %v, or another CREATE", v.name, err)
		}
	}
}

// sameLayer fails unless a layer has the keys and is at its start. It uses the layer up.
func sameLayer(t *testing.T, name string, l *Layer, keys []byte) {
	t.Helper()
	a, b := new([BodySize]byte), new([BodySize]byte)
	encrypt(t, l, a)
	encrypt(t, newLayer(keys), b)
	if *a != *b {
		t.Errorf("%s: another layer", name)
	}
}

func TestCreatedVectors(t *testing.T) {
	for _, v := range readVectors(t, "created") {
		key, err := ParsePublicKey(v.get("key"))
		if err != nil {
			t.Fatal(err)
		}
		h, _, err := Begin(bytes.NewReader(v.get("begin")), [32]byte(v.get("relay")), key, (*[ExtSize]byte)(v.get("ext")))
		if err != nil {
			t.Fatal(err)
		}
		if v.expect != "ok" {
			unfinished(t, v.name, h, v.get("created"))
			continue
		}
		fwd, bwd, answer, err := h.Finish(v.get("created"))
		if err != nil || !bytes.Equal(answer[:], v.get("answer")) {
			t.Errorf("%s: %v", v.name, err)
			continue
		}
		sameLayer(t, v.name, fwd, v.get("fwd"))
		sameLayer(t, v.name, bwd, v.get("bwd"))
	}
}

func TestCellVectors(t *testing.T) {
	for _, v := range readVectors(t, "cell") {
		near, far := newLayer(v.get("keys")), newLayer(v.get("keys"))
		var body, sealed *cell
		for _, f := range v.fields {
			switch {
			case f.name == "body" && v.expect == "ok":
				body, sealed = (*cell)(f.value), (*cell)(bytes.Clone(f.value))
				encrypt(t, near, sealed)
			case f.name == "cell" && v.expect == "ok":
				if *sealed != cell(f.value) {
					t.Errorf("%s: sealed otherwise", v.name)
				}
				if decrypt(t, far, sealed); *sealed != *body || !Ours(sealed) {
					t.Errorf("%s: opened otherwise", v.name)
				}
			case f.name == "cell":
				sealed = (*cell)(bytes.Clone(f.value))
				decrypt(t, far, sealed)
			case f.name == "body":
				if *sealed != cell(f.value) || Ours(sealed) {
					t.Errorf("%s: opened otherwise, or taken", v.name)
				}
			}
		}
	}
}

func (v vector) encode() string {
	var b strings.Builder
	b.WriteString("# " + v.comment + "\nexpect: " + v.expect + "\n")
	for _, f := range v.fields {
		b.WriteString(f.name + ": " + hex.EncodeToString(f.value) + "\n")
	}
	return b.String()
}
