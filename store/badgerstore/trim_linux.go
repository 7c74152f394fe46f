package badgerstore

import (
	"bufio"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"unsafe"

	"golang.org/x/sys/unix"
)

// trim lets go of the pages of older value log files. Badger maps every file whole and keeps the maps, so that in the end all
// that was ever read or written would count as memory of the process. The pages stay in the page cache; only the process's own
// tables of them are emptied, and a later read finds them again.
//
// Nothing else can be mapped in place of what is given up here: older value log files are unmapped by the collection alone,
// which s.tidying keeps away, and by closing Badger, which s.life does. The newest file may be cut at any time and is left alone.
func (s *Store) trim() {
	s.tidying.Lock()
	defer s.tidying.Unlock()
	s.life.RLock()
	defer s.life.RUnlock()
	if s.db == nil {
		return
	}
	newest, _, err := (&files{dir: s.dir}).newest()
	if err != nil {
		return
	}
	for _, m := range mapped(s.dir) {
		if m.number < newest {
			// A refusal costs memory, nothing else.
			_ = unix.Madvise(m.bytes, unix.MADV_DONTNEED)
		}
	}
}

// mapping is a mapped value log file.
type mapping struct {
	number int
	bytes  []byte
}

// mapped lists the value log files in dir that this process has mapped (proc(5), maps).
func mapped(dir string) (out []mapping) {
	dir, err := filepath.EvalSymlinks(dir)
	if err != nil {
		return nil
	}
	if dir, err = filepath.Abs(dir); err != nil {
		return nil
	}
	f, err := os.Open("/proc/self/maps")
	if err != nil {
		return nil
	}
	defer f.Close()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		i := strings.IndexByte(lines.Text(), '/')
		if i < 0 || filepath.Dir(lines.Text()[i:]) != dir {
			continue
		}
		number, ok := numbered(filepath.Base(lines.Text()[i:]), ".vlog")
		from, to, found := strings.Cut(strings.Fields(lines.Text())[0], "-")
		start, err1 := strconv.ParseUint(from, 16, 64)
		end, err2 := strconv.ParseUint(to, 16, 64)
		if !ok || !found || err1 != nil || err2 != nil || end <= start {
			continue
		}
		// The address is the kernel's, of a mapping that Go's collector knows nothing of and that outlives the slice.
		bytes := unsafe.Slice(*(**byte)(unsafe.Pointer(&start)), end-start)
		out = append(out, mapping{number, bytes})
	}
	return out
}
