package erasure

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// fill makes n shards of the given size with deterministic data in the first k.
func fill(k, n, size int, seed uint64) [][]byte {
	src := rand.NewChaCha8([32]byte{byte(seed), byte(seed >> 8), byte(seed >> 16)})
	shards := carve(n, size)
	for _, s := range shards[:k] {
		src.Read(s)
	}
	return shards
}

// carve cuts n buffers of the given size out of one allocation.
func carve(n, size int) [][]byte {
	all := make([]byte, n*size)
	out := make([][]byte, n)
	for i := range out {
		out[i] = all[i*size : (i+1)*size : (i+1)*size]
	}
	return out
}

func clone(shards [][]byte) [][]byte {
	out := make([][]byte, len(shards))
	for i, s := range shards {
		out[i] = bytes.Clone(s)
	}
	return out
}

func TestTotalGivesSmallSegmentsMoreChecks(t *testing.T) {
	for k, want := range map[int]int{1: 4, 2: 7, 16: 49, 17: 34, 128: 256, 129: 258, 1024: 2048} {
		if got := Total(k); got != want {
			t.Errorf("Total(%d) = %d, want %d", k, got, want)
		}
	}
}

func TestNewRefusesShapesOutsideTheLimits(t *testing.T) {
	for _, c := range []struct {
		k, n int
		ok   bool
	}{
		{0, 1, false}, {-1, 4, false}, {1, 0, false}, {2, 1, false}, {MaxData + 1, 2048, false}, {1, MaxTotal + 1, false},
		{1, 1, true}, {1, 4, true}, {MaxData, MaxTotal, true}, {MaxData, MaxData, true}, {1, MaxTotal, true},
	} {
		if _, err := New(c.k, c.n); (err == nil) != c.ok {
			t.Errorf("New(%d, %d): %v, want ok=%v", c.k, c.n, err, c.ok)
		}
	}
}

// equal compares shards; go-cmp would look at every byte by reflection.
func equal(a, b [][]byte) bool { return slices.EqualFunc(a, b, bytes.Equal) }

// drawCode draws shapes of both fields with the borders between them often.
func drawCode(t *rapid.T) (k, n int) {
	k = rapid.OneOf(
		rapid.IntRange(1, 20), rapid.SampledFrom([]int{1, 16, 17, 64, 127, 128, 129, 255, 256, 257, 1023, 1024}), rapid.IntRange(1, 300),
	).Draw(t, "k")
	n = rapid.OneOf(
		rapid.Just(Total(k)), rapid.IntRange(k, min(MaxTotal, 2*k+5)), rapid.SampledFrom([]int{k, k + 1}),
	).Draw(t, "n")
	return k, n
}

// Invariants 1, 2 and 3 over both fields and every number of losses.
func TestAnyKOfNGiveTheDataBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		k, n := drawCode(t)
		size := Align * rapid.OneOf(rapid.IntRange(1, 3), rapid.SampledFrom([]int{64, 65, 129})).Draw(t, "columns")
		if k > 300 {
			size = min(size, 2*Align)
		}
		code, err := New(k, n)
		if err != nil {
			t.Fatal(err)
		}
		if code.fft && rapid.Bool().Draw(t, "narrow") {
			code.column = Align // several columns, the last one short or not
		}
		whole := fill(k, n, size, rapid.Uint64().Draw(t, "seed"))
		data := clone(whole[:k])
		if err := code.Encode(whole); err != nil {
			t.Fatal(err)
		}
		if !equal(data, whole[:k]) {
			t.Fatal("encoding changed the data")
		}
		left := rapid.OneOf(rapid.Just(k), rapid.IntRange(k, n)).Draw(t, "left")
		order := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "losses"), 1)).Perm(n)
		rebuildBothWays(t, code, whole, order[:left], order[left:])

		short := pick(whole, order[:k-1])
		before := clone(short)
		for _, f := range []func([][]byte) error{
			func(s [][]byte) error {
				return code.Rebuild(s, func() []byte { t.Fatal("alloc was called"); return nil })
			},
			code.RebuildOver,
		} {
			if err := f(short); !errors.Is(err, ErrTooFew) {
				t.Fatalf("%d of %d shards: %v, want ErrTooFew", k-1, n, err)
			}
		}
		if !equal(before, short) {
			t.Fatal("ErrTooFew changed the shards")
		}
	})
}

