package jobs

import (
	"errors"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"nightjar/internal/api/foldertar"
	"nightjar/internal/content"
	"nightjar/internal/sites"
	"nightjar/keys"
	"nightjar/store/vault"
)

const (
	firstRetry = 10 * time.Second
	lastRetry  = time.Hour
	// fullRetry is how often to look whether a full disk has room again.
	fullRetry = 30 * time.Second
	// goodProgress is how many blocks an attempt must have brought over the network for the intervals to begin anew.
	goodProgress = 64
	// roomAgain is how many bytes the disk must take before a job that found it full goes on.
	roomAgain = 8 << 20
)

// fate is what becomes of a job whose attempt failed.
type fate uint8

const (
	conclude fate = iota // it has failed
	proceed              // it is tried again
	hold                 // it is paused, until its user or a time
)

// final are errors that do not pass.
func final() []error {
	return []error{
		ErrChanged, ErrSpec, ErrDamaged, content.ErrNoEntry, content.ErrMalformed, content.ErrTooLarge, content.ErrTooMany, content.ErrBadPath, content.ErrBadType,
		keys.ErrBadURI, keys.ErrWrongKey, keys.ErrHyphanetKey, foldertar.ErrPath, foldertar.ErrEntry, ErrEmpty,
		content.ErrConflict, content.ErrVerifyOnly, content.ErrChanged, sites.ErrNoSite, sites.ErrDamaged, vault.ErrDamaged,
	}
}

// judge says what becomes of a job that has failed for the tries-th time in a row. late says that its own time is over.
func judge(err error, tries, most int, late bool) (wait time.Duration, f fate) {
	switch {
	case late && errors.Is(err, ErrTimeout):
		return 0, conclude
	case errors.Is(err, ErrTarget):
		return 0, hold
	case diskFull(err):
		return fullRetry, hold
	case most > 0 && tries >= most:
		return 0, conclude
	}
	for _, f := range final() {
		if errors.Is(err, f) {
			return 0, conclude
		}
	}
	return backoff(tries), proceed
}

// backoff doubles from try to try, between 10 s and an hour, a quarter more or less so that what failed together is not tried again together.
func backoff(tries int) time.Duration {
	d := lastRetry
	if tries < 10 {
		d = min(firstRetry<<(tries-1), lastRetry)
	}
	return around(d)
}

// around is a time of a quarter more or less.
func around(d time.Duration) time.Duration {
	return time.Duration(float64(d) * (0.75 + rand.Float64()/2))
}

// diskFull recognises a disk without room, and a user without any left on it.
func diskFull(err error) bool {
	return errors.Is(err, ErrDiskFull) || errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) || errors.Is(err, vault.ErrFull)
}

// readable is the error as a person should read it.
func readable(err error) error {
	if diskFull(err) && !errors.Is(err, ErrDiskFull) {
		return errors.Join(ErrDiskFull, err)
	}
	return err
}

// hasRoom writes roomAgain bytes to a file at path and removes it again: nothing else asks for quotas as well.
func hasRoom(path string) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	// Its name goes first, so that a process that is killed leaves nothing. Where a file that is open keeps its name, the job's next attempt or its
	// end removes it.
	os.Remove(path)
	defer os.Remove(path)
	b := make([]byte, roomAgain/8)
	for i := range b {
		b[i] = byte(rand.Uint32()) // does not compress
	}
	for range 8 {
		if err == nil {
			_, err = f.Write(b)
		}
	}
	return errors.Join(err, f.Sync(), f.Close())
}

// exists reports whether something is at a path.
func exists(path string) (bool, error) {
	_, err := os.Lstat(filepath.Clean(path))
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	return err == nil, err
}
