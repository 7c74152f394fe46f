package badgerstore

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
)

// Wipe destroys the key of the store in dir, and with it whatever is in the store and under keys derived from it. It takes no lock and waits for
// nobody: a process that has the store open keeps the key in its memory until it ends. The key files are overwritten, synced and
// removed; those that a change of passphrase may have left behind as well. It returns ErrWiped if there was none.
//
// What a flash disk, a file system that copies what is written, or a backup has kept of them is beyond it.
func Wipe(dir string) error {
	names := []string{fileKey, fileKeyCopy, fileKey + ".new", fileKeyCopy + ".new"}
	var files []*os.File
	var errs []error
	for _, name := range names {
		f, err := os.OpenFile(filepath.Join(dir, name), os.O_WRONLY, 0)
		switch {
		case err == nil:
			files = append(files, f)
		case !errors.Is(err, fs.ErrNotExist):
			errs = append(errs, err)
		}
	}
	if len(files) == 0 && errs == nil {
		return ErrWiped
	}
	for _, f := range files { // all before the first sync: from here on no reader gets the key from the system any more
		errs = append(errs, overwrite(f))
	}
	for _, f := range files {
		errs = append(errs, f.Sync(), f.Close(), os.Remove(f.Name()))
	}
	return errors.Join(append(errs, syncDir(dir))...)
}
