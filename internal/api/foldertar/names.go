package foldertar

import (
	"fmt"
	"strings"
)

// ErrName reports a folder with names that cannot be, or do not stay apart, on every system. It is an ErrPath.
var ErrName = fmt.Errorf("%w: not on every system", ErrPath)

// CheckNames accepts the paths of a folder that can be written to a disk, and copied from there to any other. It refuses, on all systems alike:
//
//   - what CheckPath refuses: .. and ., absolute paths, control characters, names of more than 255 bytes
//   - names that a system has taken for devices (CON, NUL, COM1, with any extension), or would change (a dot or a space at the end)
//   - two names that differ in case alone, or in how letters with marks are spelled (é as one character or as two), of folders as of files; and a file where
//     another one needs a folder
//
// The error wraps ErrPath, and ErrName if a tar stream can carry the folder all the same.
func CheckNames(paths []string) error {
	var letters folder
	seen := make(map[string]string, len(paths)) // folded prefix -> as it was first spelled; of a file with a slash behind it
	for _, p := range paths {
		if err := CheckPath(p); err != nil {
			return err
		}
		for at := 0; at < len(p); {
			end := len(p)
			if i := strings.IndexByte(p[at:], '/'); i >= 0 {
				end = at + i
			}
			if why := badName(p[at:end]); why != "" {
				return fmt.Errorf("%w: %q %s", ErrName, p, why)
			}
			spelled := p[:end]
			if end == len(p) {
				spelled += "/" // which tells a file from a folder, and is in no other spelling
			}
			folded := letters.fold(p[:end])
			switch other, ok := seen[folded]; {
			case !ok:
				seen[folded] = spelled
			case other != spelled || end == len(p):
				return fmt.Errorf("%w: %q and %q are one name on some", ErrName, p, strings.TrimSuffix(other, "/"))
			}
			at = end + 1
		}
	}
	return nil
}

// badName says what is wrong with one name of a path, "" = nothing.
func badName(name string) string {
	if last := name[len(name)-1]; last == '.' || last == ' ' {
		return "ends in a dot or a space"
	}
	base, _, _ := strings.Cut(name, ".")
	base = strings.ToUpper(strings.TrimRight(base, " "))
	switch base {
	case "CON", "PRN", "AUX", "NUL", "CONIN$", "CONOUT$", "CLOCK$":
		return "is the name of a device"
	}
	port, number, ok := cutPort(base)
	if ok && (port == "COM" || port == "LPT") && (len(number) == 1 && number[0] >= '0' && number[0] <= '9' || strings.Contains("¹²³", number)) {
		return "is the name of a device"
	}
	return ""
}

// cutPort takes COM1 apart.
func cutPort(base string) (port, number string, ok bool) {
	if len(base) < 4 || len(base) > 5 {
		return "", "", false
	}
	return base[:3], base[3:], true
}
