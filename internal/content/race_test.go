//go:build race

package content

// underRace says that the race detector watches, which makes hashes, codes and compression many times slower.
const underRace = true
