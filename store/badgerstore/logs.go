package badgerstore

import (
	"encoding/binary"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"sync"

	"github.com/dgraph-io/badger/v4"
)

// logs reads values from Badger's value log files past Badger, which would read them through its memory maps. That way
//   - a read maps nothing: a page fault here costs more than the read, brings in a megabyte, and counts as memory of the process;
//   - nobody parses what a damaged file says: the place of the value is from the index, and the seal tells whether it is one
//     (Badger, given a broken header, panics or keeps the file locked for ever);
//   - a file that is cut short is an error, where a memory map would end the process.
type logs struct {
	dir   string
	mu    sync.RWMutex
	files map[uint32]*os.File
}

// maxHandles is how many files are kept open.
const maxHandles = 256

func newLogs(dir string) *logs { return &logs{dir: dir, files: map[uint32]*os.File{}} }

// pointer is where Badger put an entry: a file, and a header, key, value and checksum of four bytes in it.
type pointer struct{ file, length, offset uint32 }

// pointerField is where an item keeps its pointer. Badger does not export it; TestPointers fails if a new Badger moves it.
var pointerField, _ = reflect.TypeFor[badger.Item]().FieldByName("vptr")

func pointerOf(item *badger.Item) (pointer, bool) {
	b := reflect.ValueOf(item).Elem().FieldByIndex(pointerField.Index).Bytes()
	if len(b) != 12 {
		return pointer{}, false
	}
	n := binary.NativeEndian
	return pointer{n.Uint32(b), n.Uint32(b[4:]), n.Uint32(b[8:])}, true
}

// read fills value from the end of the entry at p.
func (l *logs) read(p pointer, value []byte) error {
	const checksum = 4
	if int64(p.length) < int64(len(value))+checksum {
		return errUnreadable
	}
	f, err := l.open(p.file)
	if err != nil {
		return errUnreadable
	}
	at := int64(p.offset) + int64(p.length) - checksum - int64(len(value))
	if _, err := f.ReadAt(value, at); err != nil {
		return errUnreadable
	}
	return nil
}

func (l *logs) open(n uint32) (*os.File, error) {
	l.mu.RLock()
	f, ok := l.files[n]
	l.mu.RUnlock()
	if ok {
		return f, nil
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if f, ok := l.files[n]; ok {
		return f, nil
	}
	f, err := os.Open(l.path(n))
	if err != nil {
		return nil, err
	}
	for old, f := range l.files {
		if len(l.files) < maxHandles {
			break
		}
		f.Close() // who reads from it just now fails, and comes back
		delete(l.files, old)
	}
	l.files[n] = f
	return f, nil
}

// prune lets go of files that Badger has removed, or of all.
func (l *logs) prune(all bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for n, f := range l.files {
		if !all {
			if _, err := os.Stat(l.path(n)); !errors.Is(err, fs.ErrNotExist) {
				continue
			}
		}
		f.Close()
		delete(l.files, n)
	}
}

func (l *logs) path(n uint32) string { return filepath.Join(l.dir, pad(int(n), 6)+".vlog") }
