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

// Positioned is what a Source may be as well: it asks at one of a top block's keys.Rotations positions alone.
type Positioned interface {
	FetchAt(ctx context.Context, id keys.ID, position uint8) (keys.Block, error)
}

// Holder is what a Source may be as well: it says which blocks it can give without asking the network, those of a fetch that was
// broken off, say. Such blocks are taken first and count like any other, so that nothing is asked for that they make superfluous.
type Holder interface {
	// Holds says that Fetch answers for id at once.
	Holds(id keys.ID) bool
}

// Keeper is what a Source may be as well: it is told, before they are fetched, which blocks every fetch of the same content asks for,
// however much of it was fetched before: top blocks, manifests and tables of names.
type Keeper interface {
	Needed(id keys.ID)
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
	// ErrTooLarge reports content that is larger than the reader, or the format, allows.
	ErrTooLarge = errors.New("content: larger than allowed")
	// ErrTooMany reports content of more blocks than whoever wants to keep it allows.
	ErrTooMany = errors.New("content: it has more blocks than are looked after")
	// ErrVerifyOnly reports a verify capability where content was to be read: it keeps alive what it cannot read.
	ErrVerifyOnly = errors.New("content: this key can keep content alive, not read it")
	// ErrBadPath reports a folder to be inserted that has a path that the format does not allow, or one twice.
	ErrBadPath = errors.New("content: a path that a folder cannot have")
	// ErrConflict reports an edition to be inserted that is in the network already, with other content.
	ErrConflict = errors.New("content: this edition of the site exists already, with other content")
	// ErrChanged reports a file whose content is not what its FileInfo.Sum says.
	ErrChanged = errors.New("content: the file has changed")
	// ErrBadType reports a MIME type to be inserted that is none.
	ErrBadType = errors.New("content: not a MIME type")
)

// Order says in which order the blocks of a segment are fetched.
type Order uint8

const (
	// Shuffled fetches k(1+δ) random blocks of each segment: the default, which says least about the reader.
	Shuffled Order = iota
	// Reading fetches data blocks first, in reading order, for streaming.
	Reading
)

// Nowhere is a Sink that takes everything and keeps nothing. With PutOptions.Salt an insert into it tells the URI that the
// same insert into the network will have.
type Nowhere struct{}

// Insert does nothing.
func (Nowhere) Insert(ctx context.Context, _ keys.Block, _ bool) error { return ctx.Err() }

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
	Sum     [32]byte // to be inserted: SHA-256 of the content if it is known, for Base; zero = not known, and always when read
}

// FolderReader gives the files of a folder in order, each with its content; io.EOF ends it. A file's reader is valid until the next call.
type FolderReader interface {
	Next() (FileInfo, io.Reader, error)
}

// PutOptions says how to insert; the zero value is the safe default.
type PutOptions struct {
	Target     keys.URI // zero = a CHK; an SSK or USK insert URI (a USK with the edition to be written) or a KSK otherwise
	Name       string   // file name to append to a CHK URI, "" = none
	MIME       string   // "" = found from the name and the first bytes
	Convergent bool     // the same file gives the same blocks: deduplicates, and lets anyone test for a known file
	// Salt makes an insert that can be done again: the same salt, options and bytes give the same blocks and URI, to the same
	// build of this program. Whoever has it can test for content as if the insert were convergent, so that it is a secret to be
	// kept no longer than the insert. nil = keys are random. Convergent makes it moot.
	Salt       *[32]byte
	Redundancy Redundancy // blocks inserted for each block of data; 0 = the standard
	// Base is an earlier edition of the folder: what has not changed stays where it is and is not inserted again. It is not
	// changed. Files of 256 KiB and more are recognised by FileInfo.Sum alone.
	Base *Edition
	// Check is where an edition of a USK is looked for, before anything is inserted and after: ErrConflict if it is there
	// with other content. An edition is never overwritten. nil = it is not looked for, and an insert of an edition that
	// exists seems to succeed and changes nothing.
	Check Source
	// Writing is told the mark of an edition's record before that is inserted, so that whoever cannot say any more whether it was can find out
	// with EditionMarks. An error ends the insert.
	Writing  func(mark [32]byte) error
	Progress func(Progress) // called from one goroutine at a time, never after the call returns
	Parallel int            // blocks in flight; 0 = default
	Memory   *Memory        // of earlier inserts and fetches; nil = none
	Random   io.Reader      // nil = crypto/rand
	Now      func() time.Time
}

// GetOptions says how to read; the zero value is the safe default.
type GetOptions struct {
	MaxSize  uint64 // largest content in bytes; 0 = no limit
	Order    Order
	Parallel int              // blocks in flight; 0 = default
	Progress func(Progress)   // as in PutOptions
	Now      func() time.Time // for date hints; nil = time.Now
	Memory   *Memory          // of earlier inserts and fetches; nil = none
	// Heal is given blocks to be inserted again, nil = none: of each segment that had to be rebuilt, a tenth at random of the blocks that
	// nobody had. It is called while reading and must not block; when and how the blocks are inserted must not show who read (SPEC §11).
	Heal func(b keys.Block, top bool)
}
