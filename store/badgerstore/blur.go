package badgerstore

import (
	"io/fs"
	"os"
	"path/filepath"
	"time"
)

// Blur sets the times of everything in a directory to the beginning of the day (UTC), so that they say of what is at rest on which day it was last used, and
// of none of the files when it was written. What cannot be set stays: times are no reason to fail. What the file system notes by
// itself (when a file was made, and when something about it was last changed) cannot be set.
func Blur(dir string, now time.Time) {
	day := now.UTC().Truncate(24 * time.Hour)
	// Directories last, each after what is in it.
	var dirs []string
	_ = filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return nil
		case d.IsDir():
			dirs = append(dirs, path)
		case d.Type().IsRegular():
			_ = os.Chtimes(path, day, day)
		}
		return nil
	})
	for i := len(dirs) - 1; i >= 0; i-- {
		_ = os.Chtimes(dirs[i], day, day)
	}
}
