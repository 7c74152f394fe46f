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
	if err := checkContainers(m.Containers); err != nil {
		return err
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
	return checkPlaces(m.Containers, m.Files)
}

func checkContainers(containers []stream) error {
	for i := range containers {
		c := &containers[i]
		if c.Size == 0 {
			return malformed("a container is empty")
		}
		if err := c.checkHeld(maxContainer); err != nil {
			return err
		}
	}
	return nil
}

func (f *entry) check(containers int) error {
	if !checkPath(f.Path) {
		return malformed("a folder has a path that is not allowed")
	}
	if f.Modified > maxModified {
		return malformed("a file is from beyond the year 9999")
	}
	return f.checkPlace(containers)
}

// checkPlace looks at where one file is; checkPlaces looks at all together.
func (f *entry) checkPlace(containers int) error {
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

// checkPlaces looks that no two files of a container overlap and that each container has one, so that the files in
// containers are never larger together than the containers. Gaps are what files of earlier editions left.
func checkPlaces(containers []stream, files []entry) error {
	packed := make([]*entry, 0, len(files))
	for i := range files {
		if files[i].Container != 0 {
			packed = append(packed, &files[i])
		}
	}
	slices.SortFunc(packed, func(a, b *entry) int {
		return cmp.Or(cmp.Compare(a.Container, b.Container), cmp.Compare(a.Offset, b.Offset))
	})
	for c := range containers {
		var at uint64
		for len(packed) > 0 && packed[0].Container == uint64(c)+1 {
			f := packed[0]
			if f.Offset < at || f.Offset > containers[c].Size || f.Size > containers[c].Size-f.Offset {
				return malformed("the files of a container overlap or end beyond it")
			}
			at = f.Offset + f.Size
			packed = packed[1:]
		}
		if at == 0 {
			return malformed("a container has no file")
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
