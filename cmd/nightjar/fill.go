package main

import (
	"context"
	"time"

	"nightjar/store/badgerstore"
)

const (
	// fillRate is how many bytes of filler a second are written at most: 10 GiB take three hours.
	fillRate = 1 << 20
	// fillAgain is how long after the store was full it is looked at again: what is evicted leaves room.
	fillAgain = 10 * time.Minute
)

// startFill keeps the store full, if that is wanted, until ctx ends; then the channel is closed.
func (d *daemon) startFill(ctx context.Context) <-chan struct{} {
	done := make(chan struct{})
	st, ok := d.store.(*badgerstore.Store)
	if !ok || !d.cfg.fill {
		close(done)
		return done
	}
	// Ends with ctx.
	go func() {
		defer close(done)
		for {
			if err := st.Fill(ctx, fillRate); err != nil {
				d.log.Warn("the store is not filled up: it takes nothing at the moment")
			}
			select {
			case <-time.After(fillAgain):
			case <-ctx.Done():
				return
			}
		}
	}()
	return done
}
