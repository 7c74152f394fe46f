package fproxy

import (
	"sync"
	"time"

	"nightjar/internal/content"
	"nightjar/keys"
)

const (
	// visitTime is how long after a person has opened a page of a site, or the page has loaded a part of the site, such parts come from the cache.
	visitTime = time.Minute
	// maxVisits bounds the sites that are remembered as visited; more were not opened by one person in a minute.
	maxVisits = 256
)

// cached decides what is read from, and kept in, the cache of what was read. Another site's page can embed a file, and its author can learn
// from those who keep the file whether somebody asks for it when his page is read; if it came from the cache he would know that his
// reader had read it before. So what a page embeds is from the cache only while its own site is being read.
type cached struct {
	of func(uri keys.URI) content.Shelf // nil = there is no cache

	mu     sync.Mutex
	visits map[string]time.Time // by siteOf
}

func newCached(of func(uri keys.URI) content.Shelf) *cached {
	return &cached{of: of, visits: map[string]time.Time{}}
}

// source is a source for what a URI names that was asked for so, which has from whatever is not in the cache.
func (c *cached) source(from content.Source, uri keys.URI, by asker) content.Source {
	if c.of == nil || !c.visited(string(siteOf(uri)), by, time.Now()) {
		return from
	}
	return content.Cached(from, c.of(uri), uri)
}

// visited notes that something of a site is asked for, and reports whether a person reads the site, or a program that is no browser.
func (c *cached) visited(site string, by asker, now time.Time) bool {
	if by == program {
		return true
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	last, ok := c.visits[site]
	if by == part && (!ok || now.Sub(last) >= visitTime) {
		return false
	}
	if !ok && len(c.visits) >= maxVisits {
		c.forget(now)
	}
	c.visits[site] = now
	return true
}

// forget makes room: for who was not read lately, else for anybody.
func (c *cached) forget(now time.Time) {
	for site, last := range c.visits {
		if now.Sub(last) >= visitTime {
			delete(c.visits, site)
		}
	}
	for site := range c.visits {
		if len(c.visits) < maxVisits {
			return
		}
		delete(c.visits, site)
	}
}
