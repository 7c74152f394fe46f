package fproxy

import (
	"context"
	"encoding/binary"
	"testing"
	"testing/synctest"
	"time"

	"nightjar/crypto"
	"nightjar/keys"
)

// block is the i-th of many different blocks.
func block(i int) keys.Block {
	var key crypto.Key
	binary.BigEndian.PutUint64(key[:], uint64(i))
	return keys.SealData(make([]byte, keys.DataSize), &key)
}

func TestBlocksAreRememberedForAShortTime(t *testing.T) {
	n := newNetwork()
	b := block(1)
	if err := n.Insert(context.Background(), b, false); err != nil {
		t.Fatal(err)
	}
	synctest.Test(t, func(t *testing.T) {
		s := remembering{newRecent(), "a", n}
		fetch := func(want int) {
			t.Helper()
			got, err := s.Fetch(t.Context(), b.ID(), false)
			if err != nil || got.ID() != b.ID() || n.count() != want {
				t.Errorf("after %d fetches, want %d: %v", n.count(), want, err)
			}
		}
		fetch(1)
		time.Sleep(recentTime - time.Second)
		fetch(1)
		time.Sleep(time.Second)
		fetch(2) // reading again did not keep it longer
		time.Sleep(recentTime)
		synctest.Wait()
		if s.order.Len() != 0 || len(s.blocks) != 0 || s.forget != nil {
			t.Errorf("%d blocks are left, and nobody reads", s.order.Len())
		}
	})
}

// F9
func TestSitesRememberNothingForEachOther(t *testing.T) {
	n, b := newNetwork(), block(1)
	if err := n.Insert(context.Background(), b, false); err != nil {
		t.Fatal(err)
	}
	r := newRecent()
	for i, site := range []string{"a", "b", "a", "b"} {
		if _, err := (remembering{r, site, n}).Fetch(context.Background(), b.ID(), false); err != nil || n.count() != min(i+1, 2) {
			t.Errorf("after site %d: %d fetches, %v", i, n.count(), err)
		}
	}
}

func TestErrorsAreNotRemembered(t *testing.T) {
	n, b := newNetwork(), block(1)
	s := remembering{newRecent(), "a", n}
	if _, err := s.Fetch(context.Background(), b.ID(), false); err == nil {
		t.Fatal("found a block that is not there")
	}
	if err := n.Insert(context.Background(), b, false); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Fetch(context.Background(), b.ID(), false); err != nil {
		t.Error(err)
	}
}

// F7
func TestRememberedBlocksAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newRecent()
		for i := range recentBlocks + 10 {
			s.put("a", block(i))
			s.put("a", block(i)) // again: takes no second place
		}
		if s.order.Len() != recentBlocks || len(s.blocks) != recentBlocks {
			t.Errorf("%d and %d blocks", s.order.Len(), len(s.blocks))
		}
		if _, ok := s.get(place{"a", block(0).ID()}); ok {
			t.Error("the oldest is still there")
		}
		if _, ok := s.get(place{"a", block(recentBlocks + 9).ID()}); !ok {
			t.Error("the newest is not there")
		}
		time.Sleep(recentTime)
	})
}
