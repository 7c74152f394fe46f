package main

import (
	"context"
	"encoding/json"
	"maps"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"nightjar/internal/api"
	"nightjar/internal/content"
	"nightjar/keys"
	"nightjar/store"
	"nightjar/store/badgerstore"
)

// testHalfLost: half of the blocks of every segment are deleted from all stores; the file still reads, and after a keep all of it is back.
func (n *longNet) testHalfLost() {
	file := filepath.Join(n.t.TempDir(), "film")
	randomBytes(n.t, file, sized[int64](4*mib, 64*mib), 5)
	uri := n.put(0, file)
	n.stopAll(n.t)
	stores := n.openStores()
	segments := stores.segments(n.t, uri)
	doomed := map[keys.ID]bool{}
	total := 0
	for _, s := range segments {
		for _, i := range rand.Perm(len(s))[:len(s)/2] {
			doomed[s[i]] = true
		}
		total += len(s)
	}
	stores.forget(n.t, doomed)
	stores.close(n.t)
	n.upAll()

	if digest(n.t, n.get(5, uri)) != digest(n.t, file) {
		n.t.Error("without half of its blocks the file has other bytes")
	}
	before := n.keep(6, uri, "--check", "--sample", "1")
	start := time.Now()
	kept := n.keep(4, uri)
	took := time.Since(start)
	after := n.keep(6, uri, "--check", "--sample", "1")
	n.t.Logf("%d segments, %d blocks, %d deleted: %d missing; keep brought %d back in %.1f s; then %d missing", len(segments), total, len(doomed),
		before.Missing, kept.Repaired, took.Seconds(), after.Missing)
	if before.Missing != uint64(len(doomed)) || before.Lost != 0 {
		n.t.Errorf("a check of all blocks finds %d missing, %d segments lost", before.Missing, before.Lost)
	}
	if kept.Repaired != uint64(len(doomed)) {
		n.t.Errorf("keep brought %d blocks back, want %d", kept.Repaired, len(doomed))
	}
	if after.Missing != 0 || after.Blocks < uint64(total) {
		n.t.Errorf("after the keep %d of %d blocks are missing", after.Missing, after.Blocks)
	}
	n.shared.back = slices.Collect(maps.Keys(doomed))
}

// testStored: what a keep brought back is in the stores of nodes that do not run.
func (n *longNet) testStored() {
	n.stopAll(n.t)
	stores := n.openStores()
	defer stores.close(n.t)
	for _, id := range n.shared.back {
		if _, err := stores.Fetch(n.t.Context(), id, false); err != nil {
			n.t.Fatal("a block that was brought back is in no store")
		}
	}
}

// keep runs a keep on a node.
func (n *longNet) keep(i int, uri string, flags ...string) (h api.Health) {
	n.t.Helper()
	if err := json.Unmarshal([]byte(n.cli(i, append([]string{"keep", uri, "--json"}, flags...)...)), &h); err != nil {
		n.t.Fatal(err)
	}
	return h
}

// allStores is what all nodes of a network hold, while none of them runs. It is a content.Source, which writes down what it is asked for.
type allStores struct {
	nodes  []*longNode
	stores []*badgerstore.Store

	mu    sync.Mutex
	order []keys.ID // in the order in which they were asked for first
	seen  map[keys.ID]bool
}

func (n *longNet) openStores() *allStores {
	n.t.Helper()
	all := &allStores{nodes: n.nodes, seen: map[keys.ID]bool{}}
	for _, node := range n.nodes {
		st, err := badgerstore.Open(badgerstore.Config{Dir: filepath.Join(node.data, "store")})
		if err != nil {
			n.t.Fatal(err)
		}
		all.stores = append(all.stores, st)
	}
	return all
}

func (a *allStores) close(t *testing.T) {
	t.Helper()
	for _, st := range a.stores {
		if err := st.Close(); err != nil {
			t.Error(err)
		}
	}
}

// Fetch implements content.Source.
func (a *allStores) Fetch(_ context.Context, id keys.ID, _ bool) (keys.Block, error) {
	a.mu.Lock()
	if !a.seen[id] {
		a.seen[id] = true
		a.order = append(a.order, id)
	}
	a.mu.Unlock()
	for _, st := range a.stores {
		if b, err := st.Get(id); err == nil {
			return b, nil
		}
	}
	return keys.Block{}, content.ErrNotFound
}

// segments lists the blocks of a file, by segment. A check of all blocks looks at one segment after the other, and has asked for what
// tells it the names of one before.
func (a *allStores) segments(t *testing.T, uri string) (segments [][]keys.ID) {
	t.Helper()
	u, err := keys.ParseURI(uri)
	if err != nil {
		t.Fatal(err)
	}
	h, err := content.Check(t.Context(), a, u, content.KeepOptions{Sample: 1})
	if err != nil || h.Missing != 0 {
		t.Fatalf("right after the put %d of %d blocks are in no store, %v", h.Missing, h.Blocks, err)
	}
	sum := 0
	for _, s := range h.Segments {
		sum += s.Asked
	}
	rest := a.order[len(a.order)-sum:] // what is before are the roots
	for _, s := range h.Segments {
		segments = append(segments, slices.Clone(rest[:s.Asked]))
		rest = rest[s.Asked:]
	}
	return segments
}

