package badgerfiles

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"github.com/dgraph-io/badger/v4"
	"github.com/dgraph-io/badger/v4/fb"
	"github.com/dgraph-io/badger/v4/pb"
	"github.com/dgraph-io/badger/v4/table"
	"github.com/dgraph-io/badger/v4/y"
)

// Index is what Tables found.
type Index struct {
	Newest uint64 // the newest version in a table
	// Torn says that the list of tables ends in the middle of a line. Badger takes that for what a crash left, and goes on with the tables of the lines
	// before; it may as well be that a length in the list is damaged, and that tables are missing.
	Torn bool
}

// Tables reads the list of tables of the database in dir, and every table in it. An error wraps ErrDamaged if one is not as its checksums say, or
// is missing. A table that is not in the list is what a crash left: Badger removes it. Reading all warms the page cache for who reads them next. A
// directory without a list has none: fs.ErrNotExist.
func Tables(dir string) (x Index, err error) {
	ids, torn, err := list(filepath.Join(dir, badger.ManifestFilename))
	if err != nil {
		return x, err
	}
	x.Torn = torn
	for _, id := range ids {
		b, err := os.ReadFile(table.NewFilename(id, dir))
		if passing := Passing(err); passing != nil {
			return x, fmt.Errorf("badgerfiles: table %d: %w", id, passing)
		}
		if err != nil {
			return x, damaged("table %d cannot be read", id)
		}
		version, ok := check(b)
		if !ok {
			return x, damaged("table %d", id)
		}
		x.Newest = max(x.Newest, version)
	}
	return x, nil
}

// list reads which tables there are.
func list(path string) (ids []uint64, torn bool, err error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, false, err
	}
	defer f.Close()
	m, end, err := badger.ReplayManifestFile(f, 0, badger.Options{})
	if passing := Passing(err); passing != nil {
		return nil, false, fmt.Errorf("badgerfiles: the list of tables: %w", passing)
	}
	if err != nil {
		return nil, false, damaged("the list of tables: %v", err)
	}
	st, err := f.Stat()
	if err != nil {
		return nil, false, err
	}
	for id := range m.Tables {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	return ids, st.Size() != end, nil
}

// EmptyList is what the list of tables of a database without tables is.
func EmptyList() []byte { return []byte{'B', 'd', 'g', 'r', 0, 0, 0, 8} }

// HasList reports whether there is a list of tables, sound or not.
func HasList(dir string) (bool, error) {
	_, err := os.Lstat(filepath.Join(dir, badger.ManifestFilename))
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	return err == nil, err
}

// SoundTable reports whether b is a table, and as its checksums say.
func SoundTable(b []byte) bool {
	_, ok := check(b)
	return ok
}

// check checks blocks | index | index length | checksum | checksum length, where the checksum is of the index, and returns the newest version in it.
func check(b []byte) (newest uint64, ok bool) {
	// The checksum keeps accidents from the accessors of the index; a table that was made on purpose can have them panic.
	defer func() {
		if recover() != nil {
			ok = false
		}
	}()
	rest, sum, ok := cutTail(b)
	if !ok {
		return 0, false
	}
	blocks, index, ok := cutTail(rest)
	if !ok || len(index) == 0 || !sound(index, sum) {
		return 0, false
	}
	t := fb.GetRootAsTableIndex(index, 0)
	var at fb.BlockOffset
	for i := range t.OffsetsLength() {
		if !t.Offsets(&at, i) {
			return 0, false
		}
		from, n := uint64(at.Offset()), uint64(at.Len())
		if from+n > uint64(len(blocks)) {
			return 0, false
		}
		if data, sum, ok := cutTail(blocks[from : from+n]); !ok || len(data) < 4 || !sound(data, sum) {
			return 0, false
		}
	}
	return t.MaxVersion(), t.OffsetsLength() > 0
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
