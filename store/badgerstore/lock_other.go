//go:build !unix

package badgerstore

import (
	"os"
	"path/filepath"
)

// lock only makes the file: where there is no flock, Badger's own lock keeps a second store out.
func lock(dir string) (*os.File, error) {
	return os.OpenFile(filepath.Join(dir, fileLock), os.O_RDWR|os.O_CREATE, 0o600)
}
