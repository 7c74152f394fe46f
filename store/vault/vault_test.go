package vault

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var testKey = [32]byte{1, 2, 3}

func mustOpen(t *testing.T, dir string) *Vault {
	t.Helper()
	v, err := Open(dir, testKey)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { v.Close() })
	return v
}

func reopen(t *testing.T, v *Vault) *Vault {
	t.Helper()
	if err := v.Close(); err != nil {
		t.Fatal(err)
	}
	return mustOpen(t, v.dir)
}

// valueOf is a value that no other id and version has.
func valueOf(id string, version, size int) []byte {
	b := make([]byte, size)
	rand.NewChaCha8([32]byte([]byte(fmt.Sprintf("%-28s%04d", id, version)))).Read(b)
	return b
}

func all(t *testing.T, v *Vault, space string) map[string][]byte {
	t.Helper()
	got := map[string][]byte{}
	if err := v.Each(space, func(id, value []byte) error {
		got[string(id)] = value
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	return got
}

// TestModel runs random operations beside a map: every size class, pieces, replaced and deleted records, openings.
func TestModel(t *testing.T) {
	t.Parallel()
	seed := uint64(os.Getpid())
	t.Log("seed", seed)
	rnd := rand.New(rand.NewPCG(seed, 4))
	v := mustOpen(t, t.TempDir())
	model := map[string][]byte{}
	ids := []string{"a", "b", "c/long/" + strings.Repeat("x", 900)}
	sizes := []int{0, 1, 500, maxInline, maxInline + 1, pieceSize, pieceSize + 1, 10*pieceSize - 3}
	for i := range 120 {
		id := ids[rnd.IntN(len(ids))]
		switch rnd.IntN(6) {
		default:
			value := valueOf(id[:1], i, sizes[rnd.IntN(len(sizes))])
			if err := v.Put("s", []byte(id), value); err != nil {
				t.Fatal(err)
			}
			model[id] = value
		case 0:
			err := v.Delete("s", []byte(id))
			if _, had := model[id]; had != (err == nil) || err != nil && !errors.Is(err, ErrNotFound) {
				t.Fatal(err)
			}
			delete(model, id)
		case 1:
			if v = reopen(t, v); v.Lost() {
				t.Fatal("records are said to be lost")
			}
		}
		got, err := v.Get("s", []byte(id))
		if want, has := model[id]; has != (err == nil) || !bytes.Equal(got, want) {
			t.Fatalf("%d bytes instead of %d: %v", len(got), len(want), err)
		}
	}
	if diff := cmp.Diff(model, all(t, v, "s")); diff != "" {
		t.Error(diff)
	}
}

func TestSpacesAreApart(t *testing.T) {
	v := mustOpen(t, t.TempDir())
	for _, space := range []string{"ab", "a", "abc"} {
		if err := v.Put(space, []byte("b"), []byte("of "+space)); err != nil {
			t.Fatal(err)
		}
	}
	if err := v.Put("a", []byte("bb"), nil); err != nil {
		t.Fatal(err)
	}
	want := map[string][]byte{"b": []byte("of a"), "bb": {}}
	if diff := cmp.Diff(want, all(t, reopen(t, v), "a")); diff != "" {
		t.Error(diff)
	}
}

// TestLimits looks just below and just above every limit.
func TestLimits(t *testing.T) {
	v := mustOpen(t, t.TempDir())
	id := []byte("i")
	for _, c := range []struct {
		name  string
		space string
		id    []byte
		size  int
		want  error
	}{
		{"value", "s", id, MaxValue, nil},
		{"value too large", "s", id, MaxValue + 1, ErrTooLarge},
		{"space", strings.Repeat("s", maxSpace), id, 1, nil},
		{"space too long", strings.Repeat("s", maxSpace+1), id, 1, ErrTooLarge},
		{"no space", "", id, 1, ErrTooLarge},
		{"id", "s", make([]byte, maxID), 1, nil},
		{"id too long", "s", make([]byte, maxID+1), 1, ErrTooLarge},
		{"no id", "s", nil, 1, ErrTooLarge},
	} {
		value := valueOf("v", 1, c.size)
		if err := v.Put(c.space, c.id, value); !errors.Is(err, c.want) {
			t.Errorf("%s: Put: %v, want %v", c.name, err, c.want)
		}
		if c.want != nil {
			continue
		}
		if got, err := v.Get(c.space, c.id); err != nil || !bytes.Equal(got, value) {
			t.Errorf("%s: Get: %d bytes, %v", c.name, len(got), err)
		}
	}
}

func TestEachMayUseTheVaultAndStops(t *testing.T) {
	v := mustOpen(t, t.TempDir())
	for i := range 5 {
		if err := v.Put("s", []byte{byte(i)}, []byte{byte(i)}); err != nil {
			t.Fatal(err)
		}
	}
	left := 5
	if err := v.Each("s", func(id, _ []byte) error {
		left--
		return v.Delete("s", id)
	}); err != nil || left != 0 {
		t.Fatalf("%d were left out, %v", left, err)
	}
	if err := v.Put("s", []byte("x"), nil); err != nil {
		t.Fatal(err)
	}
	if err := v.Each("s", func(_, _ []byte) error { return fs.ErrInvalid }); err != fs.ErrInvalid {
		t.Errorf("Each: %v", err)
	}
}

func TestInUseAndClosed(t *testing.T) {
	dir := t.TempDir()
	v := mustOpen(t, dir)
	if _, err := Open(dir, testKey); !errors.Is(err, ErrInUse) {
		t.Errorf("a second vault: %v", err)
	}
	if err := v.Close(); err != nil {
		t.Fatal(err)
	}
	_, getErr := v.Get("s", []byte("i"))
	for name, err := range map[string]error{
		"Put": v.Put("s", []byte("i"), nil), "Get": getErr, "Delete": v.Delete("s", []byte("i")),
		"Each": v.Each("s", nil), "Close": v.Close(),
	} {
		if !errors.Is(err, ErrClosed) {
			t.Errorf("%s after Close: %v", name, err)
		}
	}
}

func TestAnotherKey(t *testing.T) {
	v := mustOpen(t, t.TempDir())
	if err := v.Put("s", []byte("i"), []byte("secret")); err != nil {
		t.Fatal(err)
	}
	if err := v.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(v.dir, [32]byte{9}); !errors.Is(err, ErrDamaged) {
		t.Errorf("with another key: %v", err)
	}
	v = mustOpen(t, v.dir)
	if got, err := v.Get("s", []byte("i")); err != nil || string(got) != "secret" || v.Lost() {
		t.Errorf("with the right one again: %q, %v", got, err)
	}
}

// Invariant 3.
func TestNothingReadableOnTheDisk(t *testing.T) {
	v := mustOpen(t, t.TempDir())
	words := []string{"jobsjobsjobs", "identifier-of-a-job", "CHK@some/path/to/film.ogv"}
	if err := v.Put(words[0], []byte(words[1]), []byte(words[2])); err != nil {
		t.Fatal(err)
	}
	if err := v.Put(words[0], []byte(words[1]+"2"), bytes.Repeat([]byte(words[2]), 10_000)); err != nil {
		t.Fatal(err)
	}
	v = reopen(t, v)
	if err := v.Put(words[0], []byte(words[1]), []byte(words[2])); err != nil { // now in a log as well as in a table
		t.Fatal(err)
	}
	err := filepath.WalkDir(v.dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			if info, err := d.Info(); err == nil && path != v.dir && info.Mode().Perm()&0o077 != 0 {
				t.Errorf("%s has mode %o", filepath.Base(path), info.Mode().Perm())
			}
			return nil
		}
		b, err := os.ReadFile(path)
		for _, w := range words {
			if bytes.Contains(b, []byte(w[:8])) || strings.Contains(path, w) {
				t.Errorf("%s holds %q", filepath.Base(path), w)
			}
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// SPEC §4: values of one class cannot be told apart by their length.
func TestClasses(t *testing.T) {
	s := newSealer(&testKey)
	sizes := map[int]bool{}
	for n := range maxInline + 1 {
		r := &record{space: "s", id: []byte("id"), size: n, value: make([]byte, n)}
		sizes[len(r.append(nil))] = true
		back, err := parseRecord(r.append(nil))
		if err != nil || back.size != n {
			t.Fatalf("%d bytes: %v", n, err)
		}
	}
	if len(sizes) != 7 { // 512 … 32 KiB
		t.Errorf("%d classes", len(sizes))
	}
	if !bytes.HasPrefix(s.key("s", []byte("id")), s.prefix("s")) {
		t.Error("a record is not in its space")
	}
}

// Invariant 5: the disk has no room, then it has.
func TestFullDisk(t *testing.T) {
	v := mustOpen(t, t.TempDir())
	if err := v.Put("s", []byte("a"), []byte("1")); err != nil {
		t.Fatal(err)
	}
	left := int64(0)
	v.space.free = func(string) (int64, error) { return left, nil }
	for _, left = range []int64{0, 1 << 20, margin} {
		if err := v.Put("s", []byte("a"), []byte("2")); !errors.Is(err, ErrFull) {
			t.Errorf("with %d bytes left: %v", left, err)
		}
		if got, err := v.Get("s", []byte("a")); err != nil || string(got) != "1" {
			t.Errorf("with %d bytes left: %q, %v", left, got, err)
		}
	}
	left = math.MaxInt64
	if err := v.Put("s", []byte("a"), []byte("3")); err != nil {
		t.Errorf("with room again: %v", err)
	}
}

// TestReserve: on a full disk a vault can delete, close and open with what it set aside.
func TestReserve(t *testing.T) {
	v := mustOpen(t, t.TempDir())
	for _, id := range []string{"a", "b"} {
		if err := v.Put("s", []byte(id), []byte("1")); err != nil {
			t.Fatal(err)
		}
	}
	path := filepath.Join(v.dir, fileReserve)
	if st, err := os.Stat(path); err != nil || st.Size() != margin {
		t.Fatalf("the reserve: %v %v", st, err)
	}
	v.space.free = func(string) (int64, error) {
		if _, err := os.Stat(path); err == nil {
			return 0, nil
		}
		return margin - 1, nil
	}
	if err := v.Delete("s", []byte("a")); err != nil {
		t.Errorf("deleting on a full disk: %v", err)
	}
	if err := v.Close(); err != nil {
		t.Errorf("closing on a full disk: %v", err)
	}
	v = mustOpen(t, v.dir)
	if diff := cmp.Diff(map[string][]byte{"b": []byte("1")}, all(t, v, "s")); diff != "" {
		t.Error(diff)
	}
	if _, err := os.Stat(path); err != nil {
		t.Error("with room again there is no reserve:", err)
	}
}

// TestFailedWrite: the memtable's log is refused, Badger is left without, and the vault works again as soon as it can.
func TestFailedWrite(t *testing.T) {
	v := mustOpen(t, t.TempDir())
	if err := v.Put("s", []byte("a"), []byte("1")); err != nil {
		t.Fatal(err)
	}
	if err := v.db.Close(); err != nil { // what a dead Badger looks like
		t.Fatal(err)
	}
	if err := v.Put("s", []byte("a"), []byte("2")); err == nil {
		t.Fatal("a dead database took a record")
	}
	if err := v.Put("s", []byte("a"), []byte("3")); err != nil {
		t.Errorf("afterwards: %v", err)
	}
	if got, err := v.Get("s", []byte("a")); err != nil || string(got) != "3" || v.Lost() {
		t.Errorf("afterwards: %q, %v", got, err)
	}
}

func TestConcurrentUse(t *testing.T) {
	v := mustOpen(t, t.TempDir())
	var wg sync.WaitGroup
	for w := range 4 {
		wg.Go(func() {
			for i := range 10 {
				id := []byte{byte(w)}
				want := valueOf("w", w*100+i, 1000)
				if err := v.Put("s", id, want); err != nil {
					t.Error(err)
				}
				if got, err := v.Get("s", id); err != nil || !bytes.Equal(got, want) {
					t.Error("another value:", err)
				}
			}
		})
	}
	wg.Wait()
}

func FuzzRecord(f *testing.F) {
	f.Add((&record{space: "s", id: []byte("id"), size: 3, value: []byte("abc")}).append(nil))
	f.Add((&record{space: "s", id: []byte("id"), size: maxInline + 1}).append(nil))
	f.Add((&record{space: "s", id: make([]byte, maxID), size: maxInline, value: make([]byte, maxInline)}).append(nil))
	f.Add(make([]byte, minClass))
	f.Fuzz(func(t *testing.T, b []byte) {
		r, err := parseRecord(b)
		if err != nil {
			return
		}
		if again := r.append(nil); !bytes.Equal(again, b) {
			t.Errorf("%d bytes are read, %d written", len(b), len(again))
		}
	})
}