// pick copies the listed shards, nil elsewhere.
func pick(whole [][]byte, keep []int) [][]byte {
	out := make([][]byte, len(whole))
	for _, i := range keep {
		out[i] = bytes.Clone(whole[i])
	}
	return out
}

func rebuildBothWays(t *rapid.T, code *Code, whole [][]byte, keep, lost []int) {
	k := code.Data()
	shards := pick(whole, keep)
	allocs := 0
	if err := code.Rebuild(shards, func() []byte { allocs++; return make([]byte, len(whole[0])) }); err != nil {
		t.Fatal(err)
	}
	lostData := 0
	for _, i := range lost {
		if i < k {
			lostData++
		} else if shards[i] != nil {
			t.Fatalf("check shard %d was rebuilt", i)
		}
	}
	if allocs != lostData {
		t.Fatalf("%d allocations for %d lost data shards", allocs, lostData)
	}
	for _, i := range keep {
		if !bytes.Equal(shards[i], whole[i]) {
			t.Fatalf("shard %d was present and changed", i)
		}
	}
	if !equal(shards[:k], whole[:k]) {
		t.Fatal("Rebuild gave other data")
	}

	shards = pick(whole, keep)
	held := map[*byte]bool{}
	for _, i := range keep {
		held[&shards[i][0]] = true
	}
	if err := code.RebuildOver(shards); err != nil {
		t.Fatal(err)
	}
	if !equal(shards[:k], whole[:k]) {
		t.Fatal("RebuildOver gave other data")
	}
	for _, s := range shards {
		if s != nil && !held[&s[0]] {
			t.Fatal("RebuildOver brought new memory")
		}
		if s != nil {
			delete(held, &s[0])
		}
	}
	if len(held) != 0 {
		t.Fatal("RebuildOver lost or doubled a buffer")
	}
}

func TestShardsOfWrongShapeAreRefused(t *testing.T) {
	for _, k := range []int{3, 130} {
		code, err := New(k, 2*k)
		if err != nil {
			t.Fatal(err)
		}
		for name, change := range map[string]func([][]byte) [][]byte{
			"one too few":  func(s [][]byte) [][]byte { return s[1:] },
			"one too many": func(s [][]byte) [][]byte { return append(s, make([]byte, 64)) },
			"short shard":  func(s [][]byte) [][]byte { s[1] = s[1][:32]; return s },
			"not aligned": func(s [][]byte) [][]byte {
				for i := range s {
					s[i] = s[i][:63]
				}
				return s
			},
			"missing check shard": func(s [][]byte) [][]byte { s[k] = nil; return s },
		} {
			if err := code.Encode(change(fill(k, 2*k, 128, 1))); err == nil {
				t.Errorf("k=%d: Encode accepted %s", k, name)
			}
			if name == "missing check shard" {
				continue
			}
			shards := change(fill(k, 2*k, 128, 1))
			shards[0] = nil
			if err := code.RebuildOver(shards); err == nil {
				t.Errorf("k=%d: RebuildOver accepted %s", k, name)
			}
		}
	}
}

func TestRebuildRefusesShortMemory(t *testing.T) {
	code, _ := New(2, 4)
	shards := fill(2, 4, 128, 1)
	if err := code.Encode(shards); err != nil {
		t.Fatal(err)
	}
	shards[0] = nil
	if err := code.Rebuild(shards, func() []byte { return make([]byte, 127) }); err == nil {
		t.Fatal("a buffer shorter than a shard was accepted")
	}
}

// mul multiplies in GF(2^8) modulo x^8+x^4+x^3+x^2+1, written independently of the library.
func mul(a, b byte) (p byte) {
	for ; b != 0; b >>= 1 {
		if b&1 != 0 {
			p ^= a
		}
		carry := a & 0x80
		a <<= 1
		if carry != 0 {
			a ^= 0x1d
		}
	}
	return p
}

