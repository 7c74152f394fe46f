package main

import (
	"os"
	"runtime/debug"
)

// memoryLimit makes the collector work harder when a large insert or fetch holds its two segments and blocks pass faster than
// their garbage is found, so that the process stays under 250 MiB. It is a soft limit: nothing fails at it.
const memoryLimit = 190 << 20

// garbagePercent lets more garbage gather between collections than Go's default of 100: blocks and cells are nearly all of it, and looking for it and giving
// pages back took a fifth of the processor time of a put. memoryLimit still holds.
const garbagePercent = 300

// tuneMemory sets how the node's garbage is collected, unless the environment says it (GOMEMLIMIT, GOGC).
func tuneMemory() {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(garbagePercent)
	}
	if os.Getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(memoryLimit)
	}
}
