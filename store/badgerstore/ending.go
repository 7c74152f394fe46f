package badgerstore

import (
	"time"

	"github.com/dgraph-io/badger/v4"
)

// closeTime is how long Badger may take to end. What it must write is two memtables; on a disk that takes nothing it tries for ever.
const closeTime = 5 * time.Second

// ending is a database that is being closed: what Close returned, once it has. nil is none.
type ending <-chan error

// shut ends a database.
func shut(db *badger.DB) ending {
	over := make(chan error, 1)
	go func() { // ends when the disk has taken what Badger must write, or with the process
		var err error
		defer func() {
			_ = recover() // a Badger without a memtable panics; there is nothing to write then
			over <- err
		}()
		err = db.Close()
	}()
	return over
}

// wait reports whether it is over, and what came of it, after some time at most.
func (e ending) wait(most time.Duration) (over bool, err error) {
	select {
	case err := <-e:
		return true, err
	default:
	}
	t := time.NewTimer(most)
	defer t.Stop()
	select {
	case err := <-e:
		return true, err
	case <-t.C:
		return false, nil
	}
}
