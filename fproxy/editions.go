package fproxy

import (
	"context"
	"sync"
	"time"

	"nightjar/internal/content"
	"nightjar/keys"
)

const (
	// followTime is how long a site is followed after somebody last asked for one of its pages.
	followTime = 10 * time.Minute
	// maxFollowed bounds the sites that are followed at once. The one that was asked for longest ago makes room.
	maxFollowed = 16
	// lookTime is how often, at most, a person who asks for the newest edition makes the proxy look for it anew.
	lookTime = 30 * time.Second
	// retryTime is the pause after the network could not be asked.
	retryTime = time.Minute
	// unknown is less than any edition.
	unknown = -1
)

// editions follows sites while somebody reads them, and knows their newest editions meanwhile. It forgets a site that it no longer follows: what
// was read should not stay in memory for long.
//
//	page asked for and found ──► followed ── followTime without one, or more than maxFollowed ──► forgotten
type editions struct {
	source func(site []byte) Source
	done   chan struct{} // closed by close

	mu      sync.Mutex
	sites   map[string]*followed // by siteOf; nil = nothing is followed (any more)
	running sync.WaitGroup
}

// followed is a site that is followed. Its fields belong to editions.mu.
type followed struct {
	uri      keys.URI // of any edition, no path
	newest   int64    // the newest edition that is known to exist
	shown    int64    // what the last page got that was asked for as the newest
	declined int64    // the edition that the reader was told of and did not want
	changed  chan struct{}
	waiting  int // open pages that show what changes
	asked    time.Time
	looked   time.Time
	again    context.CancelFunc // makes it look now
	stop     context.CancelFunc
	expiry   *time.Timer
}

// newEditions makes one that follows nothing if off.
func newEditions(source func(site []byte) Source, off bool) *editions {
	e := &editions{source: source, done: make(chan struct{}), sites: map[string]*followed{}}
	if off {
		e.sites = nil
	}
	return e
}

// close ends all following, and returns when it has ended.
func (e *editions) close() {
	e.mu.Lock()
	select {
	case <-e.done:
	default:
		close(e.done)
	}
	for name, s := range e.sites {
		e.forget(name, s)
	}
	e.sites = nil
	e.mu.Unlock()
	e.running.Wait()
}

// off reports whether nothing is followed.
func (e *editions) off() bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.sites == nil
}

// follow notes that a site was asked for, and follows it from now on. It reports whether it does: not if somebody waits for each that it follows.
func (e *editions) follow(uri keys.URI) bool {
	uri.Edition = unknown
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.followed(uri) != nil
}

// followed is the site of a URI, whose edition exists unless it is negative, and which is followed from now on. It is nil if it cannot be. The lock is held.
func (e *editions) followed(uri keys.URI) *followed {
	if e.sites == nil {
		return nil
	}
	name := string(siteOf(uri))
	s := e.sites[name]
	if s == nil {
		if len(e.sites) >= maxFollowed && !e.makeRoom() {
			return nil
		}
		s = e.begin(name, uri)
	}
	s.asked = time.Now()
	e.found(s, uri.Edition)
	return s
}

// begin follows a site.
func (e *editions) begin(name string, uri keys.URI) *followed {
	ctx, stop := context.WithCancel(context.Background())
	s := &followed{uri: uri, newest: unknown, shown: unknown, declined: unknown, changed: make(chan struct{}), stop: stop, again: func() {}}
	s.uri.Path = ""
	s.expiry = time.AfterFunc(followTime, func() { e.expire(name, s) })
	e.sites[name] = s
	e.running.Add(1)
	// Ends with stop: when the site is forgotten, at the latest by close, which waits.
	go func() {
		defer e.running.Done()
		e.run(ctx, name, s)
	}()
	return s
}

// run learns of new editions until ctx ends. What it asks for shares no circuit with what is read of the site.
func (e *editions) run(ctx context.Context, name string, s *followed) {
	src := e.source([]byte("follow " + name))
	for ctx.Err() == nil {
		round, again := context.WithCancel(ctx)
		found, err := content.Follow(round, src, e.round(s, again))
		switch {
		case err == nil:
			e.mu.Lock()
			e.found(s, found.Edition)
			e.mu.Unlock()
		case round.Err() == nil:
			pause(round, retryTime)
		}
		again()
	}
}

