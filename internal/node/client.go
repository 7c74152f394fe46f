package node

import (
	"context"
	"crypto/hmac"
	crand "crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"sync/atomic"
	"time"

	"nightjar/internal/content"
	"nightjar/keys"
	"nightjar/routing"
	"nightjar/routing/circuit"
	"nightjar/routing/wire"
)

const (
	// tries is how often a request that failed for a passing reason is made again.
	tries = 4
	// circuitTries is the same through circuits, where each of them is several tries.
	circuitTries = 2
	// retryAfter is the first pause before another try; it doubles.
	retryAfter = 150 * time.Millisecond
	// minTopCopies is at how many of its rotated positions a top block must be stored for Insert to succeed.
	minTopCopies = 3
)

// Client fetches and inserts on behalf of the local user. It implements content.Source and content.Sink. Each client is an
// isolation group: its requests share circuits with no other's.
type Client struct {
	n      *Node
	class  wire.Class
	group  [32]byte
	blocks atomic.Int64 // as Expect said
}

// Client returns a client whose requests have the given class, and whose group is its own. Close it when it is done.
func (n *Node) Client(class wire.Class) *Client {
	c := &Client{n: n, class: class}
	crand.Read(c.group[:])
	return c
}

// ClientFor returns a client that shares its group with all that have the same class and name: a site, say, that is read again
// and again. Its circuits go when they have not been used for a while.
func (n *Node) ClientFor(class wire.Class, name []byte) *Client {
	mac := hmac.New(sha256.New, n.groups[:]) // keyed, so that a group says nothing of the name
	mac.Write([]byte{byte(class)})
	mac.Write(name)
	return &Client{n: n, class: class, group: [32]byte(mac.Sum(nil))}
}

// Expect says how many blocks the client will have asked for or inserted in the end: the more, the more circuits they are
// spread over.
func (c *Client) Expect(blocks uint64) { c.blocks.Store(int64(min(blocks, math.MaxInt32))) }

// Obstacle is why the network can be asked for nothing at the moment: it wraps ErrNoCircuit, and its text is for people. Nil if
// nothing is in the way. Requests that are made meanwhile wait.
func (c *Client) Obstacle() error { return c.n.obstacle() }

// Close says that no more requests come of the client's group.
func (c *Client) Close() {
	if !c.n.cfg.Direct {
		c.n.inbox.push(circuit.Finished{Group: circuit.Group{Key: c.group}})
		c.n.inbox.push(circuit.Finished{Group: circuit.Group{Key: c.waiting()}})
	}
}

// Fetch returns a block; the error wraps content.ErrNotFound, is ErrNoAnswer, ErrNoPeers or ErrStopped, or ctx's. Of the rotated positions of a
// top block one is tried, so that no one place on the ring sees all who ask, and if it has nothing the others at once.
func (c *Client) Fetch(ctx context.Context, id keys.ID, top bool) (keys.Block, error) {
	all := rotations(top)
	b, err := c.FetchAt(ctx, id, all[0])
	if len(all) == 1 || !errors.Is(err, content.ErrNotFound) && err != ErrNoAnswer {
		return b, err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	type answer struct {
		keys.Block
		error
	}
	answers := make(chan answer, len(all)-1)
	for _, rotation := range all[1:] {
		// Ends with the request, which ctx bounds, at the latest when Fetch returns.
		go func() {
			b, err := c.FetchAt(ctx, id, rotation)
			answers <- answer{b, err}
		}()
	}
	last := err
	for range all[1:] {
		switch a := <-answers; {
		case a.error == nil:
			return a.Block, nil
		case !errors.Is(a.error, content.ErrNotFound):
			last = a.error // somebody who does not answer may have it
		}
	}
	return keys.Block{}, last
}

// FetchAt asks at one of a block's positions alone; otherwise it is as Fetch. It implements content.Positioned.
func (c *Client) FetchAt(ctx context.Context, id keys.ID, rotation uint8) (keys.Block, error) {
	done, err := c.retry(ctx, request{id: id, rotation: rotation})
	switch {
	case err != nil:
		return keys.Block{}, err
	case !done.Block.IsZero():
		return done.Block, nil
	case done.Reason == wire.NotFound:
		return keys.Block{}, fmt.Errorf("fetch: %w", content.ErrNotFound)
	}
	return keys.Block{}, ErrNoAnswer
}

// Insert returns when the block is stored by its sink set (a top block: at its rotated positions). The error is
// ErrNotStored, ErrNoPeers, ErrStopped, or ctx's.
func (c *Client) Insert(ctx context.Context, b keys.Block, top bool) error {
	all := rotations(top)
	errs := make(chan error, len(all))
	for _, rotation := range all {
		// Ends with the request, which ctx and the machine's own deadline bound.
		go func() { errs <- c.insertAt(ctx, b, rotation) }()
	}
	stored := 0
	var last error
	for range all {
		if err := <-errs; err != nil {
			last = err
		} else {
			stored++
		}
	}
	if stored >= min(minTopCopies, len(all)) {
		return nil
	}
	return last
}

func (c *Client) insertAt(ctx context.Context, b keys.Block, rotation uint8) error {
	done, err := c.retry(ctx, request{block: b, rotation: rotation})
	if err == nil && done.Copies == 0 {
		err = ErrNotStored
	}
	return err
}

// rotations lists the positions of a block in random order.
func rotations(top bool) []uint8 {
	if !top {
		return []uint8{0}
	}
	all := make([]uint8, keys.Rotations)
	for i, r := range rand.Perm(keys.Rotations) {
		all[i] = uint8(r)
	}
	return all
}

// retry makes a request until it is answered, there is nothing (more) to find, or it has failed too often.
func (c *Client) retry(ctx context.Context, r request) (routing.Done, error) {
	pause, tries := retryAfter, tries
	if !c.n.cfg.Direct {
		tries = circuitTries
	}
	for try := 1; ; try++ {
		done, err := c.do(ctx, r)
		if err != nil && (!errors.Is(err, ErrNoPeers) || try == tries) {
			return done, err // a node may lose its only peer for a moment
		}
		if !done.Block.IsZero() || done.Copies > 0 || done.Reason == wire.NotFound || try == tries {
			return done, nil
		}
		select {
		case <-time.After(pause):
			pause *= 2
		case <-ctx.Done():
			return done, ctx.Err()
		}
	}
}

// do makes one request and waits for its answer.
func (c *Client) do(ctx context.Context, r request) (routing.Done, error) {
	r.class, r.group = c.class, circuit.Group{Key: c.group, Blocks: int(c.blocks.Load())}
	if r.wait {
		r.group = circuit.Group{Key: c.waiting()}
	}
	r.token = routing.Token(c.n.tokens.Add(1))
	r.reply = make(chan routing.Done, 1)
	c.n.inbox.push(r)
	select {
	case done := <-r.reply:
		if done.Block.IsZero() && done.Copies == 0 && done.Reason == wire.Failed {
			return done, c.alive()
		}
		return done, nil
	case <-ctx.Done():
		c.n.inbox.push(cancelled{r.token})
		return routing.Done{}, ctx.Err()
	case <-c.n.ended:
		return routing.Done{}, ErrStopped
	}
}

// alive says why a failed request cannot have succeeded, if the node itself is the cause.
func (c *Client) alive() error {
	select {
	case <-c.n.ended:
		return ErrStopped
	default:
	}
	if c.n.cfg.Direct && c.n.alone() {
		return ErrNoPeers
	}
	return nil
}

var (
	_ content.Source = (*Client)(nil)
	_ content.Sink   = (*Client)(nil)

	_ content.Positioned = (*Client)(nil)
)
