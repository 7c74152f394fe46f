package keys

import (
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// vectorDir holds the vectors: one scenario a file, of lines "name: value" and comments that begin with #.
const vectorDir = "testdata/vectors"

// vector is one scenario, as in its file.
type vector struct {
	name    string // kind/scenario, the path of its file without .txt
	comment string
	fields  []field
}

type field struct{ name, value string }

func (v vector) encode() string {
	var b strings.Builder
	fmt.Fprintf(&b, "# %s\n", v.comment)
	for _, f := range v.fields {
		fmt.Fprintf(&b, "%s: %s\n", f.name, f.value)
	}
	return b.String()
}

func readVectors(t testing.TB, kind string) []vector {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(vectorDir, kind, "*.txt"))
	if err != nil || len(paths) == 0 {
		t.Fatalf("no vectors of kind %s: %v", kind, err)
	}
	var vs []vector
	for _, p := range paths {
		b, err := os.ReadFile(p)
		if err != nil {
			t.Fatal(err)
		}
		v := vector{name: kind + "/" + strings.TrimSuffix(filepath.Base(p), ".txt")}
		for line := range strings.Lines(string(b)) {
			line = strings.TrimSuffix(line, "\n")
			if c, ok := strings.CutPrefix(line, "# "); ok {
				v.comment = c
				continue
			}
			name, value, ok := strings.Cut(line, ": ")
			if !ok {
				t.Fatalf("%s: no field: %q", p, line)
			}
			v.fields = append(v.fields, field{name, value})
		}
		vs = append(vs, v)
	}
	return vs
}

func (v vector) get(t testing.TB, name string) string {
	t.Helper()
	for _, f := range v.fields {
		if f.name == name {
			return f.value
		}
	}
	t.Fatalf("%s has no field %s", v.name, name)
	return ""
}

// has reports whether a vector has a field.
func (v vector) has(name string) bool {
	return slices.ContainsFunc(v.fields, func(f field) bool { return f.name == name })
}

// text reads a quoted field.
func (v vector) text(t testing.TB, name string) string {
	t.Helper()
	s, err := strconv.Unquote(v.get(t, name))
	if err != nil {
		t.Fatalf("%s: %s: %v", v.name, name, err)
	}
	return s
}

func (v vector) bytes(t testing.TB, name string) []byte {
	t.Helper()
	b, err := hex.DecodeString(v.get(t, name))
	if err != nil {
		t.Fatalf("%s: %s: %v", v.name, name, err)
	}
	return b
}

func (v vector) number(t testing.TB, name string) uint64 {
	t.Helper()
	n, err := strconv.ParseUint(v.get(t, name), 10, 64)
	if err != nil {
		t.Fatalf("%s: %s: %v", v.name, name, err)
	}
	return n
}

// eachVector runs check on every vector of a kind, and demands that at least as many are rejected as accepted.
func eachVector(t *testing.T, kind string, check func(t *testing.T, v vector, expect string)) {
	accepted, rejected := 0, 0
	for _, v := range readVectors(t, kind) {
		expect := v.get(t, "expect")
		if expect == "accept" {
			accepted++
		} else {
			rejected++
		}
		t.Run(strings.TrimPrefix(v.name, kind+"/"), func(t *testing.T) { check(t, v, expect) })
	}
	if accepted == 0 || rejected < accepted {
		t.Errorf("%d vectors are accepted and %d rejected", accepted, rejected)
	}
}
