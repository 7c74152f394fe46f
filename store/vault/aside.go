package vault

import (
	"fmt"
	"os"
	"path/filepath"
	"time"
)

// SetAside gives a damaged vault, which nobody has open, another name beside its own, which it returns: it may be of use to whoever finds out what damaged
// it, or has the files from before.
func SetAside(dir string, now time.Time) (aside string, err error) {
	for n := 1; ; n++ {
		aside = fmt.Sprintf("%s.damaged-%s-%d", dir, now.UTC().Format("2006-01-02"), n)
		if _, err := os.Lstat(aside); err == nil {
			continue
		}
		if err := os.Rename(dir, aside); err != nil {
			return "", err
		}
		return aside, syncPath(filepath.Dir(aside))
	}
}
