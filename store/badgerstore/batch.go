package badgerstore

import (
	"errors"

	"github.com/dgraph-io/badger/v4"

	"nightjar/keys"
	"nightjar/store"
)

// batch is what one transaction does. Its methods change the books at once and note how to undo that.
type batch struct {
	*Store
	txn     *badger.Txn
	room    int   // entries that txn can still take
	full    error // why the disk takes no more, if it does not
	ops     []*op // whose fate is that of the transaction
	results []error
	undo    []undo
	gone    [][]byte // keys whose values are garbage afterwards
	err     error    // of txn, on the way
}

// undo is how the books were before a step.
type undo struct {
	id   keys.ID
	old  store.Entry
	held bool
}

// verdict is what a put comes to.
type verdict struct {
	want   store.Entry
	old    store.Entry
	held   bool
	value  []byte // sealed
	write  bool
	result error // once want is held
}

// admit decides on a put. It returns false if the put must wait for another batch: this one decided on the same block, or
// has no room for what must go.
func (b *batch) admit(o *op) bool {
	b.mu.Lock()
	_, twice := b.unsafe[o.entry.ID]
	b.mu.Unlock()
	if twice {
		return false
	}
	v := b.judge(o)
	switch {
	case !v.write:
		o.done <- v.result
	case b.full != nil:
		b.ail(b.full)
		o.done <- b.full
	default:
		return b.enter(o, v)
	}
	return true
}

// judge compares a put with what is held.
func (b *batch) judge(o *op) verdict {
	v := verdict{value: o.sealed}
	b.mu.Lock()
	v.want, _ = b.ledger.Merge(o.entry)
	v.old, v.held = b.ledger.Find(o.entry.ID)
	b.mu.Unlock()
	v.write = !v.held || v.want != v.old
	if !v.held || o.entry.ID.Kind != keys.KindRecord {
		return v
	}
	have, err := b.read(v.old)
	if errors.Is(err, errSystem) { // it is there, and may be newer
		v.write, v.result = false, err
		return v
	}
	if err != nil || store.Newer(o.block, have) { // what is lost is replaced, whatever it was
		v.want.Size, v.write = o.entry.Size, true
		return v
	}
	v.result = store.ErrStale
	if v.write {
		v.value = b.seal.sealBlock(nil, have)
	}
	return v
}

// enter makes room for a put and writes it, in the books and in the transaction.
func (b *batch) enter(o *op, v verdict) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.crowded(v.want) {
		o.done <- store.ErrFull
		return true
	}
	if !b.yield(v) {
		return false
	}
	victims, err := b.ledger.RoomFor(v.want, o.link)
	if err != nil {
		o.done <- err
		return true
	}
	if b.room -= len(victims) + 2; b.room < 0 {
		return false
	}
	for _, gone := range victims {
		b.undo = append(b.undo, undo{gone.ID, gone, true})
		b.ledger.Yield(gone.ID, v.want, o.link)
		b.drop(gone)
	}
	b.undo = append(b.undo, undo{v.want.ID, v.old, v.held})
	b.ledger.SetFrom(v.want, o.link)
	if isFiller(v.want) {
		b.filler = append(b.filler, v.want.ID)
	}
	b.unsafe[v.want.ID] = struct{}{}
	switch {
	case v.held && v.old != v.want:
		b.drop(v.old)
	case v.held: // the key stays and gets another value
		b.gone = append(b.gone, b.seal.key(v.old))
	}
	b.note(b.txn.Set(b.seal.key(v.want), v.value))
	b.ops = append(b.ops, o)
	b.results = append(b.results, v.result)
	return true
}

func (b *batch) drop(e store.Entry) {
	key := b.seal.key(e)
	b.gone = append(b.gone, key)
	b.note(b.txn.Delete(key))
}

func (b *batch) note(err error) { b.err = errors.Join(b.err, err) }

// rollback makes the books as they were.
func (b *batch) rollback() {
	b.mu.Lock()
	defer b.mu.Unlock()
	for i := len(b.undo) - 1; i >= 0; i-- {
		if u := b.undo[i]; u.held {
			b.ledger.Set(u.old)
			if isFiller(u.old) {
				b.filler = append(b.filler, u.id)
			}
		} else {
			b.ledger.Remove(u.id)
		}
	}
	clear(b.unsafe)
}
