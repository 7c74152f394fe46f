package vault

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/dgraph-io/badger/v4"
	"github.com/dgraph-io/badger/v4/fb"
	"github.com/dgraph-io/badger/v4/pb"
	"github.com/dgraph-io/badger/v4/table"
	"github.com/dgraph-io/badger/v4/y"
)

// checkTables reads every table that Badger will use before Badger does, and returns an error that wraps ErrDamaged if one is not as its
// checksums say: Badger ends the process over a broken footer and silently drops what follows a broken block when it merges. The whole
// vault is a few MiB.
func checkTables(dir string) error {
	f, err := os.Open(filepath.Join(dir, badger.ManifestFilename))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	m, _, err := badger.ReplayManifestFile(f, 0, badger.Options{})
	f.Close()
	if err != nil {
		return fmt.Errorf("%w: the list of tables", ErrDamaged)
	}
	for id := range m.Tables {
		b, err := os.ReadFile(table.NewFilename(id, dir))
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return verdict(err)
		}
		if err != nil || !soundTable(b) {
			return fmt.Errorf("%w: table %d", ErrDamaged, id)
		}
	}
	return nil
}

// soundTable checks blocks ‖ index ‖ index length ‖ checksum ‖ checksum length, where the checksum is of the index.
func soundTable(b []byte) (ok bool) {
	// The checksum keeps accidents from the accessors of the index; a table that was made on purpose can have them panic.
	defer func() {
		if recover() != nil {
			ok = false
		}
	}()
	rest, sum, ok := cutTail(b)
	if !ok {
		return false
	}
	blocks, index, ok := cutTail(rest)
	if !ok || len(index) == 0 || !sound(index, sum) {
		return false
	}
	t := fb.GetRootAsTableIndex(index, 0)
	var at fb.BlockOffset
	for i := range t.OffsetsLength() {
		if !t.Offsets(&at, i) {
			return false
		}
		from, n := uint64(at.Offset()), uint64(at.Len())
		if from+n > uint64(len(blocks)) {
			return false
		}
		if data, sum, ok := cutTail(blocks[from : from+n]); !ok || len(data) < 4 || !sound(data, sum) {
			return false
		}
	}
	return t.OffsetsLength() > 0
}

// cutTail splits b into what comes before its tail, and the tail, whose length is the last four bytes of b.
func cutTail(b []byte) (rest, tail []byte, ok bool) {
	if len(b) < 4 {
		return nil, nil, false
	}
	end := uint64(len(b)) - 4
	n := uint64(binary.BigEndian.Uint32(b[end:]))
	if n > end {
		return nil, nil, false
	}
	return b[:end-n], b[end-n : end], true
}

// sound checks data against a checksum as Badger encodes it: a protobuf message of algorithm (1) and sum (2), both varints.
func sound(data, encoded []byte) bool {
	var sum pb.Checksum
	for len(encoded) > 0 {
		field := encoded[0]
		v, n := binary.Uvarint(encoded[1:])
		if n <= 0 {
			return false
		}
		switch {
		case field == 1<<3 && v <= uint64(pb.Checksum_XXHash64):
			sum.Algo = pb.Checksum_Algorithm(v)
		case field == 2<<3:
			sum.Sum = v
		default:
			return false
		}
		encoded = encoded[1+n:]
	}
	return y.VerifyChecksum(data, &sum) == nil
}
