package erasure

import (
	"fmt"
	"slices"
)

// Rebuild fills in the missing data shards from any k shards. A missing shard is nil or empty; alloc gives the memory
// for a rebuilt one, at least as long as the others. Missing check shards stay missing. With fewer than k shards it
// returns ErrTooFew, having called and changed nothing.
func (c *Code) Rebuild(shards [][]byte, alloc func() []byte) error {
	size, missing, err := c.missing(shards)
	if err != nil || len(missing) == 0 {
		return err
	}
	rebuilt := make([][]byte, len(missing))
	for i := range rebuilt {
		b := alloc()
		if len(b) < size {
			return errShape
		}
		rebuilt[i] = b[:size:size]
	}
	if err := c.solve(shards, missing, rebuilt); err != nil {
		return err
	}
	for i, at := range missing {
		shards[at] = rebuilt[i]
	}
	return nil
}

// RebuildOver is Rebuild without new memory for the data: each rebuilt shard takes over the memory of a check shard,
// whose place in shards becomes nil. So a reader never holds more than the k shards that it fetched.
func (c *Code) RebuildOver(shards [][]byte) error {
	size, missing, err := c.missing(shards)
	if err != nil || len(missing) == 0 {
		return err
	}
	// k shards are present and len(missing) data shards are not, so there are at least that many check shards.
	donors := make([]int, 0, len(missing))
	for i := c.k; i < c.n && len(donors) < len(missing); i++ {
		if len(shards[i]) != 0 {
			donors = append(donors, i)
		}
	}
	width := min(size, c.column)
	column := make([][]byte, c.n)
	spare := c.spare.Get(len(missing), width)
	defer c.spare.Put(spare)
	rebuilt := slices.Clone(spare)
	for lo := 0; lo < size; lo += width {
		hi := min(lo+width, size)
		slice(column, shards, lo, hi)
		for i := range rebuilt {
			rebuilt[i] = spare[i][:hi-lo]
		}
		if err := c.solve(column, missing, rebuilt); err != nil {
			return err
		}
		// The library has read all of this column, so the donors' bytes are free to be overwritten.
		for i, d := range donors {
			copy(shards[d][lo:hi], rebuilt[i])
		}
	}
	for i, at := range missing {
		shards[at], shards[donors[i]] = shards[donors[i]], nil
	}
	return nil
}

// missing lists the data shards to rebuild and the size of a shard.
func (c *Code) missing(shards [][]byte) (size int, missing []int, err error) {
	size, present, err := c.shape(shards)
	if err != nil {
		return 0, nil, err
	}
	if present < c.k {
		return 0, nil, ErrTooFew
	}
	for i, s := range shards[:c.k] {
		if len(s) == 0 {
			missing = append(missing, i)
		}
	}
	return size, missing, nil
}

// solve computes the data shards listed in missing into rebuilt, column by column; shards is not changed.
func (c *Code) solve(shards [][]byte, missing []int, rebuilt [][]byte) error {
	size := len(rebuilt[0])
	width := min(size, c.column)
	column := make([][]byte, c.n)
	for lo := 0; lo < size; lo += width {
		hi := min(lo+width, size)
		slice(column, shards, lo, hi)
		for i, at := range missing {
			// Empty with capacity: the library rebuilds into this memory.
			column[at] = rebuilt[i][lo:lo:hi]
		}
		if err := c.enc.ReconstructData(column); err != nil {
			return fmt.Errorf("erasure: rebuild: %w", err)
		}
	}
	return nil
}

// slice sets column to bytes [lo, hi) of the shards that are present and nil for the others.
func slice(column, shards [][]byte, lo, hi int) {
	for i, s := range shards {
		if len(s) == 0 {
			column[i] = nil
			continue
		}
		column[i] = s[lo:hi:hi]
	}
}
