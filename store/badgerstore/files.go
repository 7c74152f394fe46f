package badgerstore

import (
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// files follows which of Badger's logs are current. Badger's own Sync covers the current ones alone, and those of a batch
// may have been succeeded while it was written; nor does Badger make new names in its directory durable.
type files struct {
	dir        string
	value, mem int // numbers of the newest value log and memtable log whose content is durable
}

func newFiles(dir string) *files {
	f := &files{dir: dir}
	// Without numbers every file looks new, which is right and only costs time.
	f.value, f.mem, _ = f.newest()
	return f
}

// newest are the largest numbers of the two kinds of log.
func (f *files) newest() (value, mem int, err error) {
	d, err := os.Open(f.dir)
	if err != nil {
		return 0, 0, err
	}
	names, err := d.Readdirnames(-1)
	if err = errors.Join(err, d.Close()); err != nil {
		return 0, 0, err
	}
	for _, name := range names {
		if n, ok := numbered(name, ".vlog"); ok {
			value = max(value, n)
		} else if n, ok := numbered(name, ".mem"); ok {
			mem = max(mem, n)
		}
	}
	return value, mem, nil
}

// settle makes what succeeded logs hold durable, and their successors' names. It is called after Badger's Sync, so
// that a log that was current then is either durable or has a successor now. It reports whether there was one.
func (f *files) settle() (turned bool, err error) {
	value, mem, err := f.newest()
	if err != nil || value == f.value && mem == f.mem {
		return false, err
	}
	for n := f.value; n <= value; n++ {
		err = errors.Join(err, syncPath(filepath.Join(f.dir, pad(n, 6)+".vlog")))
	}
	for n := f.mem; n <= mem; n++ {
		err = errors.Join(err, syncPath(filepath.Join(f.dir, pad(n, 5)+".mem")))
	}
	if err = errors.Join(err, syncDir(f.dir)); err != nil {
		return true, err
	}
	f.value, f.mem = value, mem
	return true, nil
}

func numbered(name, ext string) (int, bool) {
	stem, ok := strings.CutSuffix(name, ext)
	if !ok {
		return 0, false
	}
	n, err := strconv.Atoi(stem)
	return n, err == nil
}

func pad(n, width int) string {
	s := strconv.Itoa(n)
	return strings.Repeat("0", max(0, width-len(s))) + s
}
