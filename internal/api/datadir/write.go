package datadir

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"time"
)

// write replaces a file of the directory at once.
func (d Dir) write(name string, data []byte) error {
	return d.place(name, data, os.Rename)
}

// create writes a file of the directory, or fails with fs.ErrExist and leaves the one that is there.
func (d Dir) create(name string, data []byte) error {
	return d.place(name, data, LinkNew)
}

// LinkNew gives the file from the name to as well, or fails with fs.ErrExist if something has that name. Where the file
// system knows no hard links it renames instead, and another process could take the name between the look and the renaming.
func LinkNew(from, to string) error {
	err := os.Link(from, to)
	if err == nil || errors.Is(err, fs.ErrExist) {
		return err
	}
	if _, err := os.Lstat(to); !errors.Is(err, fs.ErrNotExist) {
		return errors.Join(err, &fs.PathError{Op: "create", Path: to, Err: fs.ErrExist})
	}
	return os.Rename(from, to)
}

// place writes a file beside its name, syncs it, and gives it its name with put. The file beside is removed in any case.
func (d Dir) place(name string, data []byte, put func(from, to string) error) error {
	f, err := os.CreateTemp(d.path, "."+name+"-*") // made with mode 0600
	if err != nil {
		return err
	}
	defer os.Remove(f.Name()) // after a rename there is nothing left to remove
	_, err = f.Write(d.seal(name, data))
	err = errors.Join(err, f.Sync(), f.Close())
	if err != nil {
		return err
	}
	day := today()
	_ = os.Chtimes(f.Name(), day, day) // when a node last saved something is nobody's business, and no reason to fail
	if err := put(f.Name(), filepath.Join(d.path, name)); err != nil {
		return err
	}
	return SyncDir(d.path)
}

// today is the beginning of the day, UTC.
func today() time.Time { return time.Now().UTC().Truncate(24 * time.Hour) }
