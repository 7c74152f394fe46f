package jobs

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// target is where a queued get writes: beside the place, under a name of its own, until everything is there.
type target struct {
	path  string
	part  string
	force bool
}

// target says where the job writes.
func (j *Job) target() target {
	name := filepath.Base(j.get.Path)
	// A name may be as long as the system allows, and the part's must not be longer.
	part := "." + cut(name, 100) + ".part-" + string(j.ID())
	return target{path: j.get.Path, part: filepath.Join(filepath.Dir(j.get.Path), part), force: j.get.Force}
}

// check reports ErrTarget if something is there that may not be replaced. A link counts, wherever it leads; it and devices are never replaced.
func (t target) check() error {
	if info, err := os.Stat(filepath.Dir(t.path)); err != nil {
		return err
	} else if !info.IsDir() {
		return fmt.Errorf("%w: %s is no folder", ErrTarget, filepath.Dir(t.path))
	}
	info, err := os.Lstat(t.path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return err
	case t.force && (info.Mode().IsRegular() || info.IsDir()):
		return nil
	case t.force:
		return fmt.Errorf("%w: %s is neither a file nor a folder, and is not replaced", ErrTarget, t.path)
	}
	return fmt.Errorf("%w: %s exists", ErrTarget, t.path)
}

// remove removes the part, and leaves the target as it was.
func (t target) remove() {
	_ = t.restore() // what cannot be given its name again stays where it is
	os.RemoveAll(t.part)
	os.Remove(t.room())
}

// open opens the part of a file and makes it if it is not there. What others have put in its place, a link above all, goes: its bytes are not the
// job's, and where it leads is nobody's to write to.
func (t target) open() (*os.File, error) {
	info, err := os.Lstat(t.part)
	if err == nil && !info.Mode().IsRegular() {
		err = errors.Join(os.RemoveAll(t.part), fs.ErrNotExist)
	}
	if errors.Is(err, fs.ErrNotExist) {
		return os.OpenFile(t.part, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o666)
	}
	if err != nil {
		return nil, err
	}
	f, err := os.OpenFile(t.part, os.O_RDWR, 0)
	if err != nil {
		return nil, err
	}
	if now, err := f.Stat(); err != nil || !os.SameFile(info, now) { // it was replaced just now
		return nil, errors.Join(fmt.Errorf("%w: %s is being replaced", ErrTarget, t.part), err, f.Close())
	}
	return f, nil
}

// openRoot does so for the part of a folder, and makes its name durable.
func (t target) openRoot() (*os.Root, error) {
	info, err := os.Lstat(t.part)
	if err == nil && !info.IsDir() {
		err = errors.Join(os.Remove(t.part), fs.ErrNotExist)
	}
	if errors.Is(err, fs.ErrNotExist) {
		if err = os.Mkdir(t.part, 0o777); err == nil {
			info, err = os.Lstat(t.part)
		}
	}
	if err != nil {
		return nil, err
	}
	if err := syncDir(filepath.Dir(t.part)); err != nil {
		return nil, err
	}
	root, err := os.OpenRoot(t.part)
	if err != nil {
		return nil, err
	}
	if now, err := root.Stat("."); err != nil || !os.SameFile(info, now) { // it was replaced just now
		return nil, errors.Join(fmt.Errorf("%w: %s is being replaced", ErrTarget, t.part), err, root.Close())
	}
	return root, nil
}

// room is what hasRoom fills, on the file system of the target.
func (t target) room() string { return t.part + ".room" }

// old is where replace keeps what was there, for a moment.
func (t target) old() string { return t.part + ".old" }

// restore puts back what a process that ended within replace had moved aside.
func (t target) restore() error {
	there, err := exists(t.path)
	if there || err != nil {
		return err
	}
	if err := os.Rename(t.old(), t.path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// placed reports whether a process that ended within place had given the part its name, and does what that one has left to do.
func (t target) placed() (bool, error) {
	part, err := exists(t.part)
	if err != nil {
		return false, err
	}
	if part {
		if err := t.restore(); err != nil {
			return false, err
		}
	}
	there, err := exists(t.path)
	switch {
	case !there || err != nil:
		return false, err
	case !part:
		return true, os.RemoveAll(t.old())
	}
	one, err := os.Lstat(t.part)
	if err != nil {
		return false, err
	}
	two, err := os.Lstat(t.path)
	if err != nil || !os.SameFile(one, two) {
		return false, err
	}
	return true, os.Remove(t.part) // between the two steps of link
}

// place gives a part that is complete its name.
func (t target) place(folder bool) error {
	if err := t.check(); err != nil {
		return err
	}
	var err error
	switch {
	case t.force:
		err = t.replace()
	case folder:
		err = os.Rename(t.part, t.path) // fails if something with content has come there since
	default:
		err = t.link()
	}
	if err != nil {
		return err
	}
	return syncDir(filepath.Dir(t.path))
}

// link gives a file its name without replacing what may have come there since, where the file system can.
func (t target) link() error {
	err := os.Link(t.part, t.path)
	switch {
	case err == nil:
		return os.Remove(t.part)
	case errors.Is(err, fs.ErrExist):
		return fmt.Errorf("%w: %s exists", ErrTarget, t.path)
	}
	return os.Rename(t.part, t.path)
}

// replace moves what is there aside first and removes it last, so that one of the two is whole at every moment.
func (t target) replace() error {
	if err := t.restore(); err != nil {
		return err
	}
	old := t.old()
	if err := os.RemoveAll(old); err != nil {
		return err
	}
	err := os.Rename(t.path, old)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	moved := err == nil
	if err := os.Rename(t.part, t.path); err != nil {
		if moved {
			err = errors.Join(err, os.Rename(old, t.path))
		}
		return err
	}
	return os.RemoveAll(old)
}

// syncDir makes new names in a directory durable, where the system knows what that means.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return syncOpen(d)
}

// syncIn is syncDir for a directory below root.
func syncIn(root *os.Root, dir string) error {
	d, err := root.Open(dir)
	if err != nil {
		return err
	}
	return syncOpen(d)
}

func syncOpen(d *os.File) error {
	err := d.Sync()
	if errors.Is(err, errors.ErrUnsupported) || errors.Is(err, fs.ErrInvalid) || errors.Is(err, fs.ErrPermission) {
		err = nil // Windows, and some file systems
	}
	return errors.Join(err, d.Close())
}
