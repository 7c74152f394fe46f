package node

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"nightjar/internal/content"
	"nightjar/keys"
	"nightjar/routing"
	"nightjar/routing/circuit"
	"nightjar/routing/wire"
)

const (
	// awaitAt is at how many of a record's positions Await waits at a time: whoever sits at one of them must not be able to keep it from us.
	awaitAt = 2
	// shortWait is how long a wait should last at the least: one that ends sooner has not begun. Then Await pauses, for awaitPause at first, doubling up to
	// awaitMost.
	shortWait  = time.Minute
	awaitPause = time.Second
	awaitMost  = time.Minute
)

// errNoWait reports a name that nobody can wait for.
var errNoWait = errors.New("node: only a record can be waited for")

var _ content.Awaiter = (*Client)(nil)

// Await returns the record named id when it appears, or at once if it is there. It waits at two of the record's positions, through circuits that
// serve nothing but the waiting of this client's group, and begins again when a wait is over. The error is ctx's or ErrStopped. That nothing comes
// says nothing: whoever waits for long should look with Fetch now and then.
func (c *Client) Await(ctx context.Context, id keys.ID) (keys.Block, error) {
	if id.Kind != keys.KindRecord {
		return keys.Block{}, errNoWait
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	all := rotations(true)
	came := make(chan awaited, awaitAt)
	for i := range awaitAt {
		var mine []uint8
		for j := i; j < len(all); j += awaitAt {
			mine = append(mine, all[j])
		}
		go func() { came <- c.awaitAt(ctx, id, mine) }() // ends with ctx, and Await waits for it
	}
	first := <-came
	cancel()
	for range awaitAt - 1 {
		if next := <-came; next.err == nil {
			first = next
		}
	}
	if first.err != nil {
		return keys.Block{}, fmt.Errorf("await: %w", first.err)
	}
	return first.block, nil
}

// awaited is what came of waiting.
type awaited struct {
	block keys.Block
	err   error
}

// awaitAt waits at some of a record's positions, one after the other, until it is there or ctx ends.
func (c *Client) awaitAt(ctx context.Context, id keys.ID, positions []uint8) awaited {
	pause := awaitPause
	for i := 0; ; i++ {
		began := time.Now()
		done, err := c.do(ctx, request{id: id, rotation: positions[i%len(positions)], wait: true})
		switch {
		case !done.Block.IsZero():
			return awaited{block: done.Block}
		case ctx.Err() != nil:
			return awaited{err: ctx.Err()}
		case errors.Is(err, ErrStopped):
			return awaited{err: err}
		case time.Since(began) >= shortWait:
			pause = awaitPause
		}
		timer := time.NewTimer(pause/2 + rand.N(pause))
		select {
		case <-timer.C:
		case <-ctx.Done():
		}
		timer.Stop()
		pause = min(2*pause, awaitMost)
	}
}

// waiting is the group whose circuits carry nothing but this client's waiting: they stay open for long, and who sees them should not see
// what else is read.
func (c *Client) waiting() [32]byte {
	h := sha256.New()
	h.Write([]byte("nightjar waiting group v1"))
	h.Write(c.group[:])
	return [32]byte(h.Sum(nil))
}

// await hands a request that waits to the circuits, or straight to key routing.
func (l *loop) await(now time.Time, r request) {
	if l.n.cfg.Direct {
		l.effects(l.machine.Step(now, routing.LocalWait{Token: r.token, ID: r.id, Rotation: r.rotation}))
		return
	}
	l.circuitEffects(l.circuits.Step(now, circuit.Get{
		Token: circuit.Token(r.token), ID: r.id, Rotation: r.rotation, Class: wire.Interactive, Group: r.group, Wait: true,
	}))
}

// lease brings what a circuit waits for into key routing, like launch.
func (l *loop) lease(e circuit.LaunchGet) {
	l.launch(e.Ref, func(t routing.Token) routing.Event {
		return routing.LocalWait{Token: t, ID: e.ID, Rotation: e.Rotation}
	})
}
