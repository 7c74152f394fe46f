package foldertar

import (
	"archive/tar"
	"errors"
	"fmt"
	"io"
	"maps"
	"strings"

	"nightjar/internal/content"
)

// MediaType is the media type of the stream.
const MediaType = "application/x-tar"

// maxEntries bounds what one stream may hold, directories that are skipped included.
const maxEntries = 1 << 20

var (
	// ErrStream reports bytes that are no tar stream, or a broken one.
	ErrStream = errors.New("malformed tar stream")
	// ErrEntry reports something in a folder that is no regular file: a link, a device, a sparse file.
	ErrEntry = errors.New("not a regular file")
)

// Reader gives the files of a tar stream in order. It is a content.FolderReader.
type Reader struct {
	t       *tar.Reader
	entries int
}

// NewReader returns a Reader of the stream r.
func NewReader(r io.Reader) *Reader { return &Reader{t: tar.NewReader(r)} }

// Next gives the next file, whose bytes can be read until Next is called again; io.EOF ends the folder. Other errors wrap
// ErrStream, ErrEntry or ErrPath.
func (r *Reader) Next() (content.FileInfo, io.Reader, error) {
	for {
		h, err := r.t.Next()
		if err == io.EOF {
			return content.FileInfo{}, nil, io.EOF
		}
		if err != nil {
			return content.FileInfo{}, nil, fmt.Errorf("%w: %w", ErrStream, err)
		}
		if r.entries++; r.entries > maxEntries {
			return content.FileInfo{}, nil, fmt.Errorf("%w: more than %d entries", ErrStream, maxEntries)
		}
		if h.Typeflag == tar.TypeDir || h.Typeflag == tar.TypeXGlobalHeader {
			continue
		}
		info, err := fileInfo(h)
		if err != nil {
			return content.FileInfo{}, nil, err
		}
		return info, r.t, nil
	}
}

// fileInfo checks a header. Sparse files are refused because a few bytes of them stand for any number of zeros.
func fileInfo(h *tar.Header) (content.FileInfo, error) {
	name := strings.TrimPrefix(h.Name, "./") // tar writes these when it is given "."
	if err := CheckPath(name); err != nil {
		return content.FileInfo{}, err
	}
	if h.Typeflag != tar.TypeReg || isSparse(h) {
		return content.FileInfo{}, fmt.Errorf("%q: %w", name, ErrEntry)
	}
	info := content.FileInfo{Path: name, Size: uint64(h.Size), Exec: h.Mode&0o111 != 0}
	if h.ModTime.Unix() != 0 {
		info.ModTime = h.ModTime
	}
	return info, nil
}

func isSparse(h *tar.Header) bool {
	for key := range maps.Keys(h.PAXRecords) {
		if strings.HasPrefix(key, "GNU.sparse.") {
			return true
		}
	}
	return false
}

// Writer writes a folder as a tar stream.
type Writer struct{ t *tar.Writer }

// NewWriter returns a Writer to w.
func NewWriter(w io.Writer) *Writer { return &Writer{tar.NewWriter(w)} }

// File adds a file: body must write exactly info.Size bytes. An error of body is returned as it is.
func (w *Writer) File(info content.FileInfo, body func(io.Writer) error) error {
	if err := CheckPath(info.Path); err != nil {
		return err
	}
	h := &tar.Header{Typeflag: tar.TypeReg, Name: info.Path, Size: int64(info.Size), Mode: 0o644}
	if h.Size < 0 {
		return fmt.Errorf("%w: a file of 2^63 bytes or more", ErrStream)
	}
	if info.Exec {
		h.Mode = 0o755
	}
	if !info.ModTime.IsZero() {
		h.ModTime = info.ModTime
	}
	if err := w.t.WriteHeader(h); err != nil {
		return fmt.Errorf("write tar header: %w", err)
	}
	if err := body(w.t); err != nil {
		return err
	}
	// Flush fails if body wrote too little; what is too much has failed in body.
	if err := w.t.Flush(); err != nil {
		return fmt.Errorf("write tar stream: %w", err)
	}
	return nil
}

// Close ends the stream; a stream that was not closed is broken for its reader.
func (w *Writer) Close() error { return w.t.Close() }
