package main

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

// thief searches a data directory for what he knows. He skips pages of zeros, which are holes.
type thief struct {
	known map[uint64][]clue // by the first eight bytes
	heads [1 << 16]bool     // of those, the first two
}

// clue is something that must not be found.
type clue struct {
	what  string
	bytes []byte
}

// look adds a secret in its own form, in pieces, and as text.
func (s *thief) look(what string, secret []byte) {
	for at := 0; at == 0 || at+8 <= len(secret) && at < 64; at += 8 {
		s.add(what, secret[at:])
	}
	text := base64.RawStdEncoding.EncodeToString(secret)
	for form, t := range map[string]string{
		"hex": hex.EncodeToString(secret), "HEX": strings.ToUpper(hex.EncodeToString(secret)), "base64": text,
		"base64url": base64.RawURLEncoding.EncodeToString(secret), "Freenet's base64": strings.NewReplacer("+", "~", "/", "-").Replace(text),
	} {
		s.add(what+" as "+form, []byte(t))
	}
}

// add adds the first bytes of something as they are: eight of what is random, twelve of others would say no more.
func (s *thief) add(what string, b []byte) {
	if len(b) < 8 {
		panic("a clue of less than eight bytes is found by chance: " + what)
	}
	if s.known == nil {
		s.known = map[uint64][]clue{}
	}
	b = bytes.Clone(b[:min(len(b), 16)])
	head := binary.BigEndian.Uint64(b)
	s.known[head] = append(s.known[head], clue{what, b})
	s.heads[head>>48] = true
}

// search returns what of all that it finds in b.
func (s *thief) search(b []byte) (found []string) {
	for i := 0; i+8 <= len(b); i++ {
		if !s.heads[uint16(b[i])<<8|uint16(b[i+1])] {
			continue
		}
		for _, c := range s.known[binary.BigEndian.Uint64(b[i:])] {
			if bytes.HasPrefix(b[i:], c.bytes) {
				found = append(found, c.what)
			}
		}
	}
	return found
}

// page is what a disk gives at a time.
const page = 4096

// solid is a file without its holes: pages that follow each other stay together.
func solid(t *testing.T, path string) []byte {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var out []byte
	for p := range slices.Chunk(b, page) {
		if len(bytes.Trim(p, "\x00")) > 0 {
			out = append(out, p...)
		}
	}
	return out
}

// chi is the chi-square statistic of the bytes of a page, without the zeros at its end, against bytes that are all equally likely: 255 ± 23 for
// noise, whatever its length, and tens of thousands for text.
func chi(p []byte) (sum float64, ok bool) {
	p = bytes.TrimRight(p, "\x00")
	if len(p) < 1024 {
		return 0, false
	}
	var count [256]float64
	for _, c := range p {
		count[c]++
	}
	want := float64(len(p)) / 256
	for _, n := range count {
		sum += (n - want) * (n - want) / want
	}
	return sum, true
}

// crowd is the part of a page that its 32 most frequent values make up: a sixth of noise, nearly all of prose.
func crowd(p []byte) (part float64, ok bool) {
	p = bytes.TrimRight(p, "\x00")
	if len(p) < 1024 {
		return 0, false
	}
	count := make([]int, 256)
	for _, c := range p {
		count[c]++
	}
	slices.Sort(count)
	for _, n := range count[256-32:] {
		part += float64(n) / float64(len(p))
	}
	return part, true
}

const (
	// maxChi allows a value log the header of some 20 bytes and the number of a version that stand before each block.
	maxChi = 800
	// maxCrowd allows a table of the index and the log of a memtable the like for each key of 60 bytes.
	maxCrowd = 0.6
)

// orderly says how a page is no noise, or nothing.
func orderly(name string, p []byte) string {
	if ext := filepath.Ext(name); ext == ".sst" || ext == ".mem" {
		if got, ok := crowd(p); ok && got > maxCrowd {
			return fmt.Sprintf("32 values are %.2f of a page", got)
		}
		return ""
	}
	if got, ok := chi(p); ok && got > maxChi {
		return fmt.Sprintf("a page that is no noise: %.0f", got)
	}
	return ""
}

// What strings(1) would show. In noise, of n printable bytes in a row, there is one in 2.6ⁿ bytes: eight in every 4 KiB, 24 in no disk; and ten lower-case
// letters in none. A file of fixed words is shorter than a page, and all of its words are known; Badger's are behind 16 random bytes.
var (
	longText   = regexp.MustCompile(`[\x20-\x7e]{24,}`)
	lowerCase  = regexp.MustCompile(`[a-z ]{10,}`)
	shortText  = regexp.MustCompile(`[\x20-\x7e]{8,}`)
	fixedWords = regexp.MustCompile(`^(.{0,3}(nightjar vault( \d)?|nightjar badgerstore( \d)?|NJSTOKEY|NJSEAL1) ?|.{0,16}Hello Badger.?)$`)
)

