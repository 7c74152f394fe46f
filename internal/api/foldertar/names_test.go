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
		"a letter with a mark":  {"caf\u00e9", "cafe\u0301"},
		"of another size":       {"CAF\u00c9.txt", "cafe\u0301.txt"},
		"two marks":             {"\u01d6", "u\u0308\u0304"},
		"marks in turn":         {"q\u0307\u0323", "q\u0323\u0307"},
		"a unit":                {"\u212b", "\u00c5"},
		"Hangul":                {"\uac01\uac00", "\u1100\u1161\u11a8\uac00"},
		"a folder with a mark":  {"n\u0303/a", "\u00f1/b"},
		"an ideograph":          {"\uf900", "\u8c48"},
		"what nobody sees":      {"a\u200db", "ab"},
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
		"marks":       {"e", "\u00e9", "\u00e8", "\u00eb/a", "\u00ea", "\uac00", "\uac01", "\u0301"},
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

// The table is what it should be: it takes apart into what is not taken apart further, and ends with the last character that has a line.
func TestCanonicalTable(t *testing.T) {
	parts := readCanonical(canonical)
	for r, into := range parts {
		if len(into) == 0 || len(into) > 4 {
			t.Errorf("%U consists of %d characters", r, len(into))
		}
		for _, p := range into {
			if _, ok := parts[p]; ok || p >= hangul && p < hangul+hangulSyllables {
				t.Errorf("%U of %U can be taken apart further", p, r)
			}
		}
	}
	if len(parts) != 2061 || len(parts[0x2FA1D]) != 1 {
		t.Errorf("%d characters", len(parts))
	}
}

// Whatever is accepted has names that are apart in any case, and in any order.
func FuzzCheckNames(f *testing.F) {
	for _, s := range []string{"a\nb", "a\na/b", "A\na", "con", "a/b\nA/B", "x.\n", "ß\nSS", "\u00e9\ne\u0301", "\uac01\n\u1100\u1161\u11a8"} {
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
