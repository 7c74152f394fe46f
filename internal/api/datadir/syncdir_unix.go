//go:build unix

package datadir

import (
	"errors"
	"os"
)

// SyncDir makes a name that was just given or taken in a directory survive a power failure.
func SyncDir(path string) error {
	dir, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}
