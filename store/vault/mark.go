package vault

import (
	"crypto/hmac"
	"encoding/binary"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"nightjar/crypto"
)

const (
	slotSize = 64
	markTag  = 24
)

// mark remembers how far the vault had come, outside of Badger, which drops the end of a damaged log in silence (SPEC §5).
type mark struct {
	f   *os.File
	key *crypto.Key
}

// openMark opens or makes the file and reads it; there is no error for a damaged one, as that says what no census confirms.
func openMark(dir string, key *crypto.Key) (*mark, uint64, error) {
	f, err := os.OpenFile(filepath.Join(dir, fileMark), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, 0, err
	}
	m := &mark{f, key}
	var b [2 * slotSize]byte
	if _, err := f.ReadAt(b[:], 0); err != nil && err != io.EOF {
		return nil, 0, errors.Join(err, f.Close())
	}
	return m, max(m.slot(b[:slotSize]), m.slot(b[slotSize:])), nil
}

// slot reads a slot; 0 if it is not sound.
func (m *mark) slot(b []byte) uint64 {
	if !hmac.Equal(tag(m.key, b[:8])[:markTag], b[8:8+markTag]) {
		return 0
	}
	return binary.BigEndian.Uint64(b)
}

// set makes seq durable, in the slot that does not hold the one before.
func (m *mark) set(seq uint64) error {
	b := make([]byte, slotSize)
	binary.BigEndian.PutUint64(b, seq)
	copy(b[8:], tag(m.key, b[:8])[:markTag])
	_, err := m.f.WriteAt(b, int64(seq%2)*slotSize)
	return errors.Join(err, m.f.Sync())
}

func (m *mark) close() error { return m.f.Close() }

// syncLogs makes durable what Badger's own Sync leaves out: logs that were succeeded since, and names in the directory.
func syncLogs(dir string) error {
	var err error
	for _, pattern := range []string{"*.mem", "*.vlog"} {
		names, globErr := filepath.Glob(filepath.Join(dir, pattern))
		err = errors.Join(err, globErr)
		for _, name := range names {
			err = errors.Join(err, syncPath(name))
		}
	}
	return errors.Join(err, syncPath(dir))
}

// syncPath makes the content of a file or directory durable. One that is gone needs nothing.
func syncPath(path string) error {
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}
