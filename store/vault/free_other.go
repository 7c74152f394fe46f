//go:build !(linux || darwin || freebsd)

package vault

import "math"

// freeBytes does not know here, and lets everything pass.
func freeBytes(string) (int64, error) { return math.MaxInt64, nil }
