package content

import (
	"cmp"
	"mime"
	"slices"
	"strings"
	"time"

	"nightjar/keys"
)

// checkPath accepts the path of a file in a folder (SPEC §7.1): what a URI can name, without backslashes.
func checkPath(p string) bool {
	return p != "" && !strings.Contains(p, `\`) && keys.URI{Type: keys.CHK, Path: p}.Check() == nil
}

// validMIME accepts a media type as RFC 9110 §8.3.1 writes it, in printable ASCII.
func validMIME(t string) bool {
	if len(t) > maxMIME || strings.ContainsFunc(t, func(r rune) bool { return r < 0x20 || r > 0x7e }) {
		return false
	}
	media, _, err := mime.ParseMediaType(t)
	return err == nil && strings.Contains(media, "/")
}

// checkFolder looks at a folder's tables and files.
func (m *manifest) checkFolder() error {
	if len(m.Files) > MaxFiles || len(m.MIMEs) > maxMIMEs || len(m.Containers) > len(m.Files) {
		return malformed("a folder has too many files, types or containers")
	}
	for i, t := range m.MIMEs {
		if !validMIME(t) || i > 0 && m.MIMEs[i-1] >= t {
			return malformed("a folder's MIME types are not valid, sorted and different")
		}
	}
	for i := range m.Containers {
		c := &m.Containers[i]
		if c.Size == 0 {
			return malformed("a container is empty")
		}
		if err := c.checkHeld(maxContainer); err != nil {
			return err
		}
	}
	typed := make([]bool, len(m.MIMEs))
	for i := range m.Files {
		f := &m.Files[i]
		if err := f.check(len(m.Containers)); err != nil {
			return err
		}
		if f.MIME >= uint64(len(typed)) {
			return malformed("a file has no MIME type")
		}
		typed[f.MIME] = true
	}
	if slices.Contains(typed, false) {
		return malformed("a folder has a MIME type that no file has")
	}
	if !distinctPaths(m.Files) {
		return malformed("the paths of a folder are not sorted and different, or one is a file and a folder")
	}
	return m.checkTiling()
}

func (f *entry) check(containers int) error {
	if !checkPath(f.Path) {
		return malformed("a folder has a path that is not allowed")
	}
	if f.Modified > maxModified {
		return malformed("a file is from beyond the year 9999")
	}
	switch {
	case f.Size == 0:
		if f.Container != 0 || f.Offset != 0 || f.Stream != nil {
			return malformed("an empty file has a place")
		}
	case f.Stream != nil:
		if f.Container != 0 || f.Offset != 0 || f.Stream.Size != f.Size {
			return malformed("a file's size or place contradicts its stream")
		}
		return f.Stream.check()
	case f.Container == 0 || f.Container > uint64(containers):
		return malformed("a file has no place")
	}
	return nil
}

// distinctPaths reports whether the paths ascend and none is a folder of another. In ascending order all paths that
// begin with p follow p, so that a stack of the paths that the current one begins with finds every clash.
func distinctPaths(files []entry) bool {
	var prefixes []string
	for i := range files {
		p := files[i].Path
		if i > 0 && files[i-1].Path >= p {
			return false
		}
		for len(prefixes) > 0 && !strings.HasPrefix(p, prefixes[len(prefixes)-1]) {
			prefixes = prefixes[:len(prefixes)-1]
		}
		for _, q := range prefixes {
			if p[len(q)] == '/' {
				return false
			}
		}
		prefixes = append(prefixes, p)
	}
	return true
}

// checkTiling looks that the files of each container fill it without gaps and overlaps. So nothing hides between
// them, and a folder's files are never larger together than what is stored for them says.
func (m *manifest) checkTiling() error {
	packed := make([]*entry, 0, len(m.Files))
	for i := range m.Files {
		if m.Files[i].Container != 0 {
			packed = append(packed, &m.Files[i])
		}
	}
	slices.SortFunc(packed, func(a, b *entry) int {
		return cmp.Or(cmp.Compare(a.Container, b.Container), cmp.Compare(a.Offset, b.Offset))
	})
	for c := range m.Containers {
		var at uint64
		for len(packed) > 0 && packed[0].Container == uint64(c)+1 {
			if packed[0].Offset != at || packed[0].Size > m.Containers[c].Size-at {
				return malformed("the files of a container overlap or leave gaps")
			}
			at += packed[0].Size
			packed = packed[1:]
		}
		if at != m.Containers[c].Size {
			return malformed("the files of a container do not fill it")
		}
	}
	return nil
}

// info describes the file under a path of the caller's choice.
func (f *entry) info(m *manifest, path string) FileInfo {
	i := FileInfo{Path: path, Size: f.Size, MIME: m.MIMEs[f.MIME], Exec: f.Exec}
	if f.Modified != 0 {
		i.ModTime = time.Unix(int64(f.Modified), 0).UTC()
	}
	return i
}
