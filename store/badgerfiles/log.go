package badgerfiles

import (
	"bytes"
	"encoding/binary"
	"hash/crc32"
	"io"
	"math"
	"os"
)

const (
	// LogHeader is the length in bytes of what stands in front of the entries of a log: the number of the key that it is encrypted with (0 =
	// it is not), 8 bytes, and 12 random bytes.
	LogHeader = 20
	// MetaPointer marks an entry whose value is the place of the value in a value log file.
	MetaPointer = 1 << 1
	maxHead     = 22 // of an entry: two bytes and three varints
	maxKey      = 1 << 16
	maxValue    = 1 << 20
	checksum    = 4
	versionSize = 8
	windowSize  = 256 << 10
	sector      = 4096
)

// LogEntry is an entry of a log. Its slices are good until the next call of the reader.
type LogEntry struct {
	Meta    byte
	Key     []byte // without its version
	Version uint64
	Value   []byte
	At      int64 // where it begins in the file
	Size    int64 // all of it
}

// LogReader reads the entries of a memtable log or a value log file (badger/memtable.go, encodeEntry):
//
//	meta 1 | user meta 1 | key length varint | value length varint | expiry varint | key | value | CRC-32C, big-endian, of all before
//
// A key ends in its version, 8 bytes big-endian, subtracted from 2⁶⁴ − 1.
type LogReader struct {
	file io.ReaderAt
	size int64
	At   int64 // where the next entry is looked for

	from   int64 // of window
	window []byte
	space  []byte
	err    error
}

// Err is the first error of the disk, or nil: what it says of the file may be missing from the entries, and be there the next time.
func (r *LogReader) Err() error { return r.err }

// NewLogReader reads the entries of a file of that size.
func NewLogReader(file io.ReaderAt, size int64) *LogReader {
	return &LogReader{file: file, size: size, At: LogHeader}
}

// Next returns the entry at r.At and goes behind it, or reports that none is there.
func (r *LogReader) Next() (LogEntry, bool) {
	e, n, ok := parseEntry(r.peek(r.At, maxHead))
	if !ok {
		return LogEntry{}, false
	}
	if e, _, ok = parseEntry(r.peek(r.At, n)); !ok || e.Value == nil {
		return LogEntry{}, false
	}
	e.At = r.At
	r.At += e.Size
	return e, true
}

// Seek goes on from r.At, byte by byte, to where an entry whose key has that length, without the version, and no expiry can begin, and reports
// whether there is such a place. Whether it is one only Next knows.
func (r *LogReader) Seek(keySize int) bool {
	var want [10]byte // user meta and key length
	pattern := want[:1+binary.PutUvarint(want[1:], uint64(keySize+versionSize))]
	for {
		w := r.peek(r.At+1, windowSize/2)
		if len(w) < len(pattern) {
			if next := (r.At/sector + 1) * sector; next < r.size { // this one cannot be read
				r.At = next
				continue
			}
			r.At = r.size
			return false
		}
		if i := bytes.Index(w, pattern); i >= 0 {
			r.At += int64(i)
			return true
		}
		r.At += int64(len(w) - len(pattern) + 1)
	}
}

// Rest is how many bytes there are from r.At to the last one that is not zero.
func (r *LogReader) Rest() int64 {
	last := r.At
	for at := r.At; ; {
		w := r.peek(at, windowSize/2)
		if len(w) == 0 {
			return last - r.At
		}
		if used := len(bytes.TrimRight(w, "\x00")); used > 0 {
			last = at + int64(used)
		}
		at += int64(len(w))
	}
}

// peek returns up to n bytes at an offset. What cannot be read is as if it were not there.
func (r *LogReader) peek(at int64, n int) []byte {
	if at < 0 || at >= r.size || n <= 0 {
		return nil
	}
	n = int(min(int64(n), r.size-at))
	if at < r.from || at+int64(n) > r.from+int64(len(r.window)) {
		if len(r.space) < n {
			r.space = make([]byte, max(windowSize, n))
		}
		read, err := r.file.ReadAt(r.space[:min(int64(len(r.space)), r.size-at)], at)
		r.from, r.window = at, r.space[:read]
		if err != nil && err != io.EOF && r.err == nil {
			r.err = err
		}
	}
	w := r.window[min(at-r.from, int64(len(r.window))):]
	return w[:min(n, len(w))]
}

// parseEntry reads the entry that b begins with. Of a b that ends before the entry it returns how long the entry is, and no value.
func parseEntry(b []byte) (e LogEntry, size int, ok bool) {
	if len(b) < 2 {
		return e, 0, false
	}
	e.Meta = b[0]
	at := 2
	var fields [3]uint64
	for i := range fields {
		v, n := binary.Uvarint(b[at:min(len(b), maxHead)])
		if n <= 0 {
			return e, 0, false
		}
		fields[i], at = v, at+n
	}
	if fields[0] < versionSize || fields[0] > maxKey || fields[1] > maxValue {
		return e, 0, false
	}
	key, value := at+int(fields[0]), at+int(fields[0]+fields[1])
	size = value + checksum
	if size > len(b) {
		return e, size, true
	}
	if crc32.Checksum(b[:value], castagnoli()) != binary.BigEndian.Uint32(b[value:]) {
		return e, size, false
	}
	e.Key, e.Value, e.Size = b[at:key-versionSize], b[key:value:value], int64(size)
	e.Version = math.MaxUint64 - binary.BigEndian.Uint64(b[key-versionSize:])
	return e, size, true
}

// AppendEntry appends an entry as Badger would write it.
func AppendEntry(b []byte, e LogEntry) []byte {
	from := len(b)
	b = append(b, e.Meta, 0)
	b = binary.AppendUvarint(b, uint64(len(e.Key)+versionSize))
	b = binary.AppendUvarint(b, uint64(len(e.Value)))
	b = append(b, 0) // no expiry
	b = append(b, e.Key...)
	b = binary.BigEndian.AppendUint64(b, math.MaxUint64-e.Version)
	b = append(b, e.Value...)
	return binary.BigEndian.AppendUint32(b, crc32.Checksum(b[from:], castagnoli()))
}

func castagnoli() *crc32.Table { return crc32.MakeTable(crc32.Castagnoli) }

// MemtableLog reads the log of a memtable and returns the newest version in it. A last entry that is half written is what a kill leaves; the
// error wraps ErrDamaged if anything follows it, or the log says that it is encrypted.
func MemtableLog(path string) (newest uint64, err error) {
	f, err := os.Open(path)
	if err != nil {
		return 0, err
	}
	defer f.Close()
	st, err := f.Stat()
	if err != nil {
		return 0, err
	}
	var head [8]byte
	if _, err := f.ReadAt(head[:], 0); err != nil || head != [8]byte{} {
		return 0, damaged("the head of a memtable log")
	}
	r := NewLogReader(f, st.Size())
	var pending uint64 // of a transaction whose end was not read yet
	for {
		e, ok := r.Next()
		switch {
		case !ok:
		case e.Meta&metaEnd != 0:
			newest, pending = max(newest, pending), 0
		case e.Meta&metaTxn != 0:
			pending = max(pending, e.Version)
		default: // one that was moved
			newest = max(newest, e.Version)
		}
		if !ok {
			break
		}
	}
	if r.Rest() > tornEntry {
		return 0, damaged("the middle of a memtable log")
	}
	return newest, nil
}

const (
	metaTxn = 1 << 6 // of an entry that counts once the end of its transaction was read
	metaEnd = 1 << 7
	// tornEntry is more than the longest entry that a memtable log holds where values are short.
	tornEntry = 256
)