func inverse(a byte) byte {
	for b := 1; b < 256; b++ {
		if mul(a, byte(b)) == 1 {
			return byte(b)
		}
	}
	return 0
}

// Invariant 4 for GF(2^8): check shard r is the sum of data[c] / (r xor c), SPEC §6.2.
func TestSmallCodeIsTheCauchyMatrixOfTheSpecification(t *testing.T) {
	for _, k := range []int{1, 2, 5, 16, 17, 128} {
		n := Total(k)
		code, err := New(k, n)
		if err != nil {
			t.Fatal(err)
		}
		shards := fill(k, n, 64, uint64(k))
		if err := code.Encode(shards); err != nil {
			t.Fatal(err)
		}
		for r := k; r < n; r++ {
			want := make([]byte, 64)
			for c := range k {
				f := inverse(byte(r ^ c))
				for i, v := range shards[c] {
					want[i] ^= mul(f, v)
				}
			}
			if !bytes.Equal(want, shards[r]) {
				t.Fatalf("k=%d: check shard %d differs from the specification", k, r)
			}
		}
	}
}

// Invariant 4 for both fields: known answers, so that a new version of the library cannot change the format unseen.
func TestCheckShardsNeverChange(t *testing.T) {
	for _, c := range []struct {
		k, n int
		want string
	}{
		{1, 4, "87abeb339d2bb7b7"},
		{16, 49, "6f9f8e2b8828a641"},
		{128, 256, "4202cf78e8529d53"},
		{129, 258, "3ef6bbb0f43fc5bf"},
		{600, 1200, "dfc27e1be7fb3ad5"},
		{1024, 2048, "f6e7a1678bd0fde0"},
		{100, 300, "b386959d68908399"},
	} {
		code, err := New(c.k, c.n)
		if err != nil {
			t.Fatal(err)
		}
		shards := fill(c.k, c.n, 128, uint64(c.n))
		if err := code.Encode(shards); err != nil {
			t.Fatal(err)
		}
		h := sha256.New()
		for _, s := range shards[c.k:] {
			h.Write(s)
		}
		if got := hex.EncodeToString(h.Sum(nil)[:8]); got != c.want {
			t.Errorf("%d of %d: check shards hash to %s, want %s", c.k, c.n, got, c.want)
		}
	}
}

func TestCodeIsSafeForConcurrentUse(t *testing.T) {
	for _, k := range []int{20, 140} {
		code, err := New(k, 2*k)
		if err != nil {
			t.Fatal(err)
		}
		errs := make(chan error)
		for seed := range uint64(4) {
			go func() { // ends after one rebuild; the loop below waits for it
				shards := fill(k, 2*k, 256, seed)
				data := clone(shards[:k])
				err := code.Encode(shards)
				if err == nil {
					for i := range k / 2 {
						shards[2*i] = nil
					}
					err = code.RebuildOver(shards)
				}
				if err == nil && !equal(data, shards[:k]) {
					err = fmt.Errorf("seed %d: other data", seed)
				}
				errs <- err
			}()
		}
		for range 4 {
			if err := <-errs; err != nil {
				t.Error(err)
			}
		}
	}
}

// Invariant 5: what one call allocates beside the shards, at its first use and so at its largest.
func TestWorkMemoryIsBounded(t *testing.T) {
	const size, k, n = 32 << 10, 1024, 2048
	code, err := New(k, n)
	if err != nil {
		t.Fatal(err)
	}
	shards := fill(k, n, size, 7)
	measure := func(name string, limit uint64, call func() error) {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		if err := call(); err != nil {
			t.Fatal(err)
		}
		runtime.ReadMemStats(&after)
		if got := after.TotalAlloc - before.TotalAlloc; got > limit {
			t.Errorf("%s allocates %d bytes, limit %d", name, got, limit)
		}
	}
	const slack = 1 << 20
	measure("Encode", n*encodeColumn+slack, func() error { return code.Encode(shards) })
	for i := range k / 2 {
		shards[2*i] = nil
	}
	measure("RebuildOver", rebuildWork+rebuildWork/4+slack, func() error { return code.RebuildOver(shards) })
}