// forget deletes blocks from all stores. A store has no way to do that: each is made anew, under its old key, without them and without what
// was cached.
func (a *allStores) forget(t *testing.T, doomed map[keys.ID]bool) {
	t.Helper()
	var all sync.WaitGroup
	for i := range a.stores {
		all.Go(func() { a.renew(t, i, doomed) }) // ends with the copy
	}
	all.Wait()
}

func (a *allStores) renew(t *testing.T, i int, doomed map[keys.ID]bool) {
	dir := filepath.Join(a.nodes[i].data, "store")
	if err := os.Mkdir(dir+".new", 0o700); err != nil {
		t.Error(err)
		return
	}
	for _, name := range []string{"store.key", "VERSION"} { // of its key depends the vault's
		b, err := os.ReadFile(filepath.Join(dir, name))
		if err == nil {
			err = os.WriteFile(filepath.Join(dir+".new", name), b, 0o600)
		}
		if err != nil {
			t.Error(err)
			return
		}
	}
	renewed, err := badgerstore.Open(badgerstore.Config{Dir: dir + ".new"})
	if err != nil {
		t.Error(err)
		return
	}
	copySinks(t, renewed, a.stores[i], doomed)
	if err := renewed.Close(); err != nil {
		t.Error(err)
	}
	if err := a.stores[i].Close(); err != nil {
		t.Error(err)
	}
	if err := os.Rename(dir, dir+".old"); err != nil {
		t.Error(err)
	}
	if err := os.Rename(dir+".new", dir); err != nil {
		t.Error(err)
	}
	if a.stores[i], err = badgerstore.Open(badgerstore.Config{Dir: dir}); err != nil {
		t.Error(err)
	}
}

// copySinks copies the sink blocks of a store to another, but for some.
func copySinks(t *testing.T, to, from *badgerstore.Store, without map[keys.ID]bool) {
	entries := make(chan store.Entry)
	var copies sync.WaitGroup
	for range 64 { // those that wait together are synced together
		copies.Go(func() { // ends when the channel is closed
			for e := range entries {
				b, err := from.Get(e.ID)
				if err == nil {
					err = to.Put(b, store.Sink, e.At)
				}
				if err != nil {
					t.Error(err)
				}
			}
		})
	}
	defer copies.Wait()
	defer close(entries)
	var at keys.Location
	var after keys.ID
	for {
		part, err := from.Arc(at, math.MaxUint64, after, store.MaxArc)
		if err != nil {
			t.Error(err)
		}
		if len(part) == 0 {
			return
		}
		for _, e := range part {
			if !without[e.ID] {
				entries <- e
			}
			at, after = e.At, e.ID
		}
	}
}

// testDamagedVault: a node whose vault is damaged starts, sets it aside and says so.
func (n *longNet) testDamagedVault() {
	const victim = 3
	file := filepath.Join(n.t.TempDir(), "note")
	randomBytes(n.t, file, 1000, 6)
	n.put(victim, file) // so that the vault holds a job
	n.stop(n.t, victim)
	vault := filepath.Join(n.nodes[victim].data, "vault")
	flipped := 0
	for _, pattern := range []string{"*.sst", "*.vlog", "*.mem", "MANIFEST", "*/*.sst", "*/*.vlog", "*/*.mem", "*/MANIFEST"} {
		names, err := filepath.Glob(filepath.Join(vault, pattern))
		if err != nil {
			n.t.Fatal(err)
		}
		for _, name := range names {
			flip(n.t, name)
			flipped++
		}
	}
	if flipped == 0 {
		n.t.Fatal("the vault has no files")
	}
	n.up(victim)
	aside, err := filepath.Glob(vault + ".damaged-*")
	if err != nil || len(aside) != 1 {
		n.t.Errorf("%d folders were set aside, %v", len(aside), err)
	}
	if said := n.cli(victim, "status"); !strings.Contains(said, "vault.damaged-") {
		n.t.Errorf("status says nothing of it:\n%s", said)
	}
	if got := n.get(5, n.put(victim, file)); digest(n.t, got) != digest(n.t, file) {
		n.t.Error("the node puts other bytes")
	}
}

// flip changes bytes all over a file.
func flip(t *testing.T, name string) {
	t.Helper()
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(b); i += 64 {
		b[i] ^= 0xff
	}
	if err := os.WriteFile(name, b, 0o600); err != nil {
		t.Fatal(err)
	}
}
