package vault

import "errors"

// MaxValue bounds a value, in bytes.
const MaxValue = 16 << 20

var (
	// ErrNotFound reports an id that the space does not have.
	ErrNotFound = errors.New("vault: no such record")
	// ErrDamaged reports a directory whose files cannot be read, or that belongs to another key; of Get, a record that cannot.
	ErrDamaged = errors.New("vault: damaged")
	// ErrFull reports a disk without room, or one that refuses to be written to.
	ErrFull = errors.New("vault: the disk has too little room")
	// ErrTooLarge reports a value of more than MaxValue bytes, or a space or id that is too long.
	ErrTooLarge = errors.New("vault: too large")
	// ErrInUse reports a directory that another vault has open.
	ErrInUse = errors.New("vault: the directory is in use")
	// ErrClosed reports a vault that was closed.
	ErrClosed = errors.New("vault: closed")
)
