package vault

import (
	"errors"
	"fmt"

	"github.com/dgraph-io/badger/v4"
)

// entry reads what Badger has under a key; ErrNotFound, ErrDamaged. Badger panics over some damage.
func (v *Vault) entry(key []byte) (value []byte, err error) {
	defer func() {
		if recover() != nil {
			value, err = nil, ErrDamaged
		}
	}()
	err = v.db.View(func(txn *badger.Txn) error {
		item, err := txn.Get(key)
		if err != nil {
			return err
		}
		value, err = item.ValueCopy(nil)
		return err
	})
	switch {
	case errors.Is(err, badger.ErrKeyNotFound):
		return nil, ErrNotFound
	case err != nil:
		return nil, ErrDamaged
	}
	return value, nil
}

// read returns a record and its value.
func (v *Vault) read(key []byte) (*record, []byte, error) {
	sealed, err := v.entry(key)
	if err != nil {
		return nil, nil, err
	}
	r, err := v.seal.openRecord(key, sealed)
	if err != nil {
		return nil, nil, err
	}
	if !r.inPieces() {
		return r, r.value, nil
	}
	value := make([]byte, 0, r.size) // MaxValue at most, and sealed by us
	for i := range r.pieces() {
		pk := pieceKey(r.gen, i)
		sealed, err := v.entry(pk)
		if err != nil {
			return nil, nil, ErrDamaged
		}
		piece, err := v.seal.open(sealed, pk, key)
		if err != nil || len(piece) != pieceSize {
			return nil, nil, ErrDamaged
		}
		n := min(pieceSize, r.size-len(value))
		value = append(value, piece[:n]...)
		for _, c := range piece[n:] {
			if c != 0 {
				return nil, nil, ErrDamaged
			}
		}
	}
	return r, value, nil
}

// keys lists the Badger keys of a space.
func (v *Vault) keys(space string) (keys [][]byte, err error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if err := v.ready(); err != nil {
		return nil, err
	}
	defer func() {
		if recover() != nil {
			keys, err = nil, ErrDamaged
		}
	}()
	err = v.db.View(func(txn *badger.Txn) error {
		o := badger.DefaultIteratorOptions
		o.PrefetchValues = false
		o.Prefix = v.seal.prefix(space)
		it := txn.NewIterator(o)
		defer it.Close()
		for it.Rewind(); it.Valid(); it.Next() {
			if it.Item().KeySize() == keySize {
				keys = append(keys, it.Item().KeyCopy(nil))
			}
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("%w: listing", ErrDamaged)
	}
	return keys, nil
}

// putPieces writes the pieces of a new record, several transactions of them. Nothing names them yet.
func (v *Vault) putPieces(key []byte, r *record, value []byte) error {
	w := v.db.NewWriteBatch()
	defer w.Cancel()
	var err error
	for i := range r.pieces() {
		piece := value[i*pieceSize : min((i+1)*pieceSize, len(value))]
		if len(piece) < pieceSize {
			piece = append(make([]byte, 0, pieceSize), piece...)[:pieceSize]
		}
		pk := pieceKey(r.gen, i)
		if err = w.Set(pk, v.seal.seal(piece, pk, key)); err != nil {
			break
		}
	}
	if err == nil {
		err = w.Flush()
	}
	if err == nil {
		err = v.db.Sync()
	}
	if err == nil {
		return nil
	}
	v.broken = true
	return errWrite
}
