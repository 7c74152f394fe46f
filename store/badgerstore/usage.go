package badgerstore

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
)

// usage is what the store's directory takes, in bytes. Files count with their length, sparse ones too: that is never less than
// what the disk gives them. The lock file is not counted: it is empty, and long for an instant and without a block (space.go).
type usage struct {
	total  int64
	tables int64         // of it in Badger's tables
	values map[int]int64 // of it in value log files, by number
	newest int           // the value log file that is written to
}

// measure looks at every file. What vanishes meanwhile was freed.
func measure(dir string) (u usage, err error) {
	u.values = map[int]int64{}
	err = filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() || d.Name() == fileLock {
			return gone(err)
		}
		st, err := d.Info()
		if err != nil {
			return gone(err)
		}
		u.total += st.Size()
		if n, ok := numbered(d.Name(), ".vlog"); ok {
			u.values[n] = st.Size()
			u.newest = max(u.newest, n)
		} else if _, ok := numbered(d.Name(), ".sst"); ok {
			u.tables += st.Size()
		}
		return nil
	})
	return u, err
}

func gone(err error) error {
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	return err
}

// need is what the directory may come to until it is measured again, which is when a log is succeeded: files of u plus
//
//	1½ value log files   the one written to is counted as two already; with its last batch it is one and a half, and then there are two of the next
//	3  value log files   what freeing a file takes before it gives something: the copy, and a new file or two to write it to
//	the tables           a merge writes them anew before it removes them
//	8  memtables         two logs of two each, their two tables, and the logs that take their place
func (g geometry) need(u usage) int64 {
	return u.total + g.valueFile*9/2 + u.tables + 8*g.table
}
