package foldertar

import (
	"errors"
	"slices"
	"strings"
	"testing"
)

func TestNamesThatCannotBeEverywhere(t *testing.T) {
	for name, paths := range map[string][]string{
		"a device":              {"CON"},
		"in small letters":      {"a/nul"},
		"with an extension":     {"aux.c"},
		"with two extensions":   {"src/prn.tar.gz"},
		"a space before a dot":  {"con .txt"},
		"a serial port":         {"COM1"},
		"a printer":             {"lpt9.txt"},
		"an odd number":         {"COM².x"},
		"as a folder":           {"nul/a"},
		"the console's input":   {"CONIN$"},
		"a dot at the end":      {"a/b."},
		"a space at the end":    {"a /b"},
		"letters of two sizes":  {"README", "readme"},
		"so are folders":        {"a/B/c", "a/b/d"},
		"a file and a folder":   {"a", "a/b"},
		"the other way":         {"a/b", "a"},
		"in another size":       {"A", "a/b"},
		"twice":                 {"a", "a"},
		"letters without a big": {"ſ", "s"},
	} {
		if err := CheckNames(paths); !errors.Is(err, ErrName) || !errors.Is(err, ErrPath) {
			t.Errorf("%s: %v", name, err)
		}
	}
	long := strings.Repeat("a", 255)
	for name, paths := range map[string][]string{
		"nothing":     {},
		"many":        {"a", "b/a", "b/c/a", "b/c/b", "c"},
		"nearly":      {"console", "COM10", "com", "nulls.txt", ".con", "a.nul", "LPT", "comb1", "auxiliary/x"},
		"dots inside": {"..a", "a..b", ".hidden", " a", "..."[:0] + "a b"},
		"long":        {long, long[:254] + "b"},
	} {
		if err := CheckNames(paths); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	for name, path := range map[string]string{
		"parent": "../a", "parent inside": "a/../../b", "absolute": "/a", "no name": "a//b", "empty": "", "dot": ".", "control": "a\x1bb", "too long": long + "a",
	} {
		if err := CheckNames([]string{path}); !errors.Is(err, ErrPath) || errors.Is(err, ErrName) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// Whatever is accepted has names that are apart in any case, and in any order.
func FuzzCheckNames(f *testing.F) {
	for _, s := range []string{"a\nb", "a\na/b", "A\na", "con", "a/b\nA/B", "x.\n", "ß\nSS"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		paths := strings.Split(s, "\n")
		if CheckNames(paths) != nil {
			return
		}
		slices.Reverse(paths)
		if err := CheckNames(paths); err != nil {
			t.Errorf("in another order: %v", err)
		}
		for i, p := range paths {
			if strings.HasPrefix(p, "/") || slices.Contains(strings.Split(p, "/"), "..") {
				t.Errorf("%q leads out", p)
			}
			for _, q := range paths[i+1:] {
				if strings.EqualFold(p, q) || strings.HasPrefix(strings.ToLower(q), strings.ToLower(p)+"/") {
					t.Errorf("%q and %q", p, q)
				}
			}
		}
	})
}
