package content

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"

	"nightjar/crypto"
	"nightjar/crypto/erasure"
	"nightjar/keys"
)

// blockState is what a reader knows of a block. Blocks only move forwards: untouched, queued, asked, then held or lost.
type blockState uint8

const (
	untouched blockState = iota
	queued
	asked
	held
	lost
)

// extraShare is 1/δ: a reader in shuffled order has up to k(1+δ) requests of a segment made or answered, so that the
// slowest few do not hold it up (SPEC §6.5).
const extraShare = 16

// coded is what a table of names says about a segment.
type coded struct {
	no    uint64
	k, n  int
	key   crypto.Key
	names []byte // n names
}

// tally counts the blocks of a segment that is being fetched.
type tally struct {
	got      int // held
	inflight int // asked for
	wanted   int // queued, asked for, held or lost
	counted  int // known to Progress as needed
}

// segment is a segment that is being fetched. All fields below the line are guarded by the fetcher's mutex until
// the segment is decodable; from then on only the consumer touches shards.
type segment struct {
	coded
	extra  int             // requests beyond k
	ctx    context.Context // ends the requests that are no longer needed
	cancel context.CancelFunc
	// ----
	tally
	shards   [][]byte
	state    []blockState
	queue    []uint16 // blocks to ask for, in order
	wide     bool     // every untouched block was queued: from now on any k of n will do
	released bool
	cause    error // the first failure other than ErrNotFound
	err      error // the segment cannot be had
}

// newSegment reads a segment's entry in the table of names.
func newSegment(ctx context.Context, no uint64, k int, entry []byte) *segment {
	n := erasure.Total(k)
	s := &segment{
		coded:  coded{no: no, k: k, n: n, key: crypto.Key(entry[:keySize]), names: entry[keySize:]},
		shards: make([][]byte, n), state: make([]blockState, n),
	}
	s.ctx, s.cancel = context.WithCancel(ctx)
	return s
}

// id names block i.
func (s *coded) id(i int) keys.ID {
	return keys.ID{Kind: keys.KindData, Name: [nameSize]byte(s.names[i*nameSize:])}
}

// blockKey is the key of block i.
func (s *coded) blockKey(i int) crypto.Key { return crypto.BlockKey(&s.key, uint32(s.no), uint32(i)) }

// decodable reports whether the data is here or can be computed from what is.
func (s *segment) decodable() bool { return s.got >= s.k }

// want queues the data blocks lo to hi-1 that nobody asked for yet.
func (s *segment) want(lo, hi int) {
	if s.wide {
		return
	}
	for i := lo; i < hi; i++ {
		s.enqueue(i)
	}
}

func (s *segment) enqueue(i int) {
	if s.state[i] == untouched {
		s.state[i] = queued
		s.queue = append(s.queue, uint16(i))
		s.wanted++
	}
}

// forget takes back what was queued and not asked for, when the reader has gone elsewhere.
func (s *segment) forget() {
	if s.wide {
		return
	}
	for _, i := range s.queue {
		s.state[i] = untouched
	}
	s.wanted -= len(s.queue)
	s.queue = s.queue[:0]
}

// widen queues all untouched blocks: the data in order, then the check blocks at random; or all at random.
func (s *segment) widen(rng *rand.Rand, shuffle bool) {
	s.wide = true
	for i := range s.k {
		s.enqueue(i)
	}
	begin := len(s.queue)
	if shuffle {
		begin = 0
	}
	for i := s.k; i < s.n; i++ {
		s.enqueue(i)
	}
	tail := s.queue[begin:]
	rng.Shuffle(len(tail), func(i, j int) { tail[i], tail[j] = tail[j], tail[i] })
}

// need is by how many blocks Progress's Need grows: k at most, however many are asked for.
func (s *segment) need() uint64 {
	n := max(0, min(s.wanted, s.k)-s.counted)
	s.counted += n
	return uint64(n)
}

// take gives a block to ask for now, if there is one.
func (s *segment) take() (i int, ok bool) {
	if len(s.queue) == 0 || s.decodable() || s.got+s.inflight >= s.k+s.extra {
		return 0, false
	}
	i = int(s.queue[0])
	s.queue = s.queue[1:]
	s.state[i] = asked
	s.inflight++
	return i, true
}

// arrived takes a block in; false if nobody needs it any more.
func (s *segment) arrived(i int, plain []byte) bool {
	if !s.answered() {
		return false
	}
	s.state[i] = held
	s.shards[i] = plain
	s.got++
	if s.decodable() {
		s.queue = nil
		s.cancel()
	}
	return true
}

// answered notes the end of a request and reports whether its outcome matters.
func (s *segment) answered() bool {
	s.inflight--
	if s.released && s.inflight == 0 {
		s.key.Wipe()
	}
	return !s.decodable() && !s.released && s.err == nil
}

// release gives the buffers back. The last worker that may still use the key wipes it.
func (s *segment) release(buffers *pool) {
	s.released = true
	s.cancel()
	if s.inflight == 0 {
		s.key.Wipe()
	}
	for i, b := range s.shards {
		buffers.put(b)
		s.shards[i] = nil
	}
}

// failed notes that block i cannot be had, and makes all other blocks stand in for it.
func (s *segment) failed(i int, err error, rng *rand.Rand) {
	if !s.answered() {
		return
	}
	s.state[i] = lost
	if s.cause == nil && !errors.Is(err, ErrNotFound) {
		s.cause = err
	}
	if !s.wide {
		s.widen(rng, false)
	}
	if s.got+s.inflight+len(s.queue) < s.k {
		s.queue = nil
		s.cancel()
		s.err = s.failure()
	}
}

func (s *segment) failure() error {
	if s.cause != nil {
		return fmt.Errorf("content: fetching a segment: %w", s.cause)
	}
	return fmt.Errorf("%w: %d of %d blocks of a segment are left, and %d are needed", ErrNotFound, s.got, s.n, s.k)
}

// rebuild computes the missing data blocks of a decodable segment and frees the check blocks.
// A rebuilt block must have the name that the table gives it: otherwise who made the content could show different
// bytes to readers who happen to find different blocks.
func (s *segment) rebuild(code *erasure.Code, buffers *pool) error {
	missing := make([]int, 0, s.k)
	for i, shard := range s.shards[:s.k] {
		if shard == nil {
			missing = append(missing, i)
		}
	}
	if len(missing) > 0 {
		if err := code.RebuildOver(s.shards); err != nil {
			return fmt.Errorf("content: rebuilding a segment: %w", err)
		}
	}
	for i := s.k; i < s.n; i++ {
		buffers.put(s.shards[i])
		s.shards[i] = nil
	}
	scratch := buffers.get()
	defer buffers.put(scratch)
	for _, i := range missing {
		key := s.blockKey(i)
		name := crypto.SealBlock(scratch, s.shards[i], &key)
		key.Wipe()
		if name != s.id(i).Name {
			return malformed("the check blocks of a segment do not belong to its data")
		}
	}
	return nil
}

// segmentInfo goes with the hash of a segment's data into its convergent key: k and n say how it is coded (SPEC §6.4).
func segmentInfo(k int) []byte {
	b := binary.BigEndian.AppendUint16(nil, uint16(k))
	return binary.BigEndian.AppendUint16(b, uint16(erasure.Total(k)))
}
