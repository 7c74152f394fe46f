package badgerstore

import (
	"context"
	"crypto/rand"
	"errors"
	"time"

	"nightjar/keys"
	"nightjar/store"
)

// fillerAt in the entry of a cached data block says that it is filler: random bytes under a random name, which nobody can ask for. On the disk and
// in the books it is a block like any other, so that how full a store is says nothing; but it goes first. SPEC §4.
const fillerAt = keys.Location(0x6e6f74_68696e67_21) // a node keeps no block for this place but by a chance of 2⁻⁶⁴

func isFiller(e store.Entry) bool {
	return e.At == fillerAt && e.Class == store.Cache && e.ID.Kind == keys.KindData
}

// Fill puts filler until the store is full, ctx ends, or the store is closed, at most so many bytes a second.
func (s *Store) Fill(ctx context.Context, rate int64) error {
	pause := time.Duration(int64(time.Second) * keys.DataSize / max(rate, 1))
	data := make([]byte, keys.DataSize)
	for {
		id := keys.ID{Kind: keys.KindData}
		rand.Read(id.Name[:])
		rand.Read(data)
		err := s.Put(keys.Restore(id, data), store.Cache, fillerAt)
		switch {
		case errors.Is(err, store.ErrFull), errors.Is(err, store.ErrClosed):
			return nil
		case err != nil:
			return err
		}
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return nil
		}
	}
}

// yield has filler go until e fits, and reports whether the transaction has room for that. Filler itself displaces nothing. mu is held.
func (b *batch) yield(v verdict) bool {
	need := b.ledger.Stats().Bytes + v.want.Charge() - b.ledger.Stats().Usable
	if v.held {
		need -= v.old.Charge()
	}
	for ; need > 0 && len(b.filler) > 0; b.filler = b.filler[:len(b.filler)-1] {
		e, ok := b.ledger.Find(b.filler[len(b.filler)-1])
		if !ok || !isFiller(e) {
			continue // it went before
		}
		if b.room < 3 {
			return false
		}
		b.room--
		b.undo = append(b.undo, undo{e.ID, e, true})
		b.ledger.Remove(e.ID)
		b.drop(e)
		need -= e.Charge()
	}
	return true
}

// surplusFiller forgets filler until no more than usable is held, no more than most of it, and returns it: a store that becomes smaller keeps blocks before
// it. mu is held, or the books are nobody else's yet.
func (s *Store) surplusFiller(ledger *store.Ledger, usable int64, most int) (gone []store.Entry) {
	for ; ledger.Stats().Bytes > usable && len(gone) < most && len(s.filler) > 0; s.filler = s.filler[:len(s.filler)-1] {
		e, ok := ledger.Find(s.filler[len(s.filler)-1])
		if ok && isFiller(e) {
			ledger.Remove(e.ID)
			gone = append(gone, e)
		}
	}
	return gone
}

// crowded reports whether e is filler and there is no room for it. mu is held.
func (b *batch) crowded(e store.Entry) bool {
	st := b.ledger.Stats()
	return isFiller(e) && st.Bytes+e.Charge() > st.Usable
}
