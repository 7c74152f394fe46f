package badgerstore

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"sync"
	"syscall"
	"unsafe"

	"github.com/dgraph-io/badger/v4"

	"nightjar/store"
	"nightjar/store/badgerfiles"
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

	failing map[uint32]bool // files that the disk did not give back whole
}

// maxHandles is how many files are kept open: those of a full store, or any read might have to open one.
const maxHandles = maxFiles

func newLogs(dir string) *logs {
	return &logs{dir: dir, files: map[uint32]*os.File{}, failing: map[uint32]bool{}}
}

// pointer is where Badger put an entry: a file, and a header, key, value and checksum of four bytes in it.
type pointer struct{ file, length, offset uint32 }

// pointerField is where an item keeps its pointer. Badger does not export it; TestPointers fails if a new Badger moves it.
var pointerField, _ = reflect.TypeFor[badger.Item]().FieldByName("vptr")

func pointerOf(item *badger.Item) (pointer, bool) {
	b := *(*[]byte)(unsafe.Add(unsafe.Pointer(item), pointerField.Offset))
	if len(b) != 12 {
		return pointer{}, false
	}
	n := binary.NativeEndian
	return pointer{n.Uint32(b), n.Uint32(b[4:]), n.Uint32(b[8:])}, true
}

const checksumSize = 4 // behind a value

// hint is where the value of a block is, as the books remember it: the file in the upper half, the offset in the lower. 0 is nowhere:
// Badger's first file is 1.
func (p pointer) hint(e store.Entry) uint64 {
	behind, size := uint64(p.offset)+uint64(p.length), uint64(e.Size+sealSize+checksumSize)
	if uint64(p.length) < size || behind-size > math.MaxUint32 {
		return 0
	}
	return uint64(p.file)<<32 | (behind - size)
}

// read fills value from a place that pointer.hint gave. Where that leads nowhere it is an error, or gives bytes whose seal is broken.
func (l *logs) read(hint uint64, value []byte) error {
	f, err := l.open(uint32(hint >> 32))
	if err == nil {
		_, err = f.ReadAt(value, int64(hint&math.MaxUint32))
	}
	if passing := badgerfiles.Passing(err); passing != nil {
		return fmt.Errorf("%w: %w", errSystem, passing)
	}
	if errors.Is(err, syscall.EIO) {
		l.mu.Lock()
		l.failing[uint32(hint>>32)] = true
		l.mu.Unlock()
	}
	if err != nil {
		return errUnreadable
	}
	return nil
}

// failed reports whether the disk did not give back something of a file: it may do so after the next start, so that the file must stay until then.
func (l *logs) failed(file int) bool {
	l.mu.RLock()
	defer l.mu.RUnlock()
	return l.failing[uint32(file)]
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
	if errors.Is(err, syscall.EMFILE) { // the process needs its handles for something else
		l.keep(len(l.files) / 2)
		f, err = os.Open(l.path(n))
	}
	if err != nil {
		return nil, err
	}
	l.keep(maxHandles - 1)
	l.files[n] = f
	return f, nil
}

// keep closes files, whichever, until no more than n are open. The caller holds mu.
func (l *logs) keep(n int) {
	for old, f := range l.files {
		if len(l.files) <= n {
			break
		}
		f.Close() // who reads from it just now fails, and comes back
		delete(l.files, old)
	}
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
