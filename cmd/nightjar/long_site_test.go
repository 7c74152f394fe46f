package main

import (
	"bytes"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"

	"nightjar/internal/api"
	"nightjar/internal/content"
	"nightjar/internal/jobs"
	"nightjar/keys"
)

// publish publishes a folder as a site's next edition and returns the job in its end.
func (n *longNet) publish(i int, site, dir string) api.Job {
	n.t.Helper()
	return n.final(i, n.queue(i, api.JobRequest{Kind: jobs.Put, Queueing: api.Queueing{Path: dir, Site: site}}))
}

// published is publish where it must succeed.
func (n *longNet) published(i int, site, dir string) api.Job {
	n.t.Helper()
	job := n.publish(i, site, dir)
	if job.State != jobs.Done {
		n.t.Fatalf("publishing %s is %s: %v", site, job.State, job.Error)
	}
	return job
}

// createSite makes a site on a node.
func (n *longNet) createSite(i int, name string) api.Site {
	n.t.Helper()
	s, err := n.client(i).CreateSite(n.t.Context(), name)
	if err != nil {
		n.t.Fatal(err)
	}
	return s
}

// moveSite gives a node the site of another.
func (n *longNet) moveSite(from, to int, name string) {
	n.t.Helper()
	sealed, err := n.client(from).ExportSite(n.t.Context(), name, "a passphrase")
	if err == nil {
		_, err = n.client(to).ImportSite(n.t.Context(), sealed, "a passphrase")
	}
	if err != nil {
		n.t.Fatal(err)
	}
}

// testSite: an edition with one changed page costs few blocks.
func (n *longNet) testSite() {
	dir := n.t.TempDir()
	writeMany(n.t, dir, 200)
	n.createSite(0, "weekly")
	first := n.published(0, "weekly", dir)
	changed := filepath.Join(dir, "part-001", "page-00150.txt")
	want := []byte("<!doctype html><title>changed</title>")
	if err := os.WriteFile(changed, want, 0o600); err != nil {
		n.t.Fatal(err)
	}
	begin, start := n.now(0), time.Now()
	second := n.published(0, "weekly", dir)
	took := time.Since(start)
	sent := len(blocksOf(n.since(0, begin)[0], sentOut))
	n.t.Logf("200 files, one changed: %d blocks, %d ms", sent, took.Milliseconds())
	if sent > 20 {
		n.t.Errorf("publishing one changed page took %d blocks", sent)
	}
	n.sameTree(dir, n.get(5, second.URI))
	if first.URI == second.URI {
		n.t.Error("two editions have one URI")
	}
}

// sameTree compares two folders.
func (n *longNet) sameTree(want, got string) {
	n.t.Helper()
	a, b := tree(n.t, want), tree(n.t, got)
	if len(a) != len(b) {
		n.t.Errorf("the folder has %d files, want %d", len(b), len(a))
	}
	for name, sum := range a {
		if b[name] != sum {
			n.t.Errorf("%s differs", name)
		}
	}
}

// testConflict: of two machines that publish the same edition one is told so, and what the other wrote stays.
func (n *longNet) testConflict() {
	name := "shared"
	var dirs [2]string
	for i := range dirs {
		dirs[i] = n.t.TempDir()
		page := fmt.Sprintf("<!doctype html><title>written on machine %d</title>", i)
		if err := os.WriteFile(filepath.Join(dirs[i], "index.html"), []byte(page), 0o600); err != nil {
			n.t.Fatal(err)
		}
	}
	n.createSite(0, name)
	n.published(0, name, dirs[0])
	n.moveSite(0, 1, name)
	edition1 := n.published(0, name, dirs[0])
	late := n.publish(1, name, dirs[1]) // knows of edition 0 only
	if late.State != jobs.Failed || !errors.Is(late.Error, content.ErrConflict) {
		n.t.Errorf("publishing an edition that is there is %s: %v", late.State, late.Error)
	}
	n.sameTree(dirs[0], n.get(5, edition1.URI))

	// Now both at the same moment, edition 2, which both know to be the next.
	var ends [2]api.Job
	var both sync.WaitGroup
	for i := range ends {
		id := n.queue(i, api.JobRequest{Kind: jobs.Put, Queueing: api.Queueing{Path: dirs[i], Site: name}})
		both.Go(func() { ends[i] = n.final(i, id) }) // ends with the job
	}
	both.Wait()
	n.t.Logf("at the same moment: %s and %s", ends[0].State, ends[1].State)
	if ends[0].State == jobs.Done && ends[1].State == jobs.Done {
		n.t.Error("two machines wrote the same edition")
	}
	for i, end := range ends {
		if end.State == jobs.Done {
			n.sameTree(dirs[i], n.get(5, end.URI))
		} else if !errors.Is(end.Error, content.ErrConflict) {
			n.t.Errorf("machine %d: %v", i, end.Error)
		}
	}
}

// testNewest: the newest of many editions is found in few rounds.
func (n *longNet) testNewest() {
	editions := sized(40, 1000)
	site, err := keys.NewAuthor(rand.Reader)
	if err != nil {
		n.t.Fatal(err)
	}
	defer site.Wipe()
	site.Type, site.Doc = keys.USK, "diary"
	n.writeEditions(site, editions)
	ask, err := site.Public()
	if err != nil {
		n.t.Fatal(err)
	}
	ask.Edition = 0
	for _, how := range []string{"first", "again"} { // the first builds circuits
		begin, start := n.now(6), time.Now()
		found, err := n.client(6).Newest(n.t.Context(), ask.Encode())
		took := time.Since(start)
		if err != nil {
			n.t.Fatal(err)
		}
		u, err := keys.ParseURI(found)
		if err != nil || u.Edition != int64(editions-1) {
			n.t.Errorf("found edition %d, %v, want %d", u.Edition, err, editions-1)
		}
		n.t.Logf("%d editions: newest found in %d ms with %d requests, %s", editions, took.Milliseconds(), n.count(6, begin, askedFor), how)
	}
}

// writeEditions inserts editions 0 to editions-1 of a site, several at once.
func (n *longNet) writeEditions(site keys.URI, editions int) {
	n.t.Helper()
	queue := make(chan int)
	errs := make(chan error, editions)
	var writers sync.WaitGroup
	for range 4 {
		c := n.client(0)
		writers.Go(func() { // ends when the queue is closed
			for e := range queue {
				u := site
				u.Edition = int64(e)
				page := fmt.Appendf(nil, "edition %d", e)
				_, err := insert(n.t.Context(), c, api.JobRequest{Target: u.Encode()}, bytes.NewReader(page), int64(len(page)))
				errs <- err
			}
		})
	}
	for e := range editions {
		queue <- e
	}
	close(queue)
	writers.Wait()
	for range editions {
		if err := <-errs; err != nil {
			n.t.Fatal(err)
		}
	}
}
