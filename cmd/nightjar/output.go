package main

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"nightjar/internal/api/datadir"
)

// output is a place for a file or a folder that appears whole or not at all. It is written under another name beside
// the place, synced, and renamed; on failure nothing is left.
type output struct {
	path  string
	force bool // replace what is there
}

// newOutput refuses a place that is taken, unless force is set.
func newOutput(path string, force bool) (*output, error) {
	path = filepath.Clean(path)
	if info, err := os.Stat(filepath.Dir(path)); err != nil {
		return nil, err
	} else if !info.IsDir() {
		return nil, fmt.Errorf("%s is no folder", filepath.Dir(path))
	}
	o := &output{path, force}
	return o, o.free()
}

// errNotReplaced reports something that is never replaced.
var errNotReplaced = errors.New("it is neither a file nor a folder, and is not replaced; write to it with -o - and the shell")

// free reports errExists if something is there and may not be replaced. A link counts, wherever it leads; it and devices are
// never replaced.
func (o *output) free() error {
	info, err := os.Lstat(o.path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return err
	case o.force && !info.Mode().IsRegular() && !info.IsDir():
		return fmt.Errorf("%s: %w", o.path, errNotReplaced)
	case o.force:
		return nil
	}
	return fmt.Errorf("%s: %w", o.path, errExists)
}

// beside is a new name in the directory of the place.
func (o *output) beside() string {
	return filepath.Join(filepath.Dir(o.path), ".nightjar-"+strings.ToLower(rand.Text()[:12])+".part")
}

// file has write fill the file.
func (o *output) file(write func(io.Writer) error) (err error) {
	part := o.beside()
	f, err := os.OpenFile(part, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
	if err != nil {
		return err
	}
	defer os.Remove(part) // nothing is there any more if it was renamed
	err = write(f)
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return err
	}
	if err := o.placeFile(part); err != nil {
		return err
	}
	return datadir.SyncDir(filepath.Dir(o.path))
}

func (o *output) placeFile(part string) error {
	if o.force {
		if err := o.free(); err != nil {
			return err
		}
		return os.Rename(part, o.path)
	}
	err := datadir.LinkNew(part, o.path)
	if errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("%s: %w", o.path, errExists)
	}
	return err
}

// folder has write fill the folder through a root that nothing leads out of.
func (o *output) folder(write func(*os.Root) error) error {
	part := o.beside()
	if err := os.Mkdir(part, 0o777); err != nil {
		return err
	}
	defer os.RemoveAll(part) // nothing is there any more if it was renamed
	root, err := os.OpenRoot(part)
	if err != nil {
		return err
	}
	if err := errors.Join(write(root), root.Close()); err != nil {
		return err
	}
	if err := o.placeFolder(part); err != nil {
		return err
	}
	return datadir.SyncDir(filepath.Dir(o.path))
}

// placeFolder gives the folder its name. What it replaces is moved aside first and removed last, so that one of the two is
// whole at every moment.
func (o *output) placeFolder(part string) error {
	if !o.force {
		if err := o.free(); err != nil {
			return err
		}
		return os.Rename(part, o.path) // fails if something with content has come there since
	}
	old := o.beside()
	err := os.Rename(o.path, old)
	if errors.Is(err, fs.ErrNotExist) {
		return os.Rename(part, o.path)
	}
	if err != nil {
		return err
	}
	if err := os.Rename(part, o.path); err != nil {
		return errors.Join(err, os.Rename(old, o.path))
	}
	return os.RemoveAll(old)
}
