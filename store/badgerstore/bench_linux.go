package badgerstore

import (
	"bufio"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// cpuTime is the processor time that this process has had.
func cpuTime() time.Duration {
	var u unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// dropCache asks the system to keep nothing of the files in dir with an extension in memory. It does not for what is mapped or not yet written.
func dropCache(dir, ext string) error {
	paths, err := filepath.Glob(filepath.Join(dir, "*"+ext))
	if err != nil {
		return err
	}
	for _, p := range paths {
		f, err := os.Open(p)
		if err != nil {
			return err
		}
		err = unix.Fadvise(int(f.Fd()), 0, 0, unix.FADV_DONTNEED)
		f.Close()
		if err != nil {
			return err
		}
	}
	return nil
}

// diskWrites is how many bytes this process has had the system write to disks (proc(5), io).
func diskWrites() (int64, error) { return procNumber("/proc/self/io", "write_bytes:") }

// residentNow is how many bytes of memory this process has now, and the most since resetPeak.
func residentNow() (now, peak int64, err error) {
	if now, err = procNumber("/proc/self/status", "VmRSS:"); err == nil {
		peak, err = procNumber("/proc/self/status", "VmHWM:")
	}
	return now << 10, peak << 10, err
}

// resetPeak forgets the peak (proc(5), clear_refs).
func resetPeak() error { return os.WriteFile("/proc/self/clear_refs", []byte("5"), 0) }

func procNumber(path, name string) (int64, error) {
	f, err := os.Open(path)
	if err != nil {
		return 0, err
	}
	defer f.Close()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		if v, ok := strings.CutPrefix(lines.Text(), name); ok {
			return strconv.ParseInt(strings.TrimSuffix(strings.TrimSpace(v), " kB"), 10, 64)
		}
	}
	return 0, fmt.Errorf("badgerstore: %s has no %s", path, name)
}

// diskBytes is how many bytes the disk has given to what is in dir.
func diskBytes(dir string) (sum int64, err error) {
	err = filepath.WalkDir(dir, func(_ string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return ifThere(err)
		}
		info, err := d.Info()
		if err != nil {
			return ifThere(err)
		}
		if st, ok := info.Sys().(*syscall.Stat_t); ok {
			sum += st.Blocks * 512
		}
		return nil
	})
	return sum, err
}

// ifThere forgives that a file was removed meanwhile.
func ifThere(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}
