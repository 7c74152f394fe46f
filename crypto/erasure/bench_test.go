package erasure

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/klauspost/reedsolomon"
)

// benchShapes are the segments that content makes: a small file, 4 MiB on the border between the fields, a full one.
var benchShapes = []int{16, 64, 128, 256, 1024}

// library makes the raw encoder that New wraps, for comparison in the same run.
func library(b *testing.B, k, n int) reedsolomon.Encoder {
	enc, err := reedsolomon.New(k, n-k, reedsolomon.WithLeopardGF16(k > smallData), reedsolomon.WithCauchyMatrix(),
		reedsolomon.WithInversionCache(false))
	if err != nil {
		b.Fatal(err)
	}
	return enc
}

// BenchmarkEncode counts data bytes; "raw" is the library called on whole shards.
func BenchmarkEncode(b *testing.B) {
	for _, k := range benchShapes {
		n := Total(k)
		shards := fill(k, n, 32<<10, 1)
		code, err := New(k, n)
		if err != nil {
			b.Fatal(err)
		}
		raw := library(b, k, n)
		for name, encode := range map[string]func([][]byte) error{"ours": code.Encode, "raw": raw.Encode} {
			b.Run(fmt.Sprintf("k=%d/%s", k, name), func(b *testing.B) {
				b.SetBytes(int64(k) * 32 << 10)
				for b.Loop() {
					if err := encode(shards); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}

// BenchmarkRebuild has a random k of the n shards, as a reader in shuffled order has; it counts data bytes.
func BenchmarkRebuild(b *testing.B) {
	for _, k := range benchShapes {
		n := Total(k)
		whole := fill(k, n, 32<<10, 1)
		code, err := New(k, n)
		if err != nil {
			b.Fatal(err)
		}
		if err := code.Encode(whole); err != nil {
			b.Fatal(err)
		}
		keep := rand.New(rand.NewPCG(1, 2)).Perm(n)[:k]
		spare := carve(k, 32<<10)
		raw := library(b, k, n)
		for name, rebuild := range map[string]func([][]byte) error{
			"ours": func(s [][]byte) error {
				i := 0
				return code.Rebuild(s, func() []byte { i++; return spare[i-1] })
			},
			"over": code.RebuildOver,
			"raw": func(s [][]byte) error {
				j := 0
				for i := range k {
					if s[i] == nil {
						s[i] = spare[j][:0]
						j++
					}
				}
				return raw.ReconstructData(s)
			},
		} {
			b.Run(fmt.Sprintf("k=%d/%s", k, name), func(b *testing.B) {
				b.SetBytes(int64(k) * 32 << 10)
				shards := make([][]byte, n)
				for b.Loop() {
					clear(shards)
					for _, i := range keep {
						shards[i] = whole[i]
					}
					if err := rebuild(shards); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}
