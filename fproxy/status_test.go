package fproxy

import (
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"nightjar/internal/node"
)

// askedNode is a node that counts how often it is asked.
type askedNode struct{ times atomic.Int64 }

func (a *askedNode) Status() node.Status {
	time.Sleep(time.Millisecond)
	return node.Status{Barred: int(a.times.Add(1))}
}

func TestTheNodeIsAskedOnceASecond(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := new(askedNode)
		s := newStatus(n)
		for second := range int64(3) {
			var all sync.WaitGroup
			for range 100 {
				all.Go(func() {
					if got := s.get().Barred; got != int(second)+1 {
						t.Errorf("answer %d in second %d", got, second)
					}
				})
			}
			all.Wait()
			if got := n.times.Load(); got != second+1 {
				t.Errorf("asked %d times in %d seconds", got, second+1)
			}
			time.Sleep(statusTime)
		}
	})
}
