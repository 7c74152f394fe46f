//go:build !unix

package badgerstore

import (
	"os"
	"path/filepath"
)

// locks says that Badger must keep other stores out itself.
const locks = false

// lock only makes the file: where there is no flock, Badger's own lock keeps a second store out.
func lock(dir string) (*os.File, error) {
	return os.OpenFile(filepath.Join(dir, fileLock), os.O_RDWR|os.O_CREATE, 0o600)
}

func unlock(f *os.File) error { return f.Close() }
