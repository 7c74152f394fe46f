package badgerfiles

import (
	"encoding/binary"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/dgraph-io/badger/v4"
)

const (
	registrySane = "Hello Badger" // badger/key_registry.go, after 16 random bytes; keys follow only where Badger encrypts
	discardName  = "DISCARD"
	discardSize  = 1 << 20
	// absurd is how many times as much of a value log file as there is may be said to be garbage: a crash in a merge counts some twice.
	absurd = 16
)

// Tidy removes and mends what Badger would not open, or would misread, and what nothing is lost with: logs that a kill left without a head, a
// list of keys that is not the empty one, an account of garbage that cannot be, a head of a value log that says that it is encrypted. It is for databases that Badger does not encrypt.
func Tidy(dir string) error {
	logs, err := Logs(dir, ".vlog")
	if err != nil {
		return err
	}
	mem, err := Logs(dir, ".mem")
	if err != nil {
		return err
	}
	for _, l := range mem {
		if l.Size < LogHeader {
			err = errors.Join(err, os.Remove(l.Path))
		}
	}
	for _, l := range logs {
		if l.Size < LogHeader {
			err = errors.Join(err, os.Remove(l.Path))
		} else {
			err = errors.Join(err, mendHead(l.Path))
		}
	}
	path := filepath.Join(dir, badger.KeyRegistryFileName)
	b, readErr := os.ReadFile(path)
	if readErr == nil && (len(b) != 16+len(registrySane) || string(b[16:]) != registrySane) {
		err = errors.Join(err, os.Remove(path))
	}
	if discard(dir, logs) != nil {
		err = errors.Join(err, os.Remove(filepath.Join(dir, discardName)))
	}
	return err
}

func mendHead(path string) error {
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	var head [8]byte
	if _, err = f.ReadAt(head[:], 0); err == nil && head != [8]byte{} {
		_, err = f.WriteAt(make([]byte, len(head)), 0)
	}
	return errors.Join(err, f.Close())
}

// Log is a log file of a database.
type Log struct {
	Path   string
	Number uint32
	Size   int64
}

// Logs lists the files with an extension, ".mem" or ".vlog", by number.
func Logs(dir, ext string) ([]Log, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			err = nil
		}
		return nil, err
	}
	var all []Log
	for _, e := range entries { // by name, which is by number up to a million of them
		stem, ok := strings.CutSuffix(e.Name(), ext)
		n, err := strconv.ParseUint(stem, 10, 32)
		if !ok || err != nil || !e.Type().IsRegular() {
			continue
		}
		st, err := e.Info()
		if errors.Is(err, fs.ErrNotExist) { // it has gone since
			continue
		}
		if err != nil {
			return nil, err
		}
		all = append(all, Log{filepath.Join(dir, e.Name()), uint32(n), st.Size()})
	}
	return all, nil
}

// discard checks the file in which Badger notes how much of each value log file is garbage: an error wraps ErrDamaged if it is not as long as
// Badger maps it, or says what cannot be. Badger would write beyond a short one, and would never free anything if one file had more garbage than there
// is.
func discard(dir string, logs []Log) error {
	b, err := os.ReadFile(filepath.Join(dir, discardName))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if len(b) < discardSize || len(b)%16 != 0 {
		return damaged("the file %s is %d bytes long", discardName, len(b))
	}
	largest := int64(discardSize)
	for _, l := range logs {
		largest = max(largest, l.Size)
	}
	for ; len(b) > 0; b = b[16:] {
		file, garbage := binary.BigEndian.Uint64(b), binary.BigEndian.Uint64(b[8:])
		if file == 0 {
			return nil
		}
		if garbage > uint64(absurd*largest) {
			return damaged("the file %s says that %d bytes of a file are garbage", discardName, garbage)
		}
	}
	return damaged("the file %s has no end", discardName)
}
