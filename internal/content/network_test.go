package content

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"sync"

	"nightjar/keys"
)

// network stands for the network: what was inserted can be fetched, except what is lost. It counts what it is asked for.
type network struct {
	mu      sync.Mutex
	blocks  map[keys.ID]keys.Block
	order   []keys.ID        // as inserted
	top     map[keys.ID]bool // inserted as top blocks
	fetched []keys.ID        // as asked for
	refuse  func(keys.ID, int) error
	tried   map[keys.ID]int
	lose    func(keys.ID) error // an error for what is lost

	inFlight, most int // concurrent requests
}

func newNetwork() *network {
	return &network{blocks: map[keys.ID]keys.Block{}, top: map[keys.ID]bool{}, tried: map[keys.ID]int{}}
}

func (n *network) Insert(ctx context.Context, b keys.Block, top bool) error {
	n.enter()
	defer n.leave()
	if err := ctx.Err(); err != nil {
		return err
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	n.tried[b.ID()]++
	if n.refuse != nil {
		if err := n.refuse(b.ID(), n.tried[b.ID()]); err != nil {
			return err
		}
	}
	if _, ok := n.blocks[b.ID()]; !ok {
		n.order = append(n.order, b.ID())
	}
	n.blocks[b.ID()] = b
	n.top[b.ID()] = n.top[b.ID()] || top
	return nil
}

func (n *network) Fetch(ctx context.Context, id keys.ID, top bool) (keys.Block, error) {
	n.enter()
	defer n.leave()
	if err := ctx.Err(); err != nil {
		return keys.Block{}, err
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	n.fetched = append(n.fetched, id)
	if n.lose != nil {
		if err := n.lose(id); err != nil {
			return keys.Block{}, err
		}
	}
	b, ok := n.blocks[id]
	if !ok {
		return keys.Block{}, fmt.Errorf("double: %w", ErrNotFound)
	}
	if top != n.top[id] {
		return keys.Block{}, errors.New("double: fetched as a top block what was not inserted as one, or the reverse")
	}
	return b, nil
}

func (n *network) enter() {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.inFlight++
	n.most = max(n.most, n.inFlight)
}

func (n *network) leave() {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.inFlight--
}

// plainBlocks lists the blocks that are not top blocks.
func (n *network) plainBlocks() (ids []keys.ID) {
	for _, id := range n.order {
		if !n.top[id] {
			ids = append(ids, id)
		}
	}
	return ids
}

// loseShare loses that share of the blocks that are not top blocks, at random.
func (n *network) loseShare(share float64, seed uint64) {
	rng := rand.New(rand.NewPCG(seed, 1))
	gone := map[keys.ID]bool{}
	for _, id := range n.plainBlocks() {
		gone[id] = rng.Float64() < share
	}
	n.lose = func(id keys.ID) error {
		if gone[id] {
			return fmt.Errorf("double: lost: %w", ErrNotFound)
		}
		return nil
	}
}

// noise is content that no compressor shrinks, the same for the same seed.
func noise(size int, seed byte) []byte {
	b := make([]byte, size)
	rand.NewChaCha8([32]byte{seed}).Read(b)
	return b
}

// fixedRandom is a random source for tests.
func fixedRandom() io.Reader { return rand.NewChaCha8([32]byte{42}) }
