package content

import (
	"math/rand/v2"

	"nightjar/crypto/erasure"
	"nightjar/keys"
)

const (
	// healShare is 1/share of the missing blocks that a reader gives back to the network: content that is read heals, and no reader
	// shows by what he inserts that it is he who misses all of it.
	healShare = 10
	// checkColumn is how many bytes of each block are coded at a time when check blocks are computed again: up to 12 MiB of work
	// memory, whatever the segment.
	checkColumn = 4 << 10
)

// heal hands a share of a segment's missing blocks to f. The data is complete; check blocks that do not belong to it are not the reader's business.
func (s *segment) heal(code *erasure.Code, f func(keys.Block, bool)) {
	if f == nil || len(s.missing) == 0 {
		return
	}
	rng := rand.New(rand.NewChaCha8(seed()))
	lost := s.missing
	rng.Shuffle(len(lost), func(i, j int) { lost[i], lost[j] = lost[j], lost[i] })
	// A tenth on average, also of three.
	count := (len(lost) + rng.IntN(healShare)) / healShare
	_ = s.remake(code, s.shards[:s.k], lost[:count], func(i int, b keys.Block) error {
		f(b, false)
		return nil
	})
}

// remake makes the blocks listed in which anew, of a segment whose data is complete, and hands each to f. It makes sure that they have the names of
// the table: check blocks that do not belong to the data are of no use to anybody.
func (s *coded) remake(code *erasure.Code, data [][]byte, which []int, f func(i int, b keys.Block) error) error {
	var checks []int
	for _, i := range which {
		if i >= s.k {
			checks = append(checks, i)
			continue
		}
		buf := make([]byte, keys.DataSize)
		copy(buf, data[i])
		if err := s.sealAs(i, buf, f); err != nil {
			return err
		}
	}
	if len(checks) == 0 {
		return nil
	}
	plain, err := checkBlocks(code, data, checks)
	if err != nil {
		return err
	}
	for j, i := range checks {
		if err := s.sealAs(i, plain[j], f); err != nil {
			return err
		}
	}
	return nil
}

// sealAs seals block i in place and hands it on.
func (s *coded) sealAs(i int, plain []byte, f func(i int, b keys.Block) error) error {
	key := s.blockKey(i)
	b := keys.SealData(plain, &key)
	key.Wipe()
	if b.ID() != s.id(i) {
		return malformed("the check blocks of a segment do not belong to its data")
	}
	return f(i, b)
}

// checkBlocks computes the check blocks listed in which from all data.
func checkBlocks(code *erasure.Code, data [][]byte, which []int) ([][]byte, error) {
	k, n := code.Data(), code.Total()
	out := make([][]byte, len(which))
	for i := range out {
		out[i] = make([]byte, keys.DataSize)
	}
	work := make([]byte, (n-k)*checkColumn)
	column := make([][]byte, n)
	for i := k; i < n; i++ {
		column[i] = work[(i-k)*checkColumn:][:checkColumn]
	}
	for lo := 0; lo < keys.DataSize; lo += checkColumn {
		for i, d := range data {
			column[i] = d[lo : lo+checkColumn]
		}
		if err := code.Encode(column); err != nil {
			return nil, err
		}
		for j, i := range which {
			copy(out[j][lo:], column[i])
		}
	}
	return out, nil
}
