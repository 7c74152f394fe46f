package foldertar

import (
	_ "embed"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// canonical has a line for each character that Unicode takes apart canonically, but for Hangul syllables: it, and what it consists of in the end
// (Unicode Character Database 14.0, field 5 of UnicodeData.txt, applied until nothing changes). These never change, only new characters come.
//
//go:embed canonical.txt
var canonical string

// folder tells which names a file system may take for one. The zero value is ready; the table is read when a name needs it.
type folder struct{ parts map[rune][]rune }

// fold gives the same text for names that a file system may take for one: because they differ in case, are canonically equivalent (UAX 15 §1.1; macOS), or differ
// in characters that nobody sees (HFS+). It may do so for a few others: those that differ in the order of marks on a letter.
func (f *folder) fold(name string) string {
	if !strings.ContainsFunc(name, func(r rune) bool { return r >= utf8.RuneSelf }) {
		return strings.ToLower(name)
	}
	// Upper case first, since some letters have one of these alone. It may put together what was taken apart.
	apart := f.takeApart(strings.ToLower(strings.ToUpper(string(f.takeApart(name)))))
	for i := 0; i < len(apart); i++ {
		end := i
		for end < len(apart) && unicode.Is(unicode.Mn, apart[end]) {
			end++
		}
		slices.Sort(apart[i:end])
		i = max(i, end-1)
	}
	return string(apart)
}

// takeApart replaces characters by what they consist of, and leaves out those that are not to be seen.
func (f *folder) takeApart(s string) (apart []rune) {
	if f.parts == nil {
		f.parts = readCanonical(canonical)
	}
	for _, r := range s {
		parts, ok := f.parts[r]
		switch {
		case ok:
			apart = append(apart, parts...)
		case r >= hangul && r < hangul+hangulSyllables:
			apart = append(apart, syllable(r-hangul)...)
		case !unicode.Is(unicode.Cf, r):
			apart = append(apart, r)
		}
	}
	return apart
}

// Hangul syllables follow each other by first, middle and last letter (The Unicode Standard §3.12).
const (
	hangul          = 0xAC00
	hangulFirst     = 0x1100
	hangulMiddle    = 0x1161
	hangulLast      = 0x11A7 // and 0 is none
	hangulMiddles   = 21
	hangulLasts     = 28
	hangulSyllables = 19 * hangulMiddles * hangulLasts
)

func syllable(i rune) []rune {
	letters := []rune{hangulFirst + i/(hangulMiddles*hangulLasts), hangulMiddle + i/hangulLasts%hangulMiddles}
	if last := i % hangulLasts; last > 0 {
		letters = append(letters, hangulLast+last)
	}
	return letters
}

// readCanonical reads the table, which is a part of the program.
func readCanonical(table string) map[rune][]rune {
	all := map[rune][]rune{}
	for line := range strings.Lines(table) {
		var runes []rune
		for _, field := range strings.Fields(line) {
			r, err := strconv.ParseUint(field, 16, 21)
			if err != nil {
				panic("foldertar: the table of characters is damaged: " + err.Error())
			}
			runes = append(runes, rune(r))
		}
		all[runes[0]] = runes[1:]
	}
	return all
}
