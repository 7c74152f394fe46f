package badgerfiles

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/dgraph-io/badger/v4"
	"github.com/dgraph-io/badger/v4/options"
)

// database makes one with tables, logs of memtables and value logs, as a kill leaves it: copied while it is open.
func database(t testing.TB) (dir string) {
	t.Helper()
	from := t.TempDir()
	o := badger.DefaultOptions(from)
	o.Logger, o.MetricsEnabled, o.ValueThreshold, o.MemTableSize, o.ValueLogFileSize = nil, false, 32, 64<<10, 1<<20
	o.BypassLockGuard, o.Compression, o.BlockCacheSize = true, options.None, 0
	put := func(db *badger.DB, round int) {
		for i := range 40 {
			err := db.Update(func(txn *badger.Txn) error {
				return txn.Set(fmt.Appendf(nil, "key-%02d-%02d", round, i), bytes.Repeat([]byte{byte(i + 1)}, 500))
			})
			if err != nil {
				t.Fatal(err)
			}
		}
	}
	for round := range 2 {
		db, err := badger.Open(o)
		if err != nil {
			t.Fatal(err)
		}
		put(db, round)
		if round == 1 {
			dir = t.TempDir()
			if err := os.CopyFS(dir, os.DirFS(from)); err != nil {
				t.Fatal(err)
			}
		}
		if err := db.Close(); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func read(t testing.TB, path string) []byte {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func write(t testing.TB, path string, b []byte) {
	t.Helper()
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
}

func only(t testing.TB, dir, pattern string) string {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(dir, pattern))
	if err != nil || len(paths) == 0 {
		t.Fatalf("no %s: %v", pattern, err)
	}
	return paths[len(paths)-1]
}

// Invariant 2, for tables: bit for bit, what is accepted is what Badger wrote.
func TestSoundTable(t *testing.T) {
	t.Parallel()
	b := read(t, only(t, database(t), "*.sst"))
	if !SoundTable(b) {
		t.Fatal("a sound table is rejected")
	}
	for i := range b {
		for bit := range 8 {
			b[i] ^= 1 << bit
			if SoundTable(b) {
				t.Errorf("bit %d of byte %d may be flipped", bit, i)
			}
			b[i] ^= 1 << bit
		}
	}
	for n := range b {
		if SoundTable(b[:n]) {
			t.Errorf("a table cut to %d of %d bytes is accepted", n, len(b))
		}
	}
	if SoundTable(append([]byte(strings.Repeat("x", 16)), b[16:]...)) || SoundTable(nil) {
		t.Error("something else is accepted")
	}
}

// Invariant 2, for the list: what is accepted names the same tables.
func TestTables(t *testing.T) {
	t.Parallel()
	dir := database(t)
	x, err := Tables(dir)
	if err != nil || x.Newest == 0 || x.Torn {
		t.Fatalf("%+v, %v", x, err)
	}
	path := filepath.Join(dir, badger.ManifestFilename)
	b := read(t, path)
	want, _, err := list(path)
	if err != nil {
		t.Fatal(err)
	}
	for i := range b {
		for bit := range 8 {
			b[i] ^= 1 << bit
			write(t, path, b)
			b[i] ^= 1 << bit
			if ids, torn, err := list(path); err == nil && !torn && fmt.Sprint(ids) != fmt.Sprint(want) {
				t.Errorf("bit %d of byte %d may be flipped: %d tables", bit, i, len(ids))
			} else if err != nil && !errors.Is(err, ErrDamaged) {
				t.Error(err)
			}
		}
		write(t, path, b[:i])
		if ids, _, err := list(path); err == nil && len(ids) > len(want) {
			t.Errorf("a list cut to %d bytes has %d tables", i, len(ids))
		}
	}
	write(t, path, b)
	table := only(t, dir, "*.sst")
	tb := read(t, table)
	tb[len(tb)/2] ^= 1
	write(t, table, tb)
	if _, err := Tables(dir); !errors.Is(err, ErrDamaged) {
		t.Errorf("with a damaged table: %v", err)
	}
	if err := os.Remove(table); err != nil {
		t.Fatal(err)
	}
	if _, err := Tables(dir); !errors.Is(err, ErrDamaged) {
		t.Errorf("without a table: %v", err)
	}
	if _, err := Tables(t.TempDir()); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("without a list: %v", err)
	}
	write(t, path, EmptyList())
	if x, err := Tables(dir); err != nil || x != (Index{}) {
		t.Errorf("an empty list: %+v, %v", x, err)
	}
}

// Invariant 2, for logs: all entries are read, and none that a flipped bit is in; what comes behind it is found again.
func TestLogs(t *testing.T) {
	t.Parallel()
	dir := database(t)
	path := only(t, dir, "*.vlog")
	b := read(t, path)
	entries := func(b []byte) (at []int64, seen map[string]bool) {
		r := NewLogReader(bytes.NewReader(b), int64(len(b)))
		seen = map[string]bool{}
		for {
			e, ok := r.Next()
			if ok {
				at = append(at, e.At)
				seen[string(e.Key)+string(e.Value)] = true
				continue
			}
			r.At++
			if !r.Seek(len("key-00-00")) {
				return at, seen
			}
		}
	}
	at, want := entries(b)
	if len(at) != 40 {
		t.Fatalf("%d entries of 40", len(at))
	}
	for i := at[10]; i < at[11]; i++ {
		b[i] ^= 4
		_, seen := entries(b)
		for e := range seen {
			if !want[e] {
				t.Errorf("a flipped bit of byte %d: other bytes are read", i)
			}
		}
		if len(seen) < len(at)-1 {
			t.Errorf("a flipped bit of byte %d: %d of %d entries are found", i, len(seen), len(at))
		}
		b[i] ^= 4
	}
	r := NewLogReader(bytes.NewReader(b), int64(len(b)))
	for {
		e, ok := r.Next()
		if !ok {
			break
		}
		if again := AppendEntry(nil, e); !bytes.Equal(again, b[e.At:e.At+e.Size]) {
			t.Fatal("an entry is written in another way than Badger's")
		}
	}
}

func TestMemtableLog(t *testing.T) {
	t.Parallel()
	path := only(t, database(t), "*.mem")
	newest, err := MemtableLog(path)
	if err != nil || newest < 40 {
		t.Fatalf("version %d, %v", newest, err)
	}
	b := read(t, path)
	used := len(bytes.TrimRight(b, "\x00"))
	for _, at := range []int{0, 7, LogHeader, LogHeader + 30, used / 2, used - 500} {
		b[at] ^= 1
		write(t, path, b)
		if _, err := MemtableLog(path); !errors.Is(err, ErrDamaged) {
			t.Errorf("byte %d of %d: %v", at, used, err)
		}
		b[at] ^= 1
	}
	write(t, path, b[:used-3])
	if torn, err := MemtableLog(path); err != nil || torn != newest-1 {
		t.Errorf("with a torn end: version %d of %d, %v", torn, newest, err)
	}
}

func TestTidyAndDiscard(t *testing.T) {
	t.Parallel()
	dir := database(t)
	mustOpen := func(what string) {
		t.Helper()
		if err := Tidy(dir); err != nil {
			t.Fatal(err)
		}
		o := badger.DefaultOptions(dir)
		o.Logger, o.MetricsEnabled, o.BypassLockGuard = nil, false, true
		db, err := badger.Open(o)
		if err != nil {
			t.Fatalf("%s: %v", what, err)
		}
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	}
	write(t, filepath.Join(dir, "00077.mem"), nil)
	write(t, filepath.Join(dir, "000077.vlog"), nil)
	mustOpen("logs without a head")
	path := only(t, dir, "*.vlog")
	b := read(t, path)
	b[3] ^= 8
	write(t, path, b)
	mustOpen("a head that says that the log is encrypted")
	path = filepath.Join(dir, badger.KeyRegistryFileName)
	b = read(t, path)
	b[20] ^= 8
	write(t, path, b)
	mustOpen("a list of keys that is another")

	if err := discard(dir, nil); err != nil {
		t.Fatal(err)
	}
	path = filepath.Join(dir, discardName)
	for what, b := range map[string][]byte{
		"absurd": append([]byte{0, 0, 0, 0, 0, 0, 0, 1, 0x80}, make([]byte, discardSize-9)...),
		"short":  make([]byte, 40),
		"odd":    make([]byte, discardSize+3),
		"full":   bytes.Repeat([]byte{0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1}, discardSize/16),
	} {
		write(t, path, b)
		if err := discard(dir, nil); !errors.Is(err, ErrDamaged) {
			t.Errorf("%s: %v", what, err)
		}
		if mustOpen(what); len(read(t, path)) != discardSize {
			t.Errorf("%s: it was not made anew", what)
		}
	}
}

// Invariant 3.
func TestPassing(t *testing.T) {
	if err := Passing(fmt.Errorf("opening: %v", syscall.EMFILE)); err != syscall.EMFILE {
		t.Errorf("%v", err)
	}
	if err := Passing(errors.Join(ErrDamaged)); err != nil {
		t.Errorf("%v", err)
	}
}

// FuzzTable: no table makes the check panic or read beyond it.
func FuzzTable(f *testing.F) {
	f.Add([]byte{})
	f.Add([]byte{0, 0, 0, 0, 0, 0, 0, 0})
	f.Add([]byte{1, 2, 3, 0, 0, 0, 3, 8, 0, 16, 5, 0, 0, 0, 4})
	f.Add(bytes.Repeat([]byte{0xff}, 64))
	f.Fuzz(func(t *testing.T, b []byte) {
		SoundTable(b)
		if rest, tail, ok := cutTail(b); ok && len(rest)+len(tail)+4 != len(b) {
			t.Errorf("%d bytes are cut into %d and %d", len(b), len(rest), len(tail))
		}
		sound(b, b)
	})
}

// FuzzLog: no log makes the reader panic, go backwards or give more than there is.
func FuzzLog(f *testing.F) {
	f.Add(AppendEntry(make([]byte, LogHeader), LogEntry{Key: []byte("key-00-00"), Value: []byte("value"), Version: 7}))
	f.Add(bytes.Repeat([]byte{0, 17}, 50))
	f.Fuzz(func(t *testing.T, b []byte) {
		r := NewLogReader(bytes.NewReader(b), int64(len(b)))
		for {
			before := r.At
			if e, ok := r.Next(); ok {
				if e.At != before || r.At > int64(len(b)) || r.At <= before {
					t.Fatalf("from %d to %d of %d", before, r.At, len(b))
				}
				continue
			}
			r.Rest()
			r.At++
			if !r.Seek(9) {
				return
			}
		}
	})
}
