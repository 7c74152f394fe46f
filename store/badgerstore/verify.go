package badgerstore

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

	"nightjar/store"
)

// verifyTables reads every table that Badger will use before Badger does, and returns an error that wraps store.ErrCorrupt
// if one is damaged: Badger ends the process over a broken footer, panics over a broken block, and silently drops what
// follows one when it compacts. The tables are 0.3 % of what is stored, and reading them warms the page cache for
// the index, which is read next. A table that a crash left half written is not in the manifest, and Badger removes it.
func verifyTables(dir string) error {
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
		return fmt.Errorf("badgerstore: the list of index tables: %w: %v", store.ErrCorrupt, err)
	}
	for id := range m.Tables {
		b, err := os.ReadFile(table.NewFilename(id, dir))
		if err != nil {
			return fmt.Errorf("badgerstore: an index table: %w: %v", store.ErrCorrupt, err)
		}
		if !soundTable(b) {
			return fmt.Errorf("badgerstore: index table %d: %w", id, store.ErrCorrupt)
		}
	}
	return nil
}

// soundTable checks blocks | index | index length | checksum | checksum length, where the checksum is of the index.
func soundTable(b []byte) (ok bool) {
	// The checksum keeps accidents from the accessors of the index; somebody who made a table on purpose can have them panic.
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
	n := uint64(binary.BigEndian.Uint32(b[len(b)-4:]))
	b = b[:len(b)-4]
	if n > uint64(len(b)) {
		return nil, nil, false
	}
	at := uint64(len(b)) - n
	return b[:at], b[at:], true
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
		switch field {
		case 1 << 3:
			if v > uint64(pb.Checksum_XXHash64) {
				return false
			}
			sum.Algo = pb.Checksum_Algorithm(v)
		case 2 << 3:
			sum.Sum = v
		default:
			return false
		}
		encoded = encoded[1+n:]
	}
	return y.VerifyChecksum(data, &sum) == nil
}
