//go:build linux || darwin || freebsd

package vault

import "golang.org/x/sys/unix"

// freeBytes is how many bytes the file system of a path can still take from us.
func freeBytes(path string) (int64, error) {
	var st unix.Statfs_t
	if err := unix.Statfs(path, &st); err != nil {
		return 0, err
	}
	return int64(st.Bavail) * int64(st.Bsize), nil
}
