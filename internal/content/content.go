package content

import (
	"context"
	"errors"
	"io"
	"time"

	"nightjar/keys"
)

// Source fetches blocks from the network. Errors wrap ErrNotFound when nobody holds the block.
type Source interface {
	// Fetch returns the block named id. top says that the block sits at all rotated positions.
	Fetch(ctx context.Context, id keys.ID, top bool) (keys.Block, error)
}

// Sink inserts blocks into the network; it returns when the block is stored.
type Sink interface {
	Insert(ctx context.Context, b keys.Block, top bool) error
}

var (
	// ErrNotFound reports that too few blocks can be found to rebuild the content.
	ErrNotFound = errors.New("content: not found in the network")
	// ErrNoEntry reports a path that the folder does not have.
	ErrNoEntry = errors.New("content: no such file in the folder")
	// ErrMalformed reports content that breaks the format or one of its limits.
	ErrMalformed = errors.New("content: malformed content")
	// ErrTooLarge reports content that is larger than the reader allows.
	ErrTooLarge = errors.New("content: larger than allowed")
)

// Order says in which order the blocks of a segment are fetched.
type Order uint8

const (
	// Shuffled fetches k(1+δ) random blocks of each segment: the default, which says least about the reader.
	Shuffled Order = iota
	// Reading fetches data blocks first, in reading order, for streaming.
	Reading
)

// Progress counts blocks. Fields only grow, except that Need and Total become known as manifests arrive.
type Progress struct {
	Done  uint64 // blocks fetched or inserted
	Need  uint64 // blocks that must be done
	Bytes uint64 // content bytes delivered or taken in
	Size  uint64 // content bytes in all; 0 = not yet known
}

// FileInfo describes a file in a folder.
type FileInfo struct {
	Path    string // slash-separated, relative, clean
	Size    uint64
	MIME    string
	ModTime time.Time // zero = not kept
	Exec    bool
}

// FolderReader gives the files of a folder in order, each with its content; io.EOF ends it. A file's reader is valid until the next call.
type FolderReader interface {
	Next() (FileInfo, io.Reader, error)
}

// PutOptions says how to insert; the zero value is the safe default.
type PutOptions struct {
	Target     keys.URI       // zero = a CHK; an SSK, USK insert URI or a KSK otherwise
	Name       string         // file name to append to a CHK URI, "" = none
	MIME       string         // "" = found from the name and the first bytes
	Convergent bool           // the same file gives the same blocks: deduplicates, and lets anyone test for a known file
	Progress   func(Progress) // called from one goroutine at a time, never after the call returns
	Parallel   int            // blocks in flight; 0 = default
	Random     io.Reader      // nil = crypto/rand
	Now        func() time.Time
}

// GetOptions says how to read; the zero value is the safe default.
type GetOptions struct {
	MaxSize  uint64 // largest content in bytes; 0 = no limit
	Order    Order
	Parallel int            // blocks in flight; 0 = default
	Progress func(Progress) // as in PutOptions
}

// PutFile inserts what r holds and returns its request URI. Memory is bounded by two segments.
func PutFile(ctx context.Context, dst Sink, r io.Reader, o PutOptions) (keys.URI, error) {
	return keys.URI{}, ErrMalformed
}

// PutFolder inserts the files that r gives as one folder and returns its request URI.
func PutFolder(ctx context.Context, dst Sink, r FolderReader, o PutOptions) (keys.URI, error) {
	return keys.URI{}, ErrMalformed
}

// Object is a file or a folder found in the network: its manifest, not yet its bytes.
type Object struct{}

// Open finds what uri names, path included: redirects and records are followed, a folder's path is looked up.
// A path that names a folder (or "") gives a folder Object.
func Open(ctx context.Context, src Source, uri keys.URI, o GetOptions) (*Object, error) {
	return nil, ErrMalformed
}

// Info describes the object; for a folder Path is its path inside the root and MIME is "".
func (o *Object) Info() FileInfo { return FileInfo{} }

// IsFolder reports whether the object is a folder.
func (o *Object) IsFolder() bool { return false }

// URI is the request URI that was opened, redirects and editions resolved.
func (o *Object) URI() keys.URI { return keys.URI{} }

// Tag is a stable strong validator of the content (for an ETag): equal tags mean equal bytes. It reveals neither key nor URI.
func (o *Object) Tag() string { return "" }

// Files lists the folder's files, sorted by path, at any depth, with paths relative to the folder.
func (o *Object) Files() []FileInfo { return nil }

// File is the file at a path inside the folder, or ErrNoEntry. No request is made.
func (o *Object) File(path string) (*Object, error) { return nil, ErrNoEntry }

// WriteTo fetches the file and writes all of it to w in order.
func (o *Object) WriteTo(ctx context.Context, w io.Writer) error { return ErrMalformed }

// NewReader gives the file's bytes for reading and seeking; blocks are fetched as they are needed, ahead of reading. Close releases it.
func (o *Object) NewReader(ctx context.Context) io.ReadSeekCloser { return nil }
