//go:build !(linux || darwin || freebsd)

package badgerstore

import "math"

// free does not know here, and lets everything pass.
func free(string) (int64, error) { return math.MaxInt64, nil }
