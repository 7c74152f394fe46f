//go:build linux || darwin || freebsd

package badgerstore

import "golang.org/x/sys/unix"

// free is how many bytes the file system of a path can still take from us.
func free(path string) (int64, error) {
	var st unix.Statfs_t
	if err := unix.Statfs(path, &st); err != nil {
		return 0, err
	}
	return int64(st.Bavail) * int64(st.Bsize), nil
}
