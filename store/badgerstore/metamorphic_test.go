//go:build unix

package badgerstore

import (
	"bytes"
	"errors"
	"flag"
	"os"
	"runtime"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"nightjar/keys"
	"nightjar/store"
	"nightjar/store/badgerfiles"
	"nightjar/store/memstore"
	"nightjar/store/storetest"
)

// twins are the two stores, which must never differ: neither is ever full, so that nothing is left to chance.
type twins struct {
	t    *testing.T
	dir  string
	disk *Store
	mem  *memstore.Store
	data []keys.Block
	recs []keys.Block // versions of two documents, in turns
}

// twinQuota is never used up by what the twins hold.
const twinQuota = 32 << 20

func (w *twins) open(r *rapid.T) {
	s, err := Open(Config{Dir: w.dir, Quota: twinQuota, Self: 1 << 40})
	if err != nil {
		r.Fatalf("the store does not open: %v", err)
	}
	w.disk = s
}

func (w *twins) block(r *rapid.T) keys.Block {
	if rapid.Bool().Draw(r, "record") {
		return rapid.SampledFrom(w.recs).Draw(r, "version")
	}
	return rapid.SampledFrom(w.data).Draw(r, "data")
}

// kind is which of the store's answers an error is.
func kind(err error) error {
	for _, k := range []error{store.ErrNotFound, store.ErrFull, store.ErrStale, store.ErrCorrupt, store.ErrClosed, store.ErrInvalid} {
		if errors.Is(err, k) {
			return k
		}
	}
	return err
}

func (w *twins) put(r *rapid.T) {
	b, class := w.block(r), store.Class(rapid.IntRange(1, 3).Draw(r, "class"))
	at, link := keys.Location(rapid.Uint64().Draw(r, "at")), rapid.Uint64Range(0, 3).Draw(r, "link")
	got, want := kind(w.disk.PutFrom(b, class, at, link)), kind(w.mem.PutFrom(b, class, at, link))
	if got != want {
		r.Fatalf("a put: %v on the disk, %v in memory", got, want)
	}
}

func (w *twins) get(r *rapid.T) { w.same(r, w.block(r).ID()) }

func (w *twins) same(r *rapid.T, id keys.ID) {
	got, err := w.disk.Get(id)
	want, wantErr := w.mem.Get(id)
	if kind(err) != kind(wantErr) || !bytes.Equal(got.Data(), want.Data()) {
		r.Fatalf("a block: %v and %d bytes on the disk, %v and %d bytes in memory", err, len(got.Data()), wantErr, len(want.Data()))
	}
}

func (w *twins) arc(r *rapid.T) {
	from, last := keys.Location(rapid.Uint64().Draw(r, "from")), keys.Location(rapid.Uint64().Draw(r, "last"))
	limit := rapid.IntRange(0, 20).Draw(r, "limit")
	got, err := w.disk.Arc(from, last, keys.ID{}, limit)
	want, wantErr := w.mem.Arc(from, last, keys.ID{}, limit)
	if kind(err) != kind(wantErr) || len(got)+len(want) > 0 && !cmp.Equal(got, want) {
		r.Fatalf("an arc: %v, %v: %s", err, wantErr, cmp.Diff(want, got))
	}
}

// restart closes the store and opens it again.
func (w *twins) restart(r *rapid.T) {
	if err := w.disk.Close(); err != nil {
		r.Fatalf("Close: %v", err)
	}
	w.open(r)
}

// crash goes on with what a kill would leave at this moment: the files as they are while the store is open. Copying takes its time, so that Badger must be
// at rest meanwhile: all of it would not be of one moment.
func (w *twins) crash(r *rapid.T) {
	left, err := os.MkdirTemp(w.t.TempDir(), "")
	if err == nil {
		w.disk.tidying.Lock()
		for mems := 2; err == nil && mems > 1; runtime.Gosched() {
			var logs []badgerfiles.Log
			logs, err = badgerfiles.Logs(w.disk.dir, ".mem")
			mems = len(logs)
		}
		err = errors.Join(err, os.CopyFS(left, os.DirFS(w.dir)))
		w.disk.tidying.Unlock()
	}
	if err != nil {
		r.Fatal(err)
	}
	if err := w.disk.Close(); err != nil {
		r.Fatalf("Close: %v", err)
	}
	w.dir = left
	w.open(r)
	if rep := w.disk.repaired.Load(); rep != nil {
		r.Fatalf("a crash is taken for damage: %+v", *rep)
	}
}

// repair has the index made anew. Nothing is missing afterwards; what was replaced or given up long ago may not come back either.
func (w *twins) repair(r *rapid.T) {
	if err := w.disk.Close(); err != nil {
		r.Fatalf("Close: %v", err)
	}
	if err := writeFile(w.dir, fileRepair, nil); err != nil {
		r.Fatal(err)
	}
	w.open(r)
}

// full has puts meet a disk without room: those that need none are answered as ever, and the others change nothing.
func (w *twins) full(r *rapid.T) {
	before := w.disk.Stats()
	free := *w.disk.space.free.Load()
	w.disk.space.ask(func(string) (int64, error) { return 0, nil })
	b := storetest.Data(77, rapid.Uint64().Draw(r, "new"))
	err := w.disk.Put(b, store.Sink, 0)
	w.disk.space.ask(free)
	if !errors.Is(err, store.ErrFull) || w.disk.Stats() != before {
		r.Fatalf("a put on a full disk: %v; %+v became %+v", err, before, w.disk.Stats())
	}
}

// check compares everything after each step.
func (w *twins) check(r *rapid.T) {
	got, want := w.disk.Stats(), w.mem.Stats()
	if got.Blocks != want.Blocks || got.Bytes != want.Bytes {
		r.Fatalf("%+v on the disk, %+v in memory", got, want)
	}
}

// TestMetamorphic gives random lists of operations to the store on a disk and to the one in memory, with restarts, crashes, repairs and a full
// disk in between, and compares the answers. NIGHTJAR_LONG=1 takes 300 lists.
func TestMetamorphic(t *testing.T) {
	t.Parallel()
	w := &twins{t: t}
	for n := range uint64(12) {
		w.data = append(w.data, storetest.Data(50, n))
		w.recs = append(w.recs, storetest.Record(t, []string{"a", "b"}[n%2], 1+n, int(n)*150))
	}
	list := func(r *rapid.T) {
		w.dir = t.TempDir()
		w.mem = memstore.New(memstore.Config{Quota: twinQuota, Self: 1 << 40})
		w.open(r)
		defer func() { w.disk.Close() }()
		r.Repeat(map[string]func(*rapid.T){
			"": w.check, "put": w.put, "put again": w.put, "put once more": w.put, "get": w.get, "arc": w.arc,
			"restart": w.restart, "crash": w.crash, "repair": w.repair, "full disk": w.full,
		})
		for _, b := range append(w.data, w.recs[:2]...) {
			w.same(r, b.ID())
		}
	}
	lists := "3"
	if os.Getenv(longVar) != "" {
		lists = "300"
	}
	if err := flag.Set("rapid.checks", lists); err != nil { // no other test of this package asks rapid
		t.Fatal(err)
	}
	rapid.Check(t, list)
}
