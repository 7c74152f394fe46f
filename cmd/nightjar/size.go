package main

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// byteSize is a flag for a number of bytes: "1GiB", "500MB", "1048576".
type byteSize int64

func sizeUnits() []struct {
	name  string
	bytes float64
} {
	return []struct {
		name  string
		bytes float64
	}{
		{"KiB", 1 << 10}, {"MiB", 1 << 20}, {"GiB", 1 << 30}, {"TiB", 1 << 40},
		{"KB", 1e3}, {"MB", 1e6}, {"GB", 1e9}, {"TB", 1e12}, {"B", 1},
	}
}

// Set reads a size; it makes byteSize a pflag.Value.
func (s *byteSize) Set(text string) error {
	number, factor := strings.TrimSpace(text), 1.0
	for _, u := range sizeUnits() {
		if n, ok := cutSuffixFold(number, u.name); ok {
			number, factor = strings.TrimSpace(n), u.bytes
			break
		}
	}
	n, err := strconv.ParseFloat(number, 64)
	if err != nil || !(n >= 0) || n*factor >= math.MaxInt64 {
		return fmt.Errorf("%q is no size; write one like 500MB or 2GiB", text)
	}
	*s = byteSize(n * factor)
	return nil
}

func cutSuffixFold(s, suffix string) (string, bool) {
	if cut := len(s) - len(suffix); cut >= 0 && strings.EqualFold(s[cut:], suffix) {
		return s[:cut], true
	}
	return s, false
}

// Type names the flag's value in help.
func (s *byteSize) Type() string { return "size" }

// String prints the size with a binary unit, for people.
func (s byteSize) String() string {
	n := float64(s)
	for _, u := range []string{"B", "KiB", "MiB", "GiB"} {
		if n < 1024 {
			return formatSize(n, u)
		}
		n /= 1024
	}
	return formatSize(n, "TiB")
}

func formatSize(n float64, unit string) string {
	if n == math.Trunc(n) || n >= 100 {
		return fmt.Sprintf("%.0f %s", n, unit)
	}
	return fmt.Sprintf("%.1f %s", n, unit)
}
