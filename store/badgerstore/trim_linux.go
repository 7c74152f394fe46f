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

// trim lets go of the pages of the value log files. Badger maps every file whole and keeps the maps, so that in the end all
// that was ever written would count as memory of the process. The pages stay in the page cache, dirty ones too; only the
// process's own tables of them are emptied.
//
// Nothing else may be mapped in place of what is given up here. Files are mapped anew or unmapped when a log is succeeded,
// which the writer does, who calls this, or the collection, which s.tidying keeps away, and when Badger is closed, which
// s.life does.
func (s *Store) trim() {
	if !s.tidying.TryLock() {
		return // the next batch tries again
	}
	defer s.tidying.Unlock()
	s.life.RLock()
	defer s.life.RUnlock()
	s.wrote = 0
	if s.db == nil {
		return
	}
	release(s.dir, ".vlog")
}

// release lets go of the pages of the files in dir with an extension. Nobody may unmap one of them meanwhile.
func release(dir, ext string) {
	for _, m := range mapped(dir, ext) {
		// A refusal costs memory, nothing else.
		_ = unix.Madvise(m, unix.MADV_DONTNEED)
	}
}

// mapped lists the memory of this process in which files in dir with an extension are mapped (proc(5), maps).
func mapped(dir, ext string) (out [][]byte) {
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
		_, ok := numbered(filepath.Base(lines.Text()[i:]), ext)
		from, to, found := strings.Cut(strings.Fields(lines.Text())[0], "-")
		start, err1 := strconv.ParseUint(from, 16, 64)
		end, err2 := strconv.ParseUint(to, 16, 64)
		if !ok || !found || err1 != nil || err2 != nil || end <= start {
			continue
		}
		// The address is the kernel's, of a mapping that Go's collector knows nothing of and that outlives the slice.
		out = append(out, unsafe.Slice(*(**byte)(unsafe.Pointer(&start)), end-start))
	}
	return out
}
