package jobs

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"nightjar/internal/api/foldertar"
	"nightjar/internal/content"
)

// ErrEmpty reports a folder that there is nothing to insert of.
var ErrEmpty = errors.New("jobs: the folder has no files")

// source is what a queued put inserts: a file or a folder on this machine, as it is when it is opened.
type source struct {
	path   string
	folder bool
	files  []content.FileInfo // of a folder, sorted; of a file one, without a path
	times  []int64            // of modification, in nanoseconds
	root   *os.Root           // of a folder
}

// openSource looks at a source and reads nothing of it. The error is the system's, or wraps foldertar.ErrEntry or ErrPath, or is ErrEmpty.
func openSource(ctx context.Context, path string, hidden bool) (*source, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if info.Mode().IsRegular() {
		return &source{path: path, files: []content.FileInfo{{Size: uint64(info.Size())}}, times: []int64{info.ModTime().UnixNano()}}, nil
	}
	if !info.IsDir() {
		return nil, fmt.Errorf("%s: %w", path, foldertar.ErrEntry)
	}
	root, err := os.OpenRoot(path)
	if err != nil {
		return nil, err
	}
	s := &source{path: path, folder: true, root: root}
	if s.files, err = foldertar.Scan(ctx, root, hidden); err == nil && len(s.files) == 0 {
		err = ErrEmpty
	}
	for i := 0; err == nil && i < len(s.files); i++ {
		var info fs.FileInfo
		if info, err = root.Lstat(s.files[i].Path); err == nil {
			s.times = append(s.times, info.ModTime().UnixNano())
		}
	}
	if err != nil {
		return nil, errors.Join(err, root.Close())
	}
	return s, nil
}

// keepTimes has a folder's files travel with the time of their last change, to the second.
func (s *source) keepTimes() {
	for i := range s.files {
		if s.folder {
			s.files[i].ModTime = time.Unix(0, s.times[i]).Truncate(time.Second)
		}
	}
}

func (s *source) close() {
	if s.root != nil {
		s.root.Close()
	}
}

func (s *source) size() (sum uint64) {
	for _, f := range s.files {
		sum += f.Size
	}
	return sum
}

// fingerprint tells whether the source is what it was: names, sizes, times of modification, and what may be run.
func (s *source) fingerprint() []byte {
	h := sha256.New()
	for i, f := range s.files {
		b := binary.BigEndian.AppendUint32(nil, uint32(len(f.Path)))
		b = append(b, f.Path...)
		b = binary.BigEndian.AppendUint64(b, f.Size)
		b = binary.BigEndian.AppendUint64(b, uint64(s.times[i]))
		if f.Exec {
			b = append(b, 1)
		}
		h.Write(b)
	}
	return h.Sum(nil)
}

// open opens file i, if it is what it was.
func (s *source) open(i int) (io.ReadCloser, error) {
	var f *os.File
	var err error
	if s.folder {
		f, err = s.root.Open(s.files[i].Path)
	} else {
		f, err = os.Open(s.path)
	}
	if err != nil {
		return nil, err
	}
	r := &unchanged{f: f, size: int64(s.files[i].Size), time: s.times[i], name: filepath.Base(f.Name())}
	if err := r.check(); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return r, nil
}

// unchanged reads a file, and fails at its end if it is not what it was at its beginning: before anything is published.
type unchanged struct {
	f    *os.File
	size int64
	time int64
	name string
	read int64
}

func (u *unchanged) check() error {
	info, err := u.f.Stat()
	if err != nil {
		return err
	}
	if !info.Mode().IsRegular() || info.Size() != u.size || info.ModTime().UnixNano() != u.time {
		return fmt.Errorf("%w: %q", ErrChanged, u.name)
	}
	return nil
}

func (u *unchanged) Read(p []byte) (int, error) {
	n, err := u.f.Read(p)
	if u.read += int64(n); err == io.EOF {
		if changed := u.check(); changed != nil {
			return n, changed
		}
		if u.read != u.size {
			return n, fmt.Errorf("%w: %q", ErrChanged, u.name)
		}
	}
	return n, err
}

func (u *unchanged) Close() error { return u.f.Close() }

// reader gives the files of a folder to package content.
type folderReader struct {
	ctx context.Context // content.FolderReader has no parameter for it
	s   *source
	i   int
	now io.ReadCloser
}

// Next implements content.FolderReader.
func (r *folderReader) Next() (content.FileInfo, io.Reader, error) {
	r.close()
	if err := r.ctx.Err(); err != nil {
		return content.FileInfo{}, nil, err
	}
	if r.i == len(r.s.files) {
		return content.FileInfo{}, nil, io.EOF
	}
	f, err := r.s.open(r.i)
	if err != nil {
		return content.FileInfo{}, nil, err
	}
	r.now = f
	r.i++
	return r.s.files[r.i-1], f, nil
}

func (r *folderReader) close() {
	if r.now != nil {
		r.now.Close()
		r.now = nil
	}
}
