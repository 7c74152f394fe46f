package content

import (
	"cmp"
	"context"
	"fmt"
	"math/rand/v2"
	"slices"

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
	held     int // marked: they need no request
}

// segment is a segment that is being fetched. All fields below the line are guarded by the fetcher's mutex until
// the segment is decodable; from then on only the consumer touches shards.
type segment struct {
	coded
	near   []bool          // the blocks that the source holds, nil if it holds none
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
	missing  []int // blocks that nobody has
	cause    error // the first failure other than ErrNotFound
	err      error // the segment cannot be had
}

// newSegment reads a segment's entry in the table of names: its key and its n names.
func newSegment(ctx context.Context, no uint64, k int, entry []byte) *segment {
	s := &segment{coded: readEntry(no, k, entry)}
	s.shards, s.state = make([][]byte, s.n), make([]blockState, s.n)
	s.ctx, s.cancel = context.WithCancel(ctx)
	return s
}

// readEntry takes an entry of a table of names apart, which has the size that its layout says.
func readEntry(no uint64, k int, entry []byte) coded {
	names := entry[keySize:]
	return coded{no: no, k: k, n: len(names) / nameSize, key: crypto.Key(entry[:keySize]), names: names}
}

// mark notes which blocks the source holds.
func (s *segment) mark(h Holder) {
	for i := range s.n {
		if h.Holds(s.id(i)) {
			if s.near == nil {
				s.near = make([]bool, s.n)
			}
			s.near[i] = true
			s.held++
		}
	}
}

// id names block i.
func (s *coded) id(i int) keys.ID {
	return keys.ID{Kind: keys.KindData, Name: [nameSize]byte(s.names[i*nameSize:])}
}

// blockKey is the key of block i.
func (s *coded) blockKey(i int) crypto.Key { return crypto.BlockKey(&s.key, uint32(s.no), uint32(i)) }

// decodable reports whether the data is here or can be computed from what is.
func (s *segment) decodable() bool { return s.got >= s.k }

// want queues the data blocks lo to hi-1 that nobody asked for yet. If what the source holds is enough to compute them, that is
// all that is asked for.
func (s *segment) want(lo, hi int, rng *rand.Rand) {
	switch {
	case s.wide:
	case s.held >= s.k:
		s.widen(rng, false)
	default:
		for i := lo; i < hi; i++ {
			s.enqueue(i)
		}
	}
}

// wantAll queues the data blocks in order, after whatever the source holds.
func (s *segment) wantAll() {
	for i := range s.near {
		if s.near[i] {
			s.enqueue(i)
		}
	}
	for i := range s.k {
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

// widen queues all untouched blocks: the data in order, then the check blocks at random; or all at random. What the source
// holds comes first: it needs no request.
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
	if s.near != nil {
		slices.SortStableFunc(s.queue, func(a, b uint16) int { return cmp.Compare(s.far(a), s.far(b)) })
	}
}

// far is 0 for a block that the source holds and 1 for others.
func (s *segment) far(i uint16) int {
	if s.near != nil && s.near[i] {
		return 0
	}
	return 1
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
	if s.held >= s.k && s.far(s.queue[0]) > 0 {
		return 0, false // what the source holds is on its way, and is enough
	}
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
	s.held -= 1 - s.far(uint16(i))
	switch {
	case absent(err):
		s.missing = append(s.missing, i)
	case s.cause == nil:
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
