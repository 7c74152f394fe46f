package foldertar

import (
	"errors"
	"fmt"

	"nightjar/keys"
)

// ErrPath reports a path that no file of a folder may have.
var ErrPath = errors.New("bad path in a folder")

// CheckPath accepts what can stand behind a key in a URI: relative, clean, slash-separated UTF-8 without "." and "..",
// empty names and control characters, of bounded length. The error wraps ErrPath.
func CheckPath(p string) error {
	if p == "" || (keys.URI{Type: keys.CHK, Path: p}).Check() != nil {
		return fmt.Errorf("%w: %q", ErrPath, p[:min(len(p), 80)])
	}
	return nil
}
