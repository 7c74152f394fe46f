package fproxy

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"
	"time"
)

// F12: nothing is asked on behalf of pages that nobody reads any more.
func TestFollowingEndsWithTheReading(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNetwork()
		b := newBlog(t, n, "blog")
		b.publish(0)
		h := New(Config{Source: n.of, Node: fixed{}})
		defer h.Close()
		read(h, b.path(0, ""), page)
		time.Sleep(followTime - time.Second)
		read(h, b.path(0, ""), page)
		time.Sleep(followTime - time.Second)
		if newest, _ := h.follow.state(b.uri(0)); newest != 0 {
			t.Fatal("it is not followed")
		}
		time.Sleep(time.Second)
		synctest.Wait()
		if newest, _ := h.follow.state(b.uri(0)); newest != unknown {
			t.Error("it is still known")
		}
		n.from(nil)
		time.Sleep(24 * time.Hour)
		if n.count() != 0 {
			t.Errorf("%d blocks were asked for, for nobody", n.count())
		}
	})
}

// F12
func TestOnlyWhoReadsAPageFollows(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNetwork()
		b := newBlog(t, n, "blog")
		b.publish(0)
		h := New(Config{Source: n.of, Node: fixed{}})
		defer h.Close()
		for _, by := range []asker{part, program} {
			wantPage(t, read(h, b.path(0, ""), by), 200)
			wantPage(t, read(h, b.path(-1, "a.png"), by), 200)
		}
		wantPage(t, read(h, followOf(b.uri(0)), part), 403)
		wantPage(t, read(h, followOf(b.uri(0))+"?events", part), 403)
		wantPage(t, read(h, b.path(9, ""), page), 404)
		wantPage(t, read(h, "/follow/"+b.usk.Encode(), page), 400, "This URI is a secret")
		wantPage(t, read(h, "/follow/KSK@word", page), 400, "has no editions")
		wantPage(t, read(h, "/follow/", page), 400, "Not a URI")
		if len(h.follow.sites) != 0 {
			t.Error("it is followed")
		}
		wantPage(t, read(h, b.path(0, ""), page), 200)
		synctest.Wait()
		if _, ok := n.sites["follow "+string(siteOf(b.uri(0)))]; !ok || len(h.follow.sites) != 1 { // F9
			t.Error("it is not followed in a group of its own")
		}
		off := New(Config{Source: n.of, Node: fixed{}, NoFollow: true})
		wantPage(t, read(off, b.path(-1, ""), page), 200, "page of 0")
		wantPage(t, read(off, followOf(b.uri(0)), page), 404, "switched off")
		off.Close()
	})
}

// F12
func TestFollowingIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNetwork()
		h := New(Config{Source: n.of, Node: fixed{}})
		var blogs []*blog
		for i := range maxFollowed + 1 {
			blogs = append(blogs, newBlog(t, n, fmt.Sprint("blog ", i)))
			wantPage(t, read(h, followOf(blogs[i].uri(0)), page), 200)
			time.Sleep(time.Second)
		}
		if len(h.follow.sites) != maxFollowed || h.follow.sites[string(siteOf(blogs[0].uri(0)))] != nil {
			t.Errorf("%d sites are followed, or not the last ones", len(h.follow.sites))
		}
		ended := make([]<-chan struct{}, maxFollowed)
		for i := range maxFollowed {
			_, ended[i] = waitAt(t.Context(), h, blogs[i].uri(0))
		}
		synctest.Wait()
		wantPage(t, read(h, followOf(blogs[maxFollowed].uri(0)), page), 503, "Too many sites")
		wantPage(t, read(h, followOf(blogs[0].uri(0)), page), 200)
		h.Close() // ends the waiting as well
		for _, e := range ended {
			<-e
		}
		wantPage(t, read(h, followOf(blogs[0].uri(0)), page), 404)
		h.Close()
	})
}

// F12
func TestWaitingPagesAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNetwork()
		b := newBlog(t, n, "blog")
		h := New(Config{Source: n.of, Node: fixed{}})
		defer h.Close()
		ctx, leave := context.WithCancel(t.Context())
		var ended []<-chan struct{}
		for range maxWaits {
			_, e := waitAt(ctx, h, b.uri(0))
			ended = append(ended, e)
		}
		synctest.Wait()
		wantPage(t, read(h, followOf(b.uri(0))+"?events", program), 503)
		leave()
		for _, e := range ended {
			<-e
		}
		_, e := waitAt(ctx, h, b.uri(0)) // whose page has gone: it ends at once
		<-e
	})
}

// The network that cannot be asked is asked again later, also for a site of which nothing is known.
func TestFollowingOutlivesAnObstacle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNetwork()
		b := newBlog(t, n, "blog")
		b.publish(2)
		n.from(func(context.Context, int) error { return fmt.Errorf("no way") })
		h := New(Config{Source: n.of, Node: fixed{}})
		defer h.Close()
		w, _ := waitAt(t.Context(), h, b.uri(-1))
		time.Sleep(5 * time.Minute)
		n.from(nil)
		began := time.Now()
		if got, took := w.next(t, b), time.Since(began); got != 2 || took > 2*retryTime {
			t.Errorf("edition %d after %v", got, took)
		}
	})
}
