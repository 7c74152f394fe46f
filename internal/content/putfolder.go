package content

import (
	"errors"
	"fmt"
	"io"
	"path"
	"slices"
	"strings"

	"nightjar/keys"
)

const (
	// maxPacked is the largest file that travels in a container.
	maxPacked = 256 << 10
	// fullContainer is from where on a container ends when the next file is in another directory, so that what is seen
	// together is fetched together.
	fullContainer = 512 << 10
)

// folderPut is a folder being inserted.
type folderPut struct {
	p       *putter
	d       *draft
	types   map[string]uint64 // MIME type -> place in d.m.MIMEs
	open    []byte            // the container being filled
	openDir string            // the directory of its last file
	big     []bigFile
}

// bigFile is a file with a stream of its own. Its entry may move in memory, its index does not.
type bigFile struct {
	file int
	s    *stored
}

func (p *putter) folder(r FolderReader) (keys.URI, error) {
	f := &folderPut{p: p, types: map[string]uint64{}, d: &draft{m: &manifest{Version: formatVersion, Kind: kindFolder}}}
	seen := map[string]struct{}{}
	for {
		info, content, err := r.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			return keys.URI{}, err
		}
		if _, ok := seen[info.Path]; ok || !checkPath(info.Path) {
			return keys.URI{}, fmt.Errorf("%w: %q", ErrBadPath, info.Path)
		}
		if len(seen) == MaxFiles {
			return keys.URI{}, fmt.Errorf("%w: a folder has at most %d files", ErrTooLarge, MaxFiles)
		}
		seen[info.Path] = struct{}{}
		if err := f.add(info, content); err != nil {
			return keys.URI{}, err
		}
	}
	if err := f.finish(); err != nil {
		return keys.URI{}, err
	}
	p.meter.add(Progress{Size: totalSize(f.d.m.Files)})
	return p.publish(f.d)
}

// add takes one file in.
func (f *folderPut) add(info FileInfo, r io.Reader) error {
	head, rest, err := f.p.sample(r)
	if err != nil {
		return err
	}
	t := info.MIME
	if t == "" {
		t = typeOf(info.Path, head)
	} else if !validMIME(t) {
		return fmt.Errorf("%w: of %q", ErrBadType, info.Path)
	}
	e := entry{Path: info.Path, MIME: f.typeIndex(t), Exec: info.Exec, Size: uint64(len(head))}
	if s := info.ModTime.Unix(); s > 0 && s <= maxModified {
		e.Modified = uint64(s)
	}
	if f.d.m.Files = append(f.d.m.Files, e); len(head) == 0 {
		return nil
	}
	if rest == nil && len(head) <= maxPacked {
		return f.pack(&f.d.m.Files[len(f.d.m.Files)-1], head)
	}
	s, err := f.p.store(head, rest, worthTrying(t), MaxStream)
	if err != nil {
		return err
	}
	f.d.m.Files[len(f.d.m.Files)-1].Size = s.size
	f.big = append(f.big, bigFile{len(f.d.m.Files) - 1, s})
	f.p.carry += s.w.carried() + tableOverhead
	return nil
}

// tableOverhead is what a stream takes up in a manifest beside what it carries.
const tableOverhead = 64

func (f *folderPut) typeIndex(t string) uint64 {
	i, ok := f.types[t]
	if !ok {
		i = uint64(len(f.d.m.MIMEs))
		f.types[t] = i
		f.d.m.MIMEs = append(f.d.m.MIMEs, t)
	}
	return i
}

// pack puts a small file into the open container.
func (f *folderPut) pack(e *entry, content []byte) error {
	dir := path.Dir(e.Path)
	leaving := dir != f.openDir && len(f.open) >= fullContainer
	if leaving || len(f.open)+len(content) > maxContainer {
		if err := f.closeContainer(); err != nil {
			return err
		}
	}
	f.openDir = dir
	e.Container = uint64(len(f.d.m.Containers)) + 1
	e.Offset = uint64(len(f.open))
	f.open = append(f.open, content...)
	return nil
}

func (f *folderPut) closeContainer() error {
	if len(f.open) == 0 {
		return nil
	}
	s, err := f.p.store(f.open, nil, true, maxContainer)
	if err != nil {
		return err
	}
	f.d.m.Containers = append(f.d.m.Containers, stream{})
	f.d.streams = append(f.d.streams, placed{s: s})
	f.p.carry += s.w.carried() + tableOverhead
	f.open = f.open[:0]
	return nil
}

// finish sorts what came in any order and makes the draft's streams point to their places.
func (f *folderPut) finish() error {
	if err := f.closeContainer(); err != nil {
		return err
	}
	m := f.d.m
	for i := range f.d.streams {
		f.d.streams[i].at = &m.Containers[i]
	}
	for _, b := range f.big {
		m.Files[b.file].Stream = new(stream)
		f.d.streams = append(f.d.streams, placed{b.s, m.Files[b.file].Stream})
	}
	f.sortTypes()
	slices.SortFunc(m.Files, func(a, b entry) int { return strings.Compare(a.Path, b.Path) })
	if !distinctPaths(m.Files) {
		return fmt.Errorf("%w: one is both a file and a folder", ErrBadPath)
	}
	if len(m.MIMEs) > maxMIMEs {
		return errors.Join(ErrTooLarge, errors.New("content: a folder has too many MIME types"))
	}
	return nil
}

func (f *folderPut) sortTypes() {
	m := f.d.m
	old := slices.Clone(m.MIMEs)
	slices.Sort(m.MIMEs)
	place := make([]uint64, len(old))
	for i, t := range old {
		at, _ := slices.BinarySearch(m.MIMEs, t)
		place[i] = uint64(at)
	}
	for i := range m.Files {
		m.Files[i].MIME = place[m.Files[i].MIME]
	}
}
