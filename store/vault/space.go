package vault

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

// space keeps Badger from a disk that is full: Badger writes through memory maps of sparse files, and where the disk has no block
// left the kernel ends the process. So room is asked for before every write, and a reserve is kept for opening and closing, which write.
type space struct {
	dir   string
	probe *os.File // the lock file: made tall and empty again, to learn whether the system would refuse that
	free  func(path string) (int64, error)
}

// check returns an error that wraps ErrFull if the disk may not take n bytes and what Badger writes beside them.
func (s *space) check(n int64) error {
	have, err := s.free(s.dir)
	if err != nil || have < n+margin {
		return fmt.Errorf("%w: %d MiB are needed", ErrFull, (n+margin)>>20)
	}
	// Limits of the process and the user, a disk that became read-only, no file descriptors.
	f, err := os.Open(os.DevNull)
	if err == nil {
		err = errors.Join(f.Close(), s.probe.Truncate(4*memTable), s.probe.Truncate(0))
	}
	if err != nil {
		return fmt.Errorf("%w: the system refuses to write", ErrFull)
	}
	return nil
}

// spend gives up the reserve if the disk has too little room for what cannot wait, and reports whether there is room then.
func (s *space) spend() bool {
	if have, err := s.free(s.dir); err != nil || have >= margin {
		return err == nil
	}
	os.Remove(filepath.Join(s.dir, fileReserve))
	have, err := s.free(s.dir)
	return err == nil && have >= margin/2
}

// save makes the reserve if there is none and room for it. Without one only a full disk at the next opening is worse off.
func (s *space) save() {
	path := filepath.Join(s.dir, fileReserve)
	if st, err := os.Stat(path); err == nil && st.Size() == margin {
		return
	}
	if have, err := s.free(s.dir); err != nil || have < 3*margin {
		return
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return
	}
	_, err = io.CopyN(f, rand.Reader, margin) // random, so that a file system that compresses gives it its size
	if errors.Join(err, f.Close()) != nil {
		os.Remove(path)
	}
}