// pause returns after d, or when ctx ends.
func pause(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
}

// round notes that a site is looked at now, and returns after which edition to look.
func (e *editions) round(s *followed, again context.CancelFunc) keys.URI {
	e.mu.Lock()
	defer e.mu.Unlock()
	s.looked, s.again = time.Now(), again
	uri := s.uri
	uri.Edition = s.newest // unknown asks for any
	return uri
}

// found notes that an edition exists.
func (e *editions) found(s *followed, edition int64) {
	if edition <= s.newest {
		return
	}
	s.newest = edition
	close(s.changed)
	s.changed = make(chan struct{})
}

// expire forgets a site for whose pages nobody has asked for long, or comes back later.
func (e *editions) expire(name string, s *followed) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.sites[name] != s {
		return
	}
	left := followTime - time.Since(s.asked)
	if s.waiting > 0 {
		left = followTime
	}
	if left > 0 {
		s.expiry.Reset(left)
		return
	}
	e.forget(name, s)
}

// makeRoom forgets the site that was asked for longest ago, and reports whether there was one for which nobody waits.
func (e *editions) makeRoom() bool {
	oldest := ""
	for name, s := range e.sites {
		if s.waiting == 0 && (oldest == "" || s.asked.Before(e.sites[oldest].asked)) {
			oldest = name
		}
	}
	if oldest == "" {
		return false
	}
	e.forget(oldest, e.sites[oldest])
	return true
}

func (e *editions) forget(name string, s *followed) {
	delete(e.sites, name)
	s.expiry.Stop()
	s.stop()
}

// resolve says which edition stands for one that was asked for as the newest, if that is known without asking the network, and looks for a newer
// one meanwhile. The pictures of a page are those of the edition that the page was of, even if there has been a newer one since.
func (e *editions) resolve(uri keys.URI, by asker) keys.URI {
	e.mu.Lock()
	defer e.mu.Unlock()
	s := e.sites[string(siteOf(uri))]
	if s == nil || uri.Edition >= 0 {
		return uri
	}
	from := -(uri.Edition + 1)
	switch {
	case by == part && s.shown >= from:
		uri.Edition = s.shown
	case s.newest >= from:
		uri.Edition = s.newest
		if by != part && time.Since(s.looked) >= lookTime {
			s.again()
		}
	}
	return uri
}

// served notes that an edition was found for somebody who asked for a page, as the newest or not.
func (e *editions) served(uri keys.URI, asNewest bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if s := e.followed(uri); s != nil && asNewest {
		s.shown = uri.Edition
	}
}

// newer is the newest edition of a site that is followed if it is newer than the one that uri names.
func (e *editions) newer(uri keys.URI) (newest keys.URI, declined, ok bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	s := e.sites[string(siteOf(uri))]
	if s == nil || uri.Edition < 0 || s.newest <= uri.Edition {
		return uri, false, false
	}
	newest = uri
	newest.Edition = s.newest
	return newest, s.declined >= s.newest, true
}

// decline notes that the reader wants to stay with the edition that he reads, until there is another that is newer.
func (e *editions) decline(uri keys.URI) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if s := e.sites[string(siteOf(uri))]; s != nil {
		s.declined = s.newest
	}
}

// state is what is known of a site: its newest edition, or unknown, and what is closed when there is another.
func (e *editions) state(uri keys.URI) (newest int64, changed <-chan struct{}) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if s := e.sites[string(siteOf(uri))]; s != nil {
		return s.newest, s.changed
	}
	return unknown, nil
}

// wait keeps a site followed until leave is called.
func (e *editions) wait(uri keys.URI) (leave func(), ok bool) {
	uri.Edition = unknown
	e.mu.Lock()
	defer e.mu.Unlock()
	s := e.followed(uri)
	if s == nil {
		return nil, false
	}
	s.waiting++
	return func() {
		e.mu.Lock()
		defer e.mu.Unlock()
		s.waiting--
		s.asked = time.Now()
		s.expiry.Reset(followTime) // finds out if it is too early, or forgotten already
	}, true
}
