package main

import (
	"os"
	"runtime/debug"
)

// memoryLimit makes the collector work harder when a large insert or fetch holds its two segments and blocks pass faster than
// their garbage is found, so that the process stays under 250 MiB. It is a soft limit: nothing fails at it.
const memoryLimit = 190 << 20

// tuneMemory sets how the node's garbage is collected, unless the environment says it (GOMEMLIMIT).
func tuneMemory() {
	if os.Getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(memoryLimit)
	}
}
