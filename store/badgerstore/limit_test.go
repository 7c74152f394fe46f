//go:build unix

package badgerstore

import (
	"errors"
	"fmt"

	"golang.org/x/sys/unix"

	"nightjar/store"
)

// childLimit limits the length of its own files below what Badger's next log has, and then lifts the limit.
func childLimit(dir, _ string) error {
	s, err := Open(Config{Dir: dir, Quota: small})
	if err != nil {
		return err
	}
	if err := putN(s, 1, 0, 20); err != nil {
		return err
	}
	var was unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_FSIZE, &was); err != nil {
		return err
	}
	for _, limit := range []uint64{uint64(s.geo.valueFile) * 3 / 2, uint64(s.geo.table), 0} {
		if err := unix.Setrlimit(unix.RLIMIT_FSIZE, &unix.Rlimit{Cur: limit, Max: was.Max}); err != nil {
			return err
		}
		for range 3 {
			if err := putN(s, 2, 0, 100); !errors.Is(err, store.ErrFull) {
				return fmt.Errorf("files limited to %d bytes: %v", limit, err)
			}
		}
		if err := getN(s, 1, 0, 20); err != nil {
			return fmt.Errorf("files limited to %d bytes: %w", limit, err)
		}
	}
	if err := unix.Setrlimit(unix.RLIMIT_FSIZE, &was); err != nil {
		return err
	}
	if err := putN(s, 1, 20, 60); err != nil {
		return fmt.Errorf("without a limit: %w", err)
	}
	if err := getN(s, 1, 0, 60); err != nil {
		return err
	}
	return s.Close()
}
