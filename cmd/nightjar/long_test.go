package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"

	"nightjar/internal/api"
	"nightjar/internal/jobs"
	"nightjar/keys"
)

const (
	killedPut = 1
	killedGet = 2
)

// smallWindow is as small beside the blocks of a small file as what a node has in flight is beside those of 1 GiB. 0 = as the program does.
func smallWindow() int { return sized(24, 0) }

// TestLong puts eight real processes, whose requests go through circuits, through what people do with a node for weeks. With
// NIGHTJAR_LONG=1 sizes are those that are promised; else they are as much smaller as what a node has in flight.
func TestLong(t *testing.T) {
	n := startLongNet(t, map[int]int{killedPut: smallWindow(), killedGet: smallWindow()})
	// First what needs stores that hold little, last what kills. Each line can be run by itself.
	for _, line := range []struct {
		name string
		run  func(*longNet)
	}{
		{"half of all blocks are lost", (*longNet).testHalfLost},
		{"large file", (*longNet).testLargeFile},
		{"many small files", (*longNet).testManyFiles},
		{"site", (*longNet).testSite},
		{"two machines publish the same edition", (*longNet).testConflict},
		{"newest of many editions", (*longNet).testNewest},
		{"the inserting node is killed", (*longNet).testKilledPut},
		{"the reading node is killed", (*longNet).testKilledGet},
		{"damaged vault", (*longNet).testDamagedVault},
		{"what was brought back is stored", (*longNet).testStored},
	} {
		t.Run(line.name, func(t *testing.T) { line.run(n.in(t)) })
	}
}

// put has a node insert something of this machine.
func (n *longNet) put(i int, path string) string {
	n.t.Helper()
	return n.cli(i, "put", path)
}

// get has a node fetch into a path that is free.
func (n *longNet) get(i int, uri string) (path string) {
	n.t.Helper()
	path = filepath.Join(n.t.TempDir(), "got")
	n.cli(i, "get", uri, "-o", path)
	return path
}

// film is a large file and its URI.
func (n *longNet) film() (file, uri string) {
	n.t.Helper()
	if n.shared.uri == "" {
		n.shared.film = filepath.Join(n.dir, "film")
		randomBytes(n.t, n.shared.film, longFile(), 1)
		start := time.Now()
		n.shared.uri = n.put(0, n.shared.film)
		n.t.Logf("put %d MiB: %.1f s", longFile()/mib, time.Since(start).Seconds())
	}
	return n.shared.film, n.shared.uri
}

// longFile is the size of a large file.
func longFile() int64 { return sized[int64](24*mib, 1024*mib) }

// testLargeFile: a file comes back as it was, and no node needs more than 250 MiB for it.
func (n *longNet) testLargeFile() {
	file, uri := n.film()
	start := time.Now()
	if digest(n.t, n.get(5, uri)) != digest(n.t, file) {
		n.t.Error("get gives other bytes")
	}
	peak := n.peak()
	n.t.Logf("get %d MiB: %.1f s; peak resident %d MiB", longFile()/mib, time.Since(start).Seconds(), peak/mib)
	if peak > 250*mib {
		n.t.Errorf("a node needed %d MiB", peak/mib)
	}
}

// testKilledPut: a put goes on by itself after each kill -9 of its node, and few blocks are sent again.
func (n *longNet) testKilledPut() {
	kills := sized(2, 10)
	file := filepath.Join(n.t.TempDir(), "film")
	randomBytes(n.t, file, longFile(), 2)
	begin := n.now(killedPut)
	id := n.queue(killedPut, api.JobRequest{Kind: jobs.Put, Queueing: api.Queueing{Path: file}})
	n.killAt(killedPut, begin, wasTaken, kills, 2*int(longFile()/keys.DataSize))
	job := n.done(killedPut, id)
	all, twice := repeated(n.since(killedPut, begin), sentOut)
	n.t.Logf("killed %d times: %d blocks, %d of them sent twice (%.1f %%)", kills, all, twice, 100*float64(twice)/float64(all))
	if 20*twice > all {
		n.t.Errorf("%d of %d blocks were sent twice", twice, all)
	}
	if digest(n.t, n.get(5, job.URI)) != digest(n.t, file) {
		n.t.Error("another node reads other bytes")
	}
}

