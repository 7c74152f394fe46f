package keys

import (
	"crypto/sha256"
	"encoding/binary"
	"flag"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write testdata/vectors anew")

// TestVectorsAreThoseOfTheGenerator fails when a format changes without its vectors, or a vector without its generator.
//
//	go test ./keys -run Generator -update
func TestVectorsAreThoseOfTheGenerator(t *testing.T) {
	all := slices.Concat(uriVectors(), dataVectors(), recordVectors())
	want := map[string]string{}
	for _, v := range all {
		p := filepath.Join(vectorDir, filepath.FromSlash(v.name)+".txt")
		if _, ok := want[p]; ok {
			t.Fatalf("two vectors are named %s", v.name)
		}
		want[p] = v.encode()
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
		got, err := os.ReadFile(p)
		if err != nil || string(got) != text {
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

// counterStream is the generator that vectors name: SHA-256("nightjar vector" | seed | i) for i = 0, 1, … as 4 bytes, big-endian.
type counterStream struct {
	seed string
	i    uint32
	left []byte
}

func (s *counterStream) Read(p []byte) (int, error) {
	if len(s.left) == 0 {
		h := sha256.Sum256(binary.BigEndian.AppendUint32([]byte("nightjar vector"+s.seed), s.i))
		s.left = h[:]
		s.i++
	}
	n := copy(p, s.left)
	s.left = s.left[n:]
	return n, nil
}

func counterBytes(seed string, n int) []byte {
	b := make([]byte, n)
	if _, err := io.ReadFull(&counterStream{seed: seed}, b); err != nil {
		panic(err)
	}
	return b
}

func counter32(seed string) [32]byte { return [32]byte(counterBytes(seed, 32)) }

// repeat is strings.Repeat with the arguments in reading order of "255 times a".
func repeat(n int, s string) string { return strings.Repeat(s, n) }
