//go:build !linux

package main

import (
	"errors"
	"time"
)

// procUsage is what a process has used.
type procUsage struct {
	cpu      time.Duration
	rss, hwm int64
}

// usageOf is known on Linux only.
func usageOf(int) (procUsage, error) {
	return procUsage{}, errors.New("the memory and CPU time of processes are measured on Linux only")
}
