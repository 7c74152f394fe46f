package foldertar

import (
	"context"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"nightjar/internal/content"
)

// Scan lists the files below root, sorted by path. Files and directories whose names begin with a dot are left out unless hidden
// is set. Times are left out: they would tell readers when and where the files were made. The error wraps ErrEntry for a link or a
// special file, ErrPath for a name that cannot travel.
func Scan(ctx context.Context, root *os.Root, hidden bool) ([]content.FileInfo, error) {
	var files []content.FileInfo
	err := fs.WalkDir(root.FS(), ".", func(p string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case ctx.Err() != nil:
			return ctx.Err()
		case p == ".":
			return nil
		case !hidden && strings.HasPrefix(d.Name(), "."):
			if d.IsDir() {
				return fs.SkipDir
			}
			return nil
		case d.IsDir():
			return nil
		}
		f, err := scanFile(p, d)
		files = append(files, f)
		return err
	})
	if err != nil {
		return nil, err
	}
	slices.SortFunc(files, func(a, b content.FileInfo) int { return strings.Compare(a.Path, b.Path) })
	return files, nil
}

func scanFile(p string, d fs.DirEntry) (content.FileInfo, error) {
	if d.Type()&fs.ModeSymlink != 0 {
		return content.FileInfo{}, fmt.Errorf("%q is a symbolic link: %w", p, ErrEntry)
	}
	if !d.Type().IsRegular() {
		return content.FileInfo{}, fmt.Errorf("%q: %w", p, ErrEntry)
	}
	if err := CheckPath(p); err != nil {
		return content.FileInfo{}, err
	}
	info, err := d.Info()
	if err != nil {
		return content.FileInfo{}, err
	}
	return content.FileInfo{Path: p, Size: uint64(info.Size()), Exec: info.Mode()&0o111 != 0}, nil
}

// Pack writes the files that Scan listed to w as a tar stream. It fails if a file has changed its size or kind since.
func Pack(ctx context.Context, w io.Writer, root *os.Root, files []content.FileInfo) error {
	t := NewWriter(w)
	for _, f := range files {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := packFile(t, root, f); err != nil {
			return err
		}
	}
	return t.Close()
}

func packFile(t *Writer, root *os.Root, f content.FileInfo) error {
	file, err := root.Open(f.Path)
	if err != nil {
		return err
	}
	defer file.Close()
	now, err := file.Stat()
	if err != nil {
		return err
	}
	if !now.Mode().IsRegular() || uint64(now.Size()) != f.Size {
		return fmt.Errorf("%q was changed while it was being read", f.Path)
	}
	return t.File(f, func(w io.Writer) error {
		if n, err := io.CopyN(w, file, int64(f.Size)); err != nil {
			return fmt.Errorf("read %q: stopped after %d bytes: %w", f.Path, n, err)
		}
		return nil
	})
}

// Create opens a file of a folder below root for writing, and makes the folders that it is in. A file that is there is opened as it is: whoever writes a
// folder goes on with it. Nothing leads out of root, and CheckNames should have accepted the folder's paths. The error wraps ErrPath for a name that
// this system cannot have.
func Create(root *os.Root, info content.FileInfo) (*os.File, error) {
	if err := CheckPath(info.Path); err != nil {
		return nil, err
	}
	// A name that is ordinary elsewhere may be a device, a drive or two names here.
	name, err := filepath.Localize(info.Path)
	if err != nil {
		return nil, fmt.Errorf("%w: no file can be called %q on this system", ErrPath, info.Path)
	}
	if dir := filepath.Dir(name); dir != "." {
		if err := root.MkdirAll(dir, 0o777); err != nil {
			return nil, err
		}
	}
	mode := fs.FileMode(0o666)
	if info.Exec {
		mode = 0o777
	}
	return root.OpenFile(name, os.O_RDWR|os.O_CREATE, mode)
}
