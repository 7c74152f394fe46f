package fproxy

import (
	"net/http/httptest"
	"path/filepath"
	"strconv"
	"testing"
	"testing/synctest"
	"time"

	"nightjar/internal/content"
	"nightjar/keys"
	"nightjar/store/clientcache"
)

// F14: a page is read again without a request, long after it was read; what a page embeds is not, unless its site is read.
func TestF14WhatWasReadNeedsNoNetwork(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, err := clientcache.Open(clientcache.Config{Dir: filepath.Join(t.TempDir(), "client")})
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		n := newNetwork()
		h := New(Config{Source: n.of, Node: fixed{}, Cache: func(uri keys.URI) content.Shelf { return c.Of(uri) }})
		defer h.Close()
		file := func(seed byte) keys.URI {
			return n.put(t, make([]byte, 3*keys.DataSize+int(seed)), content.PutOptions{})
		}
		one, other := file(1), file(2)
		get := func(uri keys.URI, dest string) (requests int) {
			t.Helper()
			time.Sleep(2 * recentTime) // so that nothing is in memory
			return fetched(t, n, h, uri, dest)
		}
		if get(one, "document") == 0 || get(one, "document") != 0 || get(one, "") != 0 {
			t.Error("a page that was read is asked for again")
		}
		if get(one, "image") == 0 {
			t.Error("what a page embeds comes from the cache, though nobody reads the site")
		}
		if get(other, "image") == 0 || get(other, "document") == 0 {
			t.Error("what a page has embedded was kept")
		}
		get(one, "document")
		time.Sleep(visitTime - time.Second)
		for range 3 { // the page goes on loading
			if fetched(t, n, h, one, "image") != 0 {
				t.Error("a part of the page that is read is asked for again")
			}
			time.Sleep(visitTime - time.Second)
		}
	})
}

// fetched reads a file and returns how many requests that took.
func fetched(t *testing.T, n *network, h *Proxy, uri keys.URI, dest string) int {
	t.Helper()
	r := httptest.NewRequest("GET", "http://"+Address+"/"+uri.Encode(), nil)
	if dest != "" {
		r.Header.Set("Sec-Fetch-Dest", dest)
		r.Header.Set("Sec-Fetch-Site", "same-origin")
	}
	before, w := n.count(), httptest.NewRecorder()
	h.ServeHTTP(w, r)
	if w.Code != 200 {
		t.Fatalf("status %d", w.Code)
	}
	return n.count() - before
}

// F14: without a cache, and of many sites.
func TestF14VisitsAreBounded(t *testing.T) {
	c := newCached(nil)
	now := time.Now()
	for i := range 3 * maxVisits {
		c.visited(strconv.Itoa(i), page, now.Add(time.Duration(i)*time.Millisecond))
		if len(c.visits) > maxVisits {
			t.Fatalf("%d visits are remembered", len(c.visits))
		}
	}
	if last := strconv.Itoa(3*maxVisits - 1); !c.visited(last, part, now.Add(time.Second)) {
		t.Error("the site that was opened last is not remembered")
	}
}
