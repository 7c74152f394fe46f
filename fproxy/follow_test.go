package fproxy

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// F11
func TestPageOfAnOlderEditionSaysSo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNetwork()
		b := newBlog(t, n, "blog")
		h := New(Config{Source: n.of, Node: fixed{}})
		defer h.Close()
		b.publish(0)
		wantPage(t, read(h, b.path(0, ""), page), 200, "page of 0")
		wantPage(t, read(h, b.path(0, "?list"), page), 200, `href="/follow/`+b.uri(0).Encode()+`"`)
		b.publish(1)
		time.Sleep(8 * time.Minute) // it is found by looking now and then
		w := read(h, b.path(0, "?list"), page)
		wantPage(t, w, 300, "edition 1", `href="`+b.path(1, "?list")+`"`, `href="`+b.path(0, "?list=&amp;stay=")+`"`, `href="/follow/`+b.uri(0).Encode()+`"`)
		if got := w.Header().Get("Content-Security-Policy"); got != ownPolicy {
			t.Errorf("policy %q", got)
		}
		// Neither parts of a page nor programs get anything else than they asked for.
		for _, by := range []asker{part, program} {
			w := read(h, b.path(0, "a.png"), by)
			wantPage(t, w, 200, "picture of 0")
			newest := b.uri(1)
			newest.Path = "a.png"
			if got := w.Header().Get("Link"); got != "</"+newest.Encode()+`>; rel="latest-version"` {
				t.Errorf("Link %q", got)
			}
		}
		if w := read(h, b.path(0, "?list=&stay="), page); w.Code != 303 || w.Header().Get("Location") != b.path(0, "?list=") {
			t.Errorf("status %d, to %q", w.Code, w.Header().Get("Location"))
		}
		wantPage(t, read(h, b.path(0, ""), page), 200, "page of 0")
		b.publish(2)
		time.Sleep(8 * time.Minute)
		wantPage(t, read(h, b.path(0, ""), page), 300, "edition 2")
		wantPage(t, read(h, b.path(1, ""), page), 300, "edition 2")
		w = read(h, b.path(2, ""), page)
		wantPage(t, w, 200, "page of 2")
		if got := w.Header().Get("Link"); got != "" {
			t.Errorf("the newest edition links to %s", got)
		}
	})
}

// F11: the newest edition that is known is there without a search, and a newer one is looked for behind.
func TestNewestIsAnsweredAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNetwork()
		b := newBlog(t, n, "blog")
		n.from(func(context.Context, int) error { time.Sleep(time.Second); return nil })
		h := New(Config{Source: n.of, Node: fixed{}})
		defer h.Close()
		b.publish(4)
		took := func(path string, by asker, text string) time.Duration {
			t.Helper()
			time.Sleep(recentTime)
			began := time.Now()
			wantPage(t, read(h, path, by), 200, text)
			return time.Since(began)
		}
		search, exact := took(b.path(-1, ""), page, "page of 4"), took(b.path(4, ""), page, "page of 4")
		if exact >= search {
			t.Fatalf("a search took %v, reading %v", search, exact)
		}
		if known := took(b.path(-1, ""), page, "page of 4"); known != exact {
			t.Errorf("it took %v, without looking for it %v", known, exact)
		}
		time.Sleep(9 * time.Minute) // by now it looks only every few minutes
		b.publish(5)
		wantPage(t, read(h, b.path(-1, ""), page), 200, "page of 4")
		time.Sleep(4 * time.Second)
		// Its pictures are still those of the page that was shown, as long as it is not loaded again.
		took(b.path(-1, "a.png"), part, "picture of 4")
		took(b.path(-1, "a.png"), program, "picture of 5")
		took(b.path(-1, ""), page, "page of 5")
		took(b.path(-1, "a.png"), part, "picture of 5")
		// What must be newer than anything known is searched for, and not there.
		if w := read(h, b.path(-8, ""), page); w.Code != 404 {
			t.Errorf("edition 7 or newer: status %d", w.Code)
		}
	})
}

// F11
func TestOpenPageLearnsOfANewEdition(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &pushing{network: newNetwork(), changed: make(chan struct{})}
		for name, c := range map[string]struct {
			source func([]byte) Source
			within time.Duration
		}{"push": {p.of, 0}, "looking": {p.network.of, 8 * time.Minute}} {
			b := newBlog(t, p.network, name)
			h := New(Config{Source: c.source, Node: fixed{}})
			b.publish(7)
			wantPage(t, read(h, followOf(b.uri(3)), page), 200, "looking for it", "hidden>Open")
			ctx, leave := context.WithCancel(t.Context())
			w, ended := waitAt(ctx, h, b.uri(3))
			if got := w.next(t, b); got != 7 {
				t.Errorf("%s: told of edition %d, want 7", name, got)
			}
			wantPage(t, read(h, followOf(b.uri(3)), page), 200, "newer edition than 3", `id="newest">7<`, `href="`+b.path(7, "")+`"`)
			time.Sleep(20 * followTime) // a page that stays open is told also later
			began := time.Now()
			b.publish(8)
			p.push()
			if got := w.next(t, b); got != 8 || time.Since(began) > c.within {
				t.Errorf("%s: told of edition %d after %v", name, got, time.Since(began))
			}
			if got := w.header.Get("Content-Type"); got != "text/event-stream" {
				t.Errorf("events are %s", got)
			}
			leave()
			<-ended
			time.Sleep(followTime - time.Second)
			if newest, _ := h.follow.state(b.uri(3)); newest != 8 {
				t.Errorf("%s: it is forgotten at once", name)
			}
			time.Sleep(time.Second)
			synctest.Wait()
			if newest, _ := h.follow.state(b.uri(3)); newest != unknown { // F12
				t.Errorf("%s: it is followed although the page was closed", name)
			}
			h.Close()
		}
	})
}

// F1: the one script of the proxy runs where it should, and nothing else does.
func TestThePolicyNamesTheScriptOfThePage(t *testing.T) {
	n := newNetwork()
	h := New(Config{Source: n.of, Node: fixed{}})
	defer h.Close()
	w := read(h, followOf(newBlog(t, n, `a"<script>b`).uri(0)), page)
	body := w.Body.String()
	wantPage(t, w, 200, `<noscript><meta http-equiv="refresh" content="20"></noscript>`, "&lt;script&gt;b</bdi>")
	_, rest, _ := strings.Cut(body, "<script>")
	script, _, _ := strings.Cut(rest, "</script>")
	policy := w.Header().Get("Content-Security-Policy")
	if !strings.Contains(policy, "script-src '"+hashOf(script)+"'") || len(script) < 100 || strings.Count(body, "<script") != 1 {
		t.Errorf("policy %q, script\n%s", policy, script)
	}
	if !strings.HasPrefix(policy, ownPolicy+";") || strings.Contains(policy, "unsafe") {
		t.Errorf("policy %q", policy)
	}
}
