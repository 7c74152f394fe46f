package content

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
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
	p          *putter
	d          *draft
	base       *base               // or nil
	sums       map[string][32]byte // of files that are not empty, by path; nil if nobody asks
	types      map[string]uint64   // MIME type -> place in d.m.MIMEs
	containers []*stored           // of d.m.Containers; nil = the one being filled
	opened     uint64              // the number of
	open       []byte              // the container being filled
	openDir    string              // the directory of its last file
	big        []bigFile
}

// bigFile is a file with a stream of its own. Its entry may move in memory, its index does not.
type bigFile struct {
	file int
	s    *stored
}

func (p *putter) folder(r FolderReader, sums map[string][32]byte) (keys.URI, *manifest, error) {
	f := &folderPut{p: p, sums: sums, types: map[string]uint64{}, d: &draft{m: &manifest{Version: formatVersion, Kind: kindFolder}}}
	if p.o.Base != nil {
		f.base = newBase(p.o.Base, p.o.Redundancy)
	}
	seen := map[string]struct{}{}
	for {
		info, content, err := r.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			return keys.URI{}, nil, err
		}
		if _, ok := seen[info.Path]; ok || !checkPath(info.Path) {
			return keys.URI{}, nil, fmt.Errorf("%w: %q", ErrBadPath, info.Path)
		}
		if len(seen) == MaxFiles {
			return keys.URI{}, nil, fmt.Errorf("%w: a folder has at most %d files", ErrTooLarge, MaxFiles)
		}
		seen[info.Path] = struct{}{}
		if err := f.add(info, content); err != nil {
			return keys.URI{}, nil, err
		}
	}
	if err := f.finish(); err != nil {
		return keys.URI{}, nil, err
	}
	p.meter.add(Progress{Size: totalSize(f.d.m.Files)})
	uri, err := p.publish(f.d)
	return uri, f.d.m, err
}

// add takes one file in.
func (f *folderPut) add(info FileInfo, r io.Reader) error {
	if info.Sum != ([32]byte{}) {
		if kept, ok := f.base.take(info.Sum); ok {
			return f.keep(info, kept, r)
		}
	}
	head, rest, err := f.p.sample(r)
	if err != nil {
		return err
	}
	e, err := f.entry(info, head)
	if err != nil || len(head) == 0 {
		return err
	}
	if rest == nil && len(head) <= maxPacked {
		sum, err := f.sum(info, head)
		if err != nil {
			return err
		}
		if kept, ok := f.base.take(sum); ok && kept.Size == uint64(len(head)) {
			return f.place(e, kept)
		}
		return f.pack(e, head)
	}
	return f.addBig(info, head, rest)
}

// entry adds a file to the manifest. The pointer is good until the next one.
func (f *folderPut) entry(info FileInfo, head []byte) (*entry, error) {
	t := info.MIME
	if t == "" {
		t = typeOf(info.Path, head)
	} else if !validMIME(t) {
		return nil, fmt.Errorf("%w: of %q", ErrBadType, info.Path)
	}
	e := entry{Path: info.Path, MIME: f.typeIndex(t), Exec: info.Exec, Size: uint64(len(head))}
	if s := info.ModTime.Unix(); s > 0 && s <= maxModified {
		e.Modified = uint64(s)
	}
	f.d.m.Files = append(f.d.m.Files, e)
	return &f.d.m.Files[len(f.d.m.Files)-1], nil
}

// sum notes and checks the sum of a file that is all in memory, if anybody asks.
func (f *folderPut) sum(info FileInfo, content []byte) (sum [32]byte, err error) {
	if f.sums == nil && f.base == nil && info.Sum == ([32]byte{}) {
		return sum, nil
	}
	sum = sha256.Sum256(content)
	return sum, f.note(info, sum)
}

func (f *folderPut) note(info FileInfo, sum [32]byte) error {
	if info.Sum != ([32]byte{}) && info.Sum != sum {
		return fmt.Errorf("%w: %q", ErrChanged, info.Path)
	}
	if f.sums != nil {
		f.sums[info.Path] = sum
	}
	return nil
}

// keep takes in a file that the earlier edition has. Only what its type is judged by is read.
func (f *folderPut) keep(info FileInfo, kept *keptFile, r io.Reader) error {
	var head []byte
	if info.MIME == "" && r != nil {
		head = make([]byte, min(sniffLength, kept.Size))
		if _, err := io.ReadFull(r, head); err == io.EOF || err == io.ErrUnexpectedEOF {
			return fmt.Errorf("%w: %q", ErrChanged, info.Path)
		} else if err != nil {
			return err
		}
	}
	e, err := f.entry(info, head)
	if err != nil {
		return err
	}
	if f.sums != nil {
		f.sums[info.Path] = kept.Sum
	}
	f.p.meter.add(Progress{Bytes: kept.Size})
	return f.place(e, kept)
}

// place gives a file the place that it had.
func (f *folderPut) place(e *entry, kept *keptFile) error {
	e.Size = kept.Size
	if kept.Stream != nil {
		s, err := f.p.again(kept.Stream)
		if err == nil {
			f.addStream(s)
		}
		return err
	}
	at := &f.base.at[kept.Container-1]
	if *at == 0 {
		s, err := f.p.again(&f.base.e.containers[kept.Container-1])
		if err != nil {
			return err
		}
		*at = f.addContainer(s)
	}
	e.Container, e.Offset = *at, kept.Offset
	return nil
}

// addBig stores a file as a stream of its own.
func (f *folderPut) addBig(info FileInfo, head []byte, rest io.Reader) error {
	var h hash.Hash
	if f.sums != nil || info.Sum != ([32]byte{}) {
		h = sha256.New()
		h.Write(head)
		rest = io.TeeReader(rest, h)
	}
	e := &f.d.m.Files[len(f.d.m.Files)-1]
	s, err := f.p.store(head, rest, worthTrying(f.d.m.MIMEs[e.MIME]), MaxStream)
	if err != nil {
		return err
	}
	e.Size = s.size
	f.addStream(s)
	if h == nil {
		return nil
	}
	return f.note(info, [32]byte(h.Sum(nil)))
}

// addStream makes s the stream of the file that came last.
func (f *folderPut) addStream(s *stored) {
	f.big = append(f.big, bigFile{len(f.d.m.Files) - 1, s})
	f.p.carry += s.w.carried() + tableOverhead
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
	if len(f.open) == 0 {
		f.opened = f.addContainer(nil)
	}
	f.openDir = dir
	e.Container = f.opened
	e.Offset = uint64(len(f.open))
	f.open = append(f.open, content...)
	return nil
}

// addContainer gives a container its number; s is nil while it is being filled.
func (f *folderPut) addContainer(s *stored) uint64 {
	f.containers = append(f.containers, s)
	if s != nil {
		f.p.carry += s.w.carried() + tableOverhead
	}
	return uint64(len(f.containers))
}

func (f *folderPut) closeContainer() error {
	if len(f.open) == 0 {
		return nil
	}
	s, err := f.p.store(f.open, nil, true, maxContainer)
	if err != nil {
		return err
	}
	f.containers[f.opened-1] = s
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
	m.Containers = make([]stream, len(f.containers))
	for i, s := range f.containers {
		f.d.streams = append(f.d.streams, placed{s, &m.Containers[i]})
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
