package badgerstore

import (
	"errors"
	"math"
	"reflect"

	"github.com/dgraph-io/badger/v4"
)

// garbage is how many bytes of each value log file nobody needs any more, by the file's number. Badger knows that too, but only of what
// its compactions have met, which is long after it was deleted; to have it know sooner, all tables would have to be merged again and again.
type garbage map[int]int64

// worthwhile is the part of a value log file that must be garbage for the file to be copied.
const worthwhile = 0.05

// worst is the value log file that has the most garbage for its size, if there is one that is worth copying.
func (g garbage) worst(u usage) (file int, ok bool) {
	most := worthwhile
	for n, size := range u.values {
		if n == u.newest || size == 0 {
			continue
		}
		// The lower number of two, so that the choice does not depend on the order of a map.
		if part := float64(g[n]) / float64(size); part > most || ok && part == most && n < file {
			file, most, ok = n, part, true
		}
	}
	return file, ok
}

// note counts what is under keys as garbage: they are about to be deleted or overwritten.
func (g garbage) note(db *badger.DB, keys [][]byte) {
	if len(keys) == 0 {
		return
	}
	txn := db.NewTransactionAt(math.MaxUint64, false)
	defer txn.Discard()
	for _, k := range keys {
		if p, err := placeOf(txn, k); err == nil {
			g[int(p.file)] += int64(p.length)
		}
	}
}

// placeOf asks Badger where the value of a key is: errMissing if it does not have the key, errUnreadable if its tables are damaged, over which it may
// panic.
func placeOf(txn *badger.Txn, key []byte) (p pointer, err error) {
	defer func() {
		if recover() != nil {
			err = errUnreadable
		}
	}()
	item, err := txn.Get(key)
	if errors.Is(err, badger.ErrKeyNotFound) {
		return p, errMissing
	}
	if err != nil {
		return p, errUnreadable
	}
	p, ok := pointerOf(item)
	if !ok {
		return p, errUnreadable
	}
	return p, nil
}

// count makes the account anew from all that db has: what no key points to is garbage.
func count(db *badger.DB, u usage) garbage {
	g := garbage{}
	txn := db.NewTransactionAt(math.MaxUint64, false)
	defer txn.Discard()
	o := badger.DefaultIteratorOptions
	o.PrefetchValues = false
	it := txn.NewIterator(o)
	defer it.Close()
	for it.Rewind(); it.Valid(); it.Next() {
		g.uses(it.Item())
	}
	g.fill(u)
	return g
}

// uses says of an item that it is needed, on the way to an account of everything: then fill.
func (g garbage) uses(item *badger.Item) {
	if p, ok := pointerOf(item); ok {
		g[int(p.file)] -= int64(p.length)
	}
}

// fill is the end of that. The file that is written to is longer than what is in it; of a store that opens it is empty.
func (g garbage) fill(u usage) {
	for n, size := range u.values {
		if n != u.newest {
			g[n] += size
		}
	}
	g[u.newest] = 0
}

// statistics is what Badger chooses files by. It does not export it; TestFreesTheFileThatIsNamed fails if a new Badger moves it.
type statistics interface {
	Update(file uint32, discard int64) int64
}

func statisticsOf(db *badger.DB) (statistics, bool) {
	vlog := reflect.ValueOf(db).Elem().FieldByName("vlog")
	if !vlog.IsValid() || vlog.Kind() != reflect.Struct {
		return nil, false
	}
	v := vlog.FieldByName("discardStats")
	if !v.IsValid() || v.Kind() != reflect.Pointer {
		return nil, false
	}
	s, ok := reflect.NewAt(v.Type(), v.Addr().UnsafePointer()).Elem().Interface().(statistics)
	return s, ok
}

var errStatistics = errors.New("badgerstore: this Badger does not let the file be chosen")

// freeFile has Badger copy what lives in a value log file and remove it. Nobody may write or merge tables meanwhile.
func freeFile(db *badger.DB, u usage, file int) error {
	stats, ok := statisticsOf(db)
	if !ok {
		return errStatistics
	}
	for n := range u.values {
		stats.Update(uint32(n), -1)
	}
	stats.Update(uint32(file), math.MaxInt32)
	err := db.RunValueLogGC(worthwhile)
	if err != nil {
		stats.Update(uint32(file), -1)
	}
	return err
}
