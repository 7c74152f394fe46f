package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// errNotReplaced reports something that is never replaced.
var errNotReplaced = errors.New("it is neither a file nor a folder, and is not replaced; write to it with -o - and the shell")

// free reports errExists if something is at a path that may not be replaced. A link counts, wherever it leads; it and devices are
// never replaced. The node looks again when it writes; here the user learns it before the node is asked for anything.
func free(path string, force bool) error {
	if info, err := os.Stat(filepath.Dir(path)); err != nil {
		return err
	} else if !info.IsDir() {
		return fmt.Errorf("%s is no folder", filepath.Dir(path))
	}
	info, err := os.Lstat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return err
	case force && !info.Mode().IsRegular() && !info.IsDir():
		return fmt.Errorf("%s: %w", path, errNotReplaced)
	case force:
		return nil
	}
	return fmt.Errorf("%s: %w", path, errExists)
}
