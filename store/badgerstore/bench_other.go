//go:build !linux

package badgerstore

import (
	"errors"
	"time"
)

var errLinux = errors.New("badgerstore: this is measured on Linux only")

func cpuTime() time.Duration                  { return time.Duration(time.Now().UnixNano()) }
func dropCache(dir, ext string) error         { return errLinux }
func diskWrites() (int64, error)              { return 0, errLinux }
func residentNow() (now, peak int64, e error) { return 0, 0, errLinux }
func resetPeak() error                        { return errLinux }
func diskBytes(dir string) (int64, error)     { return 0, errLinux }
