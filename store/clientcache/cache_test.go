package clientcache

import (
	"bytes"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"nightjar/keys"
	"nightjar/store/storetest"
)

const (
	testSize = 1 << 20
	testFits = testSize / charged
)

func data(n uint64) keys.Block { return storetest.Data(1, n) }

// record is a record as the cache sees it, which does not verify.
func record(name byte, size int) keys.Block {
	return keys.Restore(keys.ID{Kind: keys.KindRecord, Name: [32]byte{name}}, bytes.Repeat([]byte{byte(size)}, size))
}

func site(n byte) keys.URI { return keys.URI{Type: keys.USK, Routing: [32]byte{n}, Doc: "site"} }

func open(t *testing.T) *Cache {
	t.Helper()
	c, err := Open(Config{Dir: filepath.Join(t.TempDir(), "client"), Size: testSize})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

func mustHold(t *testing.T, s Site, want keys.Block) {
	t.Helper()
	got, ok := s.Get(want.ID())
	if !ok || got.ID() != want.ID() || !bytes.Equal(got.Data(), want.Data()) {
		t.Errorf("a block that was put is not got: held %v", ok)
	}
	if !s.Holds(want.ID()) {
		t.Error("Holds denies what Get returns")
	}
}

func TestInvariant1SitesShareNothing(t *testing.T) {
	c := open(t)
	one := site(1)
	other, edition := site(2), site(1)
	edition.Edition, edition.Path = 7, "a/b.html"
	b, r := data(1), record(9, 700)
	c.Of(one).Put(b)
	c.Of(one).Put(r)
	mustHold(t, c.Of(one), b)
	mustHold(t, c.Of(edition), b)
	mustHold(t, c.Of(one), r)
	word := other
	word.Type = keys.KSK
	for _, uri := range []keys.URI{other, word, {Type: keys.USK, Routing: one.Routing, Doc: "sit"}, {Type: keys.CHK, Routing: one.Routing}} {
		if _, ok := c.Of(uri).Get(b.ID()); ok || c.Of(uri).Holds(b.ID()) {
			t.Errorf("%v has what was read of another", uri.Type)
		}
	}
}

// Invariants 2 and 3, while far more is read than there is room for.
func TestInvariant3TheFileIsNeverLonger(t *testing.T) {
	c := open(t)
	s := c.Of(site(1))
	for n := range uint64(4 * testFits) {
		s.Put(data(n))
		mustHold(t, s, data(n))
		if info, err := c.file.Stat(); err != nil || info.Size() > testSize {
			t.Fatalf("the file has %d bytes of %d, %v", info.Size(), testSize, err)
		}
	}
	held := 0
	for n := range uint64(4 * testFits) {
		if s.Holds(data(n).ID()) {
			held++
			mustHold(t, s, data(n))
		}
	}
	if held != testFits {
		t.Errorf("%d blocks are held, there is room for %d", held, testFits)
	}
}

// TestAPageOutlivesADownload: what was read twice is there after ten times more than fits passed by.
func TestAPageOutlivesADownload(t *testing.T) {
	c := open(t)
	page, download := c.Of(site(1)), c.Of(site(2))
	for n := range uint64(5) {
		page.Put(data(n))
		mustHold(t, page, data(n))
	}
	for n := range uint64(10 * testFits) {
		download.Put(data(1000 + n))
	}
	for n := range uint64(5) {
		mustHold(t, page, data(n))
	}
}

// Invariant 4: what the file holds are not the blocks, nor their names, and when the cache is closed it is gone.
func TestInvariant4NothingIsLeft(t *testing.T) {
	c := open(t)
	s := c.Of(site(1))
	b, r := data(1), record(9, 700)
	s.Put(b)
	s.Put(r)
	raw, err := io.ReadAll(io.NewSectionReader(c.file, 0, testSize))
	if err != nil || len(raw) != 2*slotSize {
		t.Fatalf("%d bytes, %v", len(raw), err)
	}
	uri, id, inBooks := site(1), b.ID(), s.nameOf(b.ID())
	for what, secret := range map[string][]byte{
		"data": b.Data()[100:116], "its name": id.Name[:8], "a record": r.Data()[:8], "its name in the books": inBooks.Name[:8],
		"the site": uri.Routing[:8],
	} {
		if bytes.Contains(raw, secret) {
			t.Errorf("the file shows %s", what)
		}
	}
	if names, err := os.ReadDir(c.dir); err != nil || len(names) > 1 {
		t.Errorf("%d files, %v", len(names), err)
	}
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(c.dir); !os.IsNotExist(err) {
		t.Errorf("the directory is there after Close: %v", err)
	}
	if _, ok := s.Get(b.ID()); ok || s.Holds(b.ID()) || c.secret != [32]byte{} {
		t.Error("a closed cache answers, or keeps its secret")
	}
	s.Put(b)
}

func TestInvariant4OpenRemovesWhatAKilledProcessLeft(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "client")
	if err := os.MkdirAll(filepath.Join(dir, "old"), 0o700); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"blocks", "old/blocks"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("left"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	c, err := Open(Config{Dir: dir, Size: testSize})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	err = filepath.Walk(dir, func(path string, info os.FileInfo, err error) error {
		if err == nil && info.Mode().IsRegular() && info.Size() > 0 {
			t.Errorf("%s is left", path)
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
}

// Invariants 2 and 5.
func TestInvariant5AFailureIsAMiss(t *testing.T) {
	c := open(t)
	s := c.Of(site(1))
	s.Put(data(1))
	s.Put(data(2))
	if _, err := c.file.WriteAt([]byte{1, 2, 3}, 5000); err != nil {
		t.Fatal(err)
	}
	if _, ok := s.Get(data(1).ID()); ok || s.Holds(data(1).ID()) {
		t.Error("a damaged block is there")
	}
	mustHold(t, s, data(2))
	s.Put(data(1))
	mustHold(t, s, data(1))

	c.file.Close()
	for n := range uint64(2 * testFits) {
		s.Put(data(n))
		if _, ok := s.Get(data(n).ID()); ok {
			t.Fatal("a block comes from a file that is closed")
		}
	}
}

func TestARecordIsReplaced(t *testing.T) {
	c := open(t)
	s := c.Of(site(1))
	for size := range 3 {
		r := record(9, 100+size)
		s.Put(r)
		mustHold(t, s, r)
	}
	if n := c.ledger.Stats().Blocks; n != 1 {
		t.Errorf("%d slots are taken", n)
	}
}

func TestManyAtOnce(t *testing.T) {
	c := open(t)
	var all sync.WaitGroup
	for w := range 8 {
		all.Go(func() { // ends after its puts
			for n := range uint64(40) {
				s := c.Of(site(byte(w % 3)))
				s.Put(data(n))
				if got, ok := s.Get(data(n).ID()); ok && got.ID() != data(n).ID() {
					t.Error("another block came")
				}
			}
		})
	}
	all.Wait()
}

func TestOpenRefusesWhatIsTooSmall(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "client")
	for _, size := range []int64{-1, 1, MinSize - 1} {
		if _, err := Open(Config{Dir: dir, Size: size}); err == nil {
			t.Errorf("%d bytes", size)
		}
	}
	if _, err := os.Stat(dir); !os.IsNotExist(err) {
		t.Error("a directory was made")
	}
}

func BenchmarkCache(b *testing.B) {
	c, err := Open(Config{Dir: filepath.Join(b.TempDir(), "client"), Size: 64 << 20})
	if err != nil {
		b.Fatal(err)
	}
	defer c.Close()
	s := c.Of(site(1))
	blocks := make([]keys.Block, 1000)
	for i := range blocks {
		blocks[i] = data(uint64(i))
		s.Put(blocks[i])
	}
	b.Run("get", func(b *testing.B) {
		b.SetBytes(keys.DataSize)
		for i := 0; b.Loop(); i++ {
			if _, ok := s.Get(blocks[i%len(blocks)].ID()); !ok {
				b.Fatal("lost")
			}
		}
	})
	b.Run("put", func(b *testing.B) {
		b.SetBytes(keys.DataSize)
		for i := 0; b.Loop(); i++ {
			c.Of(site(byte(i / len(blocks)))).Put(blocks[i%len(blocks)])
		}
	})
}

// TestWarningsNameNoPath: neither what Open returns, which its caller logs, nor what the cache logs itself.
func TestWarningsNameNoPath(t *testing.T) {
	parent := t.TempDir()
	file := filepath.Join(parent, "a file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(Config{Dir: filepath.Join(file, "client"), Size: testSize}); err == nil || strings.Contains(err.Error(), parent) {
		t.Errorf("opening: %v", err)
	}
	var log bytes.Buffer
	dir := filepath.Join(parent, "client")
	c, err := Open(Config{Dir: dir, Size: testSize, Log: slog.New(slog.NewTextHandler(&log, nil))})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	c.file.Close()
	c.Of(site(1)).Put(data(1))
	if log.Len() == 0 || strings.Contains(log.String(), parent) {
		t.Errorf("logged: %q", log.String())
	}
}