// speaks returns the text in a file that is not the format's.
func speaks(b []byte) (said []string) {
	said = append(all(longText, b), all(lowerCase, b)...)
	if len(b) < 512 {
		said = append(said, all(shortText, b)...)
	}
	return slices.DeleteFunc(said, fixedWords.MatchString)
}

func all(r *regexp.Regexp, b []byte) (out []string) {
	for _, m := range r.FindAll(b, -1) {
		out = append(out, string(m))
	}
	return out
}

// seizure is what a thief finds in a directory: nothing, it should be. Files in open are known to be readable and are passed over.
func (s *thief) seizure(t *testing.T, dir string, open ...string) (found []string, pages int) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || path == dir {
			return err
		}
		name, _ := filepath.Rel(dir, path)
		for _, what := range append(s.search([]byte(name)), all(regexp.MustCompile(`secret|blog|marker`), []byte(name))...) {
			found = append(found, name+", its name: "+what)
		}
		if !d.Type().IsRegular() || slices.Contains(open, filepath.ToSlash(name)) {
			return nil
		}
		b := solid(t, path)
		for _, what := range s.search(b) {
			found = append(found, name+": "+what)
		}
		for _, text := range speaks(b) {
			found = append(found, fmt.Sprintf("%s: the text %q", name, text))
		}
		for p := range slices.Chunk(b, page) {
			pages++
			if what := orderly(name, p); what != "" {
				found = append(found, name+": "+what)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return found, pages
}

// mustTellTheDay looks at the times of everything in a directory.
func mustTellTheDay(t *testing.T, dir string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		st, err := d.Info()
		if err == nil && !st.ModTime().Equal(st.ModTime().UTC().Truncate(24*time.Hour)) {
			t.Errorf("%s tells %v", path, st.ModTime())
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// TestThiefFindsWhatIsThere plants every clue, text, and a page of prose in noise, and a search that misses one of them proves nothing.
func TestThiefFindsWhatIsThere(t *testing.T) {
	var s thief
	secret := make([]byte, 32)
	noise := rand.NewChaCha8([32]byte{1})
	noise.Read(secret)
	s.look("a key", secret)
	s.add("a path", []byte("/home/somebody/plan.txt"))
	dir := t.TempDir()
	plant := func(planted []byte) []string {
		b := make([]byte, 3*page)
		noise.Read(b)
		copy(b[page+13:], planted)
		if err := os.WriteFile(filepath.Join(dir, "x.vlog"), append(make([]byte, 7*page), b...), 0o600); err != nil {
			t.Fatal(err)
		}
		found, pages := s.seizure(t, dir)
		if pages != 3 {
			t.Fatalf("%d pages were looked at", pages)
		}
		return found
	}
	if found := plant(nil); len(found) > 0 {
		t.Errorf("in noise: %q", found)
	}
	clues := 0
	for _, same := range s.known {
		for _, c := range same {
			clues++
			if found := plant(c.bytes); !slices.ContainsFunc(found, func(f string) bool { return strings.HasSuffix(f, c.what) }) {
				t.Errorf("%s is not found: %q", c.what, found)
			}
		}
	}
	if clues != 4+5+1 {
		t.Errorf("%d clues", clues)
	}
	for _, planted := range []string{"Heard, never seen, and never", "heardneverseen", strings.Repeat("Q7~", 200)} {
		if len(plant([]byte(planted))) == 0 {
			t.Errorf("%.20q is not found", planted)
		}
	}
	if found := plant(bytes.Repeat([]byte{7, 1, 8, 2}, 128)); len(found) == 0 {
		t.Error("half a kibibyte of order is not found")
	}
	prose := bytes.Repeat([]byte("I saw the Best of it, 2 DAYS ago. "), page/34)
	if err := os.WriteFile(filepath.Join(dir, "x.sst"), prose, 0o600); err != nil {
		t.Fatal(err)
	}
	if found, _ := s.seizure(t, dir, "x.vlog"); !slices.ContainsFunc(found, func(f string) bool { return strings.Contains(f, "32 values") }) {
		t.Errorf("a page of prose in a table is not found: %q", found)
	}
	if err := errors.Join(os.Remove(filepath.Join(dir, "x.sst")), os.Rename(filepath.Join(dir, "x.vlog"), filepath.Join(dir, "my-blog"))); err != nil {
		t.Fatal(err)
	}
	if found, _ := s.seizure(t, dir); len(found) == 0 {
		t.Error("a name is not found")
	}
}
