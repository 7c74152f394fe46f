package erasure

import (
	"errors"
	"fmt"
	"math"
	"math/bits"

	"github.com/klauspost/reedsolomon"
)

// ErrTooFew reports fewer than k shards.
var ErrTooFew = errors.New("erasure: too few shards")

// errShape reports shards that do not fit the code; it is our caller's bug or its hostile input.
var errShape = errors.New("erasure: wrong number or sizes of shards")

// MaxData is the largest number of data shards, MaxTotal the largest number of shards in all.
const (
	MaxData  = 1024
	MaxTotal = 4096
)

const (
	// smallData and smallTotal bound the codes over GF(2^8); larger ones use Leopard.
	smallData  = 128
	smallTotal = 256
	// Align is what the size of a shard must be a multiple of: Leopard works on 64 bytes at a time.
	Align = 64
	// encodeColumn bounds Leopard's work memory while encoding: 2·ceilPow2(n-k) buffers of this size, 8 MiB for
	// k = 1024, n = 2048. It is also the fastest width measured.
	encodeColumn = 4 << 10
	// rebuildWork bounds Leopard's work memory while rebuilding, whose columns are as wide as that allows: Leopard
	// computes the error locations, about 1.2 ms, anew for every column.
	rebuildWork = 16 << 20
)

// Code is a systematic k-of-n erasure code over shards of equal size, a multiple of 64 bytes. It is safe for concurrent use.
type Code struct {
	k, n int
	enc  reedsolomon.Encoder // nil if n == k
	fft  bool                // Leopard over GF(2^16)
	// column is the width in bytes that is rebuilt at a time; math.MaxInt over GF(2^8), which needs no work memory.
	column int
	spare  workspace // what RebuildOver rebuilds into before it copies
}

// New returns the code with k data shards and n shards in all: Reed-Solomon over GF(2^8) for k <= 128 and n <= 256,
// Leopard over GF(2^16) above. It needs 1 <= k <= MaxData and k <= n <= MaxTotal.
func New(k, n int) (*Code, error) {
	if k < 1 || k > MaxData || n < k || n > MaxTotal {
		return nil, fmt.Errorf("erasure: no code with %d of %d shards", k, n)
	}
	c := &Code{k: k, n: n, fft: k > smallData || n > smallTotal, column: math.MaxInt}
	if n == k {
		return c, nil
	}
	// A Cauchy matrix takes 0.1 ms to make where the library's default takes 9 ms (k = 128), and can be written down
	// in one line of a specification. The inversion cache would grow with every pattern of losses and never be hit.
	opts := []reedsolomon.Option{reedsolomon.WithCauchyMatrix(), reedsolomon.WithInversionCache(false)}
	if c.fft {
		opts = append(opts, reedsolomon.WithLeopardGF16(true), reedsolomon.WithWorkAllocator(&workspace{}))
		buffers := ceilPow2(k + ceilPow2(n-k))
		c.column = rebuildWork / buffers &^ (Align - 1)
	}
	enc, err := reedsolomon.New(k, n-k, opts...)
	if err != nil {
		return nil, fmt.Errorf("erasure: code with %d of %d shards: %w", k, n, err)
	}
	c.enc = enc
	return c, nil
}

// Total is the number of shards that Nightjar gives k data shards: 2k, or 3k+1 for k <= 16, where chance weighs more
// (reference: anonymity §6.4). k must be between 1 and MaxData.
func Total(k int) int {
	if k <= 16 {
		return 3*k + 1
	}
	return 2 * k
}

// ceilPow2 is the smallest power of two that is at least x; x > 0.
func ceilPow2(x int) int { return 1 << bits.Len(uint(x-1)) }

// Data is k, the number of data shards.
func (c *Code) Data() int { return c.k }

// Total is n, the number of shards in all.
func (c *Code) Total() int { return c.n }

// Encode computes shards[k:n] from shards[:k]. All n shards are allocated by the caller, with equal lengths.
func (c *Code) Encode(shards [][]byte) error {
	size, present, err := c.shape(shards)
	if err != nil {
		return err
	}
	if present != c.n {
		return errShape
	}
	if c.enc == nil {
		return nil
	}
	if !c.fft {
		return c.enc.Encode(shards)
	}
	column := make([][]byte, c.n)
	for lo := 0; lo < size; lo += encodeColumn {
		hi := min(lo+encodeColumn, size)
		for i, s := range shards {
			column[i] = s[lo:hi]
		}
		if err := c.enc.Encode(column); err != nil {
			return fmt.Errorf("erasure: encode: %w", err)
		}
	}
	return nil
}

// shape checks the number and sizes of shards and returns their size and how many are present.
func (c *Code) shape(shards [][]byte) (size, present int, err error) {
	if len(shards) != c.n {
		return 0, 0, errShape
	}
	for _, s := range shards {
		switch {
		case len(s) == 0:
			continue
		case size == 0:
			size = len(s)
		case len(s) != size:
			return 0, 0, errShape
		}
		present++
	}
	if size%Align != 0 {
		return 0, 0, errShape
	}
	return size, present, nil
}
