package badgerstore

import (
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"nightjar/store"
)

// What keeps a store from taking blocks, for its user. Reads go on in each case, and the node relays.
const (
	ailFull    = "the disk is full: this node reads and relays, and stores nothing until there is room"
	ailRefused = "the disk refuses to be written to: this node reads and relays, and stores nothing until it can"
	ailBroken  = "the disk does not keep what is written to it: this node reads and relays, and stores nothing until it does"
	ailSlow    = "the disk is too slow for what comes: this node reads and relays, and stores only a part"
	ailCrowded = "the store's files cannot be brought within its quota: this node reads and relays, and stores nothing until they are"
)

var (
	errSlow    = fmt.Errorf("%w: the disk is too slow", store.ErrFull)
	errRefuses = fmt.Errorf("%w: the disk refuses", store.ErrFull)
)

// tooSlow is how long a put waits for the writer at most: then the disk is so slow that callers are better told.
const tooSlow = 10 * time.Second

// health says once when puts begin to be refused for a reason that is not in the books, and once when they are taken again.
type health struct {
	ailment  atomic.Pointer[string] // nil = none
	patience time.Duration          // tooSlow
}

// Ailment says, for people, why the store takes no blocks just now, although they are worth keeping; "" if it takes them. It ends when a block is
// taken.
func (s *Store) Ailment() string {
	if a := s.ailment.Load(); a != nil {
		return *a
	}
	return ""
}

// ail notes why puts are refused.
func (s *Store) ail(err error) {
	text := ailBroken
	switch {
	case errors.Is(err, errSlow):
		text = ailSlow
	case errors.Is(err, errCrowded):
		text = ailCrowded
	case errors.Is(err, errRefuses):
		text = ailRefused
	case errors.Is(err, store.ErrFull):
		text = ailFull
	}
	if old := s.ailment.Swap(&text); old == nil || *old != text {
		s.warn("store: "+text, err)
	}
}

// recovered notes that a batch was taken, and how long that took: a disk that is slow takes some too.
func (s *Store) recovered(took time.Duration) {
	a := s.ailment.Load()
	if a == nil || *a == ailSlow && took > s.patience/4 {
		return
	}
	if s.ailment.CompareAndSwap(a, nil) {
		s.cfg.Log.Info("store: the disk takes what is written to it again")
	}
}

// hand gives a put to the writer, which takes all that wait when the batch before is durable.
func (s *Store) hand(o *op) error {
	select {
	case s.puts <- o:
		return nil
	default:
	}
	late := time.NewTimer(s.patience)
	defer late.Stop()
	select {
	case s.puts <- o:
		return nil
	case <-s.stop:
		return store.ErrClosed
	case <-late.C:
		s.ail(errSlow)
		return errSlow
	}
}