// testKilledGet: a get goes on by itself after each kill -9 of its node, and asks again for what was in flight and nothing else.
func (n *longNet) testKilledGet() {
	kills, got := sized(2, 10), filepath.Join(n.t.TempDir(), "got")
	file, uri := n.film()
	begin := n.now(killedGet)
	id := n.queue(killedGet, api.JobRequest{Kind: jobs.Get, URI: uri, Queueing: api.Queueing{Path: got}})
	n.killAt(killedGet, begin, cameBack, kills, int(longFile()/keys.DataSize))
	n.done(killedGet, id)
	if digest(n.t, got) != digest(n.t, file) {
		n.t.Error("get gives other bytes")
	}
	runs := n.since(killedGet, begin)
	all, twice := repeated(runs, askedFor)
	n.t.Logf("killed %d times: %d blocks, %d of them asked for twice", kills, all, twice)
	for i, run := range runs[:len(runs)-1] {
		before, pending := blocksOf(run, askedFor), inFlight(run, cmp.Or(smallWindow(), 448))
		for _, later := range runs[i+1:] {
			for id := range blocksOf(later, askedFor) {
				if before[id] && !pending[id] {
					n.t.Fatal("a block that had come was asked for again")
				}
			}
		}
	}
}

// killAt kills a node, which is busy since a moment, whenever it has done one of so many things by chance, and starts it again.
func (n *longNet) killAt(i int, begin longMark, what byte, kills, things int) {
	n.t.Helper()
	moments := make([]int, kills)
	for j := range moments {
		moments[j] = things*j/kills + rand.IntN(things/kills)
	}
	for _, m := range moments {
		n.wait("a job does not get on", func(context.Context) error {
			if did := n.count(i, begin, what); did < m {
				return fmt.Errorf("%d of %d", did, m)
			}
			return nil
		})
		n.kill(i)
		n.up(i)
	}
}

// testManyFiles: a folder of thousands of files comes back as it was, and its first page does not need all of it.
func (n *longNet) testManyFiles() {
	files := sized(1000, 10_000)
	dir := n.t.TempDir()
	writeMany(n.t, dir, files)
	start := time.Now()
	uri := n.put(0, dir)
	put := time.Since(start)
	start = time.Now()
	out := n.get(5, uri)
	get := time.Since(start)
	n.sameTree(dir, out)
	begin := n.now(6)
	start = time.Now()
	n.page(6, uri+"/")
	first := time.Since(start)
	asked := n.count(6, begin, askedFor)
	n.t.Logf("%d files: put %.1f s, get %.1f s, first page %d ms and %d blocks", files, put.Seconds(), get.Seconds(), first.Milliseconds(), asked)
	if limit := sized(40, 160); asked > limit {
		n.t.Errorf("the first page took %d blocks, more than %d", asked, limit)
	}
}

// writeMany writes files of 100 to 3000 bytes, a hundred to a folder, and a front page.
func writeMany(t *testing.T, dir string, files int) {
	t.Helper()
	rng := rand.New(rand.NewPCG(4, uint64(files)))
	for i := range files {
		name := filepath.Join(dir, fmt.Sprintf("part-%03d", i/100), fmt.Sprintf("page-%05d.txt", i))
		if i == 0 {
			name = filepath.Join(dir, "index.html")
		}
		text := fmt.Sprintf("<!doctype html><title>page %d</title><p>%x", i, rng.Uint64())
		for range rng.IntN(180) {
			text += fmt.Sprintf("%016x", rng.Uint64())
		}
		if err := errors.Join(os.MkdirAll(filepath.Dir(name), 0o700), os.WriteFile(name, []byte(text), 0o600)); err != nil {
			t.Fatal(err)
		}
	}
}

// page reads a page through a node's proxy.
func (n *longNet) page(i int, path string) []byte {
	n.t.Helper()
	resp, err := http.Get("http://" + n.nodes[i].fproxy + "/" + path)
	if err != nil {
		n.t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		n.t.Fatalf("node %d answered %s, %v", i, resp.Status, err)
	}
	return b
}
