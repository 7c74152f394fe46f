package content

import (
	"flag"
	"os"
	"testing"
)

// TestMain has properties tried less often under the race detector: what they say of bytes is proved without it, and a race shows in a few runs.
func TestMain(m *testing.M) {
	flag.Parse()
	chosen := false
	flag.Visit(func(f *flag.Flag) { chosen = chosen || f.Name == "rapid.checks" })
	if underRace && !chosen {
		if err := flag.Set("rapid.checks", "8"); err != nil {
			panic(err)
		}
	}
	os.Exit(m.Run())
}

// sized is full, or small under the race detector: for what costs much and has nothing for it to find in more of it.
func sized[T any](full, small T) T {
	if underRace {
		return small
	}
	return full
}
