package badgerfiles

import (
	"errors"
	"fmt"
	"strings"
	"syscall"
)

// ErrDamaged reports a file that is not as Badger wrote it.
var ErrDamaged = errors.New("badgerfiles: damaged")

func damaged(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrDamaged, fmt.Sprintf(format, args...))
}

// Passing finds in err what says something about the system, with which sound files could not be opened either, or nil. Badger keeps the texts
// of the system's errors and not the errors, so that texts are compared.
func Passing(err error) error {
	if err == nil {
		return nil
	}
	for _, passes := range []error{
		syscall.EMFILE, syscall.ENFILE, syscall.ENOMEM, syscall.EACCES, syscall.EPERM, syscall.EROFS, syscall.ENOSPC, syscall.EDQUOT, syscall.EINTR,
	} {
		if errors.Is(err, passes) || strings.Contains(err.Error(), passes.Error()) {
			return passes
		}
	}
	return nil
}
