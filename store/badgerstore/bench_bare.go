package badgerstore

import (
	"encoding/binary"
	"errors"
	"math"
	"time"

	"github.com/dgraph-io/badger/v4"

	"nightjar/keys"
)

// bare is what Bench compares a store with: Badger with the store's options and a writer like the store's, with the same batches and the same sync,
// that decides nothing and seals nothing.
type bare struct {
	db    *badger.DB
	puts  chan *bareOp
	stop  chan struct{}
	ended chan struct{}
}

type bareOp struct {
	key, value []byte
	done       chan error
}

// openBare opens one for a quota. With verify Badger checks what it reads, as a store's seal does.
func openBare(dir string, quota int64, verify bool) (*bare, error) {
	o := shape(quota).options(dir, quiet{})
	o.VerifyValueChecksum = verify
	db, err := badger.OpenManaged(o)
	if err != nil {
		return nil, err
	}
	r := &bare{db: db, puts: make(chan *bareOp), stop: make(chan struct{}), ended: make(chan struct{})}
	go r.write() // ends with stop, which close closes
	return r, nil
}

func (r *bare) close() error {
	close(r.stop)
	<-r.ended
	return r.db.Close()
}

func (r *bare) write() {
	defer close(r.ended)
	last, ts := 0, r.db.MaxVersion()
	for {
		var all []*bareOp
		select {
		case o := <-r.puts:
			all = append(all, o)
		case <-r.stop:
			return
		}
		all = r.gather(all, last)
		last = len(all)
		ts++
		err := r.commit(all, ts)
		for _, o := range all {
			o.done <- err
		}
	}
}

// gather is Store.gather.
func (r *bare) gather(all []*bareOp, last int) []*bareOp {
	late := time.NewTimer(linger)
	defer late.Stop()
	for len(all) < maxBatch {
		select {
		case o := <-r.puts:
			all = append(all, o)
			continue
		default:
		}
		if len(all) >= last {
			return all
		}
		select {
		case o := <-r.puts:
			all = append(all, o)
		case <-late.C:
			return all
		}
	}
	return all
}

func (r *bare) commit(all []*bareOp, ts uint64) error {
	txn := r.db.NewTransactionAt(math.MaxUint64, true)
	defer txn.Discard()
	for _, o := range all {
		if err := txn.Set(o.key, o.value); err != nil {
			return err
		}
	}
	return errors.Join(txn.CommitAt(ts, nil), r.db.Sync())
}

func (r *bare) put(key, value []byte) error {
	o := &bareOp{key, value, make(chan error, 1)}
	r.puts <- o
	return <-o.done
}

func (r *bare) get(key []byte) (v []byte, err error) {
	txn := r.db.NewTransactionAt(math.MaxUint64, false)
	defer txn.Discard()
	item, err := txn.Get(key)
	if err != nil {
		return nil, err
	}
	return item.ValueCopy(nil)
}

// benchID is the ID of block n of a benchmark.
func benchID(kind keys.Kind, n uint64) keys.ID {
	id := keys.ID{Kind: kind}
	for i := range 4 {
		binary.LittleEndian.PutUint64(id.Name[8*i:], (n+1)*0x9e3779b97f4a7c15*uint64(2*i+1))
	}
	return id
}

// benchBlock is data block n; all have the same bytes, as no cipher cares.
func benchBlock(n uint64, data []byte) keys.Block {
	return keys.Restore(benchID(keys.KindData, n), data)
}

// benchKey is the key of block n in Badger alone, as long as the store's.
func benchKey(n uint64) []byte {
	k := make([]byte, keySize)
	id := benchID(keys.KindData, n)
	copy(k[:tagSize], id.Name[16:])
	copy(k[tagSize:], id.Name[:])
	return k
}
