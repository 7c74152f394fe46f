package vault

import (
	"errors"
	"fmt"
	"io/fs"

	"nightjar/store/badgerfiles"
)

// checkTables reads every table that Badger will use before Badger does, and returns an error that wraps ErrDamaged if one is not as its
// checksums say: Badger ends the process over a broken footer and silently drops what follows a broken block when it merges. The whole
// vault is a few MiB.
func checkTables(dir string) error {
	_, err := badgerfiles.Tables(dir)
	switch {
	case err == nil, errors.Is(err, fs.ErrNotExist):
		return nil
	case errors.Is(err, badgerfiles.ErrDamaged):
		return fmt.Errorf("%w: %v", ErrDamaged, err)
	}
	return verdict(err)
}
