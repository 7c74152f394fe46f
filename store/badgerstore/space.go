package badgerstore

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sync/atomic"

	"nightjar/store"
)

// space keeps Badger from a disk that is full. Badger writes through memory maps of sparse files: where the disk has no
// block left the kernel answers a plain copy with SIGBUS, which ends the process. So before every write we ask for the
// room that Badger may need until we are asked again, and keep a reserve for the moments when it must write: opening
// (it replays its logs) and closing (it flushes a table).
//
// What is left is another program that takes the whole margin between our question and Badger's write: then the
// process dies, and starts again with what it had accepted.
type space struct {
	dir    string
	margin int64    // bytes that Badger may write beside the blocks of a batch
	tall   int64    // the length in bytes of the largest file that Badger makes
	probe  *os.File // is made tall and empty again, to learn whether that would be refused
	free   atomic.Pointer[freeFunc]
}

// freeFunc says how many bytes the file system of a path has left for this user.
type freeFunc func(path string) (int64, error)

// ask has another function asked for room from now on.
func (s *space) ask(f freeFunc) { s.free.Store(&f) }

// newSpace is for a directory that is locked through lock: the lock file, which is empty, is also the probe.
func newSpace(dir string, g geometry, lock *os.File, free func(string) (int64, error)) *space {
	s := &space{
		dir: dir,
		// Two memtables and their flushes, the compaction of a few; what is in the tables is small beside the margin's megabyte.
		margin: 6*g.table + 1<<20,
		tall:   2 * max(g.valueFile, g.table),
		probe:  lock,
	}
	s.ask(free)
	return s
}

// check returns an error that wraps store.ErrFull if the disk may not take n bytes of blocks and what Badger writes beside them.
func (s *space) check(n int64) error {
	have, err := (*s.free.Load())(s.dir)
	if err != nil {
		return fmt.Errorf("%w: asking for room on the disk: %w", store.ErrFull, pathless(err))
	}
	if have < n+s.margin {
		return fmt.Errorf("%w: the disk has too little room", store.ErrFull)
	}
	// Limits of the process and the user, a disk that became read-only, no file descriptors: Badger does not survive some
	// of its files being refused (writer.go), so that they are asked for first.
	f, err := os.Open(os.DevNull)
	if err == nil {
		err = errors.Join(f.Close(), s.probe.Truncate(s.tall), s.probe.Truncate(0))
	}
	if err != nil {
		return fmt.Errorf("%w: %w", errRefuses, pathless(err))
	}
	return nil
}

// pathless is an error of the system without the path that it names: what we return is logged by others.
func pathless(err error) error {
	if p, ok := errors.AsType[*fs.PathError](err); ok {
		return p.Err
	}
	return err
}

// spend gives the reserve up if the disk has too little room for what cannot wait, and reports whether there is room then.
func (s *space) spend() bool {
	if have, err := (*s.free.Load())(s.dir); err != nil || have >= s.margin {
		return err == nil
	}
	os.Remove(filepath.Join(s.dir, fileReserve))
	have, err := (*s.free.Load())(s.dir)
	return err == nil && have >= s.margin/2
}

// save makes the reserve if there is none and room for it. It is random bytes, so that a file system that compresses
// gives it its size.
func (s *space) save() error {
	path := filepath.Join(s.dir, fileReserve)
	if st, err := os.Stat(path); err == nil && st.Size() == s.margin {
		return nil
	}
	if have, err := (*s.free.Load())(s.dir); err != nil || have < 3*s.margin {
		return err
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = io.CopyN(f, rand.Reader, s.margin)
	if err = errors.Join(err, f.Close()); err != nil {
		return errors.Join(err, os.Remove(path))
	}
	return nil
}
