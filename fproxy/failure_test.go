package fproxy

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"nightjar/internal/content"
	"nightjar/internal/node"
	"nightjar/keys"
)

// hyphanet is a well-formed key of the other network: a CHK with its algorithm number 3.
var hyphanet = "CHK@" + strings.Repeat("A", 43) + "," + strings.Repeat("A", 43) + ",AAMC--8"

func TestEveryFailureHasItsPage(t *testing.T) {
	insert := keys.URI{Type: keys.SSK, Insert: true, Doc: "x"}
	for _, c := range []struct {
		name, path string
		err        error // what the network answers
		status     int
		texts      []string
	}{
		{"no URI", "/index.html", nil, 400, []string{"Not a URI that can be read", "More precisely: it has no @"}},
		{"truncated", "/CHK@AAAA", nil, 400, []string{"Not a URI that can be read"}},
		{"no name", "/KSK@", nil, 400, []string{"More precisely: it has an empty name"}},
		{"Hyphanet", "/" + hyphanet, nil, 400, []string{"belongs to Hyphanet"}},
		{"insert URI", "/" + insert.Encode(), nil, 400, []string{"This URI is a secret"}},
		{"unknown", "/KSK@unknown", nil, 404, []string{"Not found in the network", "every position", "try again later"}},
		{"no peers", "/KSK@x", node.ErrNoPeers, 503, []string{"No connection to the network", "nightjar peer add"}},
		{"too slow", "/KSK@x", context.DeadlineExceeded, 504, []string{"did not answer in time"}},
		{"malformed", "/KSK@x", fmt.Errorf("open: %w", content.ErrMalformed), 502, []string{"not readable"}},
		{"too large", "/KSK@x", content.ErrTooLarge, 413, []string{"nightjar get"}},
		{"anything else", "/KSK@x", errors.New("a bug"), 500, []string{"The node could not do it"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			n := newNetwork()
			if c.err != nil {
				n.from(func(context.Context, int) error { return c.err })
			}
			h := New(Config{Source: n.of, Node: fixed{}})
			for _, method := range []string{"GET", "HEAD"} {
				r := httptest.NewRequest(method, "/", nil)
				r.URL.Path, r.URL.RawPath = c.path, c.path
				r.Host = "localhost:8888"
				w := answered(h, r, "127.0.0.1:8888")
				if w.Code != c.status {
					t.Errorf("%s: status %d, want %d", method, w.Code, c.status)
				}
				body := w.Body.String()
				if method == "HEAD" {
					if body != "" {
						t.Error("HEAD has a body")
					}
					continue
				}
				for _, text := range append(c.texts, fmt.Sprint(c.status), "<h1>") {
					if !strings.Contains(body, text) {
						t.Errorf("page lacks %q", text)
					}
				}
				if c.err != nil && strings.Contains(body, "a bug") {
					t.Error("the page shows the text of an internal error")
				}
				if got := w.Header().Get("Content-Security-Policy"); got != ownPolicy {
					t.Errorf("policy %q", got)
				}
				if retry := w.Header().Get("Retry-After"); (retry != "") != (c.status == 503) {
					t.Errorf("Retry-After %q", retry)
				}
			}
		})
	}
}

// A key that reads nothing is told from one that finds nothing, and nobody is asked.
func TestVerifyCapabilitiesHaveTheirPage(t *testing.T) {
	n := newNetwork()
	uri := n.put(t, noise(100_000), content.PutOptions{})
	verify, err := content.VerifyURI(context.Background(), n, n, uri)
	if err != nil {
		t.Fatal(err)
	}
	n.from(nil)
	ask(t, "GET", serve(t, n, nil)+"/"+verify.Encode()).want(t, 400, "cannot read it", "nightjar keep")
	if n.count() != 0 {
		t.Errorf("%d fetches", n.count())
	}
}

func TestFailuresOfTheTableSayWhatAndWhatToDo(t *testing.T) {
	for _, f := range append(failures, unexpected) {
		if f.status < 400 || f.status > 599 || http.StatusText(f.status) == "" {
			t.Errorf("%s: status %d", f.title, f.status)
		}
		if f.title == "" || f.said == "" || len(f.advice) == 0 {
			t.Errorf("%v says too little", f.err)
		}
		if f.err != nil && failureOf(fmt.Errorf("somewhere: %w", f.err)).title != f.title {
			t.Errorf("%v does not lead to its own page", f.err)
		}
	}
}

func TestFilesOverTheLimitAreRefused(t *testing.T) {
	n := newNetwork()
	uri := n.put(t, noise(100_000), content.PutOptions{MIME: "text/plain"})
	folder := n.putFolder(t, map[string]entry{"index.html": {string(noise(100_000)), ""}, "small.txt": {"small", ""}})
	origin := serve(t, n, func(c *Config) { c.MaxSize = 99_999 })
	ask(t, "GET", origin+"/"+uri.Encode()).want(t, 413, "Larger than this proxy serves")
	ask(t, "GET", origin+"/"+folder.Encode()+"/index.html").want(t, 413)
	ask(t, "GET", origin+"/"+folder.Encode()+"/small.txt").want(t, 200, "small")
	ask(t, "GET", serve(t, n, func(c *Config) { c.MaxSize = 100_000 })+"/"+uri.Encode()).want(t, 200)
}

// The time-out counts silence, and ends the fetch.
func TestSilentNetworkIsGivenUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNetwork()
		n.from(func(ctx context.Context, _ int) error {
			<-ctx.Done()
			return fmt.Errorf("network: %w", ctx.Err())
		})
		h := New(Config{Source: n.of, Node: fixed{}, Timeout: 7 * time.Second})
		r := httptest.NewRequest("GET", "/KSK@word", nil)
		r.Host = "127.0.0.1:8888"
		began := time.Now()
		w := answered(h, r, "127.0.0.1:8888")
		if took := time.Since(began); took != 7*time.Second {
			t.Errorf("given up after %v", took)
		}
		if w.Code != 504 {
			t.Errorf("status %d\n%s", w.Code, w.Body)
		}
	})
}

// F9
func TestWhatCannotBeAskedForIsNot(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNetwork()
		n.from(func(ctx context.Context, _ int) error {
			<-ctx.Done()
			return ctx.Err()
		})
		why := &node.ObstacleError{Why: "2 more relays are needed", Missing: 2}
		h := New(Config{Source: n.of, Node: fixed{Onion: node.Onion{Hops: 3, Obstacle: why}}})
		r := httptest.NewRequest("GET", "/KSK@word", nil)
		r.Host = "127.0.0.1:8888"
		began := time.Now()
		w := answered(h, r, "127.0.0.1:8888")
		if took := time.Since(began); took != obstacleTime {
			t.Errorf("given up after %v", took)
		}
		if w.Code != 503 || !strings.Contains(w.Body.String(), "2 more relays are needed") || w.Header().Get("Refresh") == "" {
			t.Errorf("status %d\n%s", w.Code, w.Body)
		}
	})
}

// F9
func TestSitesAreKeptApart(t *testing.T) {
	n := newNetwork()
	word := n.put(t, []byte("hello"), content.PutOptions{Target: keys.URI{Type: keys.KSK, Doc: "word"}, MIME: "text/plain"})
	file := n.put(t, noise(5*keys.DataSize), content.PutOptions{MIME: "text/plain"})
	folder := n.putFolder(t, map[string]entry{"a.txt": {"a", ""}, "b.txt": {"b", ""}})
	origin := serve(t, n, nil)
	for _, path := range []string{word.Encode(), file.Encode(), folder.Encode() + "/a.txt", folder.Encode() + "/b.txt"} {
		ask(t, "GET", origin+"/"+path).want(t, 200)
	}
	if len(n.sites) != 3 {
		t.Errorf("%d sites, want 3", len(n.sites))
	}
	if got := n.sites[string(siteOf(file))]; got < 5 || got > 7 {
		t.Errorf("%d blocks are expected of a file of 5", got)
	}
	old, new := keys.URI{Type: keys.USK, Doc: "blog", Edition: 3, Path: "a"}, keys.URI{Type: keys.USK, Doc: "blog", Edition: -4}
	if string(siteOf(old)) != string(siteOf(new)) {
		t.Error("two editions of one site are two sites")
	}
}

func TestSlowNetworkIsNotSilent(t *testing.T) {
	n := newNetwork()
	data := noise(12 * keys.DataSize)
	uri := n.put(t, data, content.PutOptions{MIME: "video/mp4"})
	synctest.Test(t, func(t *testing.T) {
		n.from(func(ctx context.Context, _ int) error {
			time.Sleep(4 * time.Second)
			return nil
		})
		h := New(Config{Source: n.of, Node: fixed{}, Timeout: 9 * time.Second})
		r := httptest.NewRequest("GET", "/"+uri.Encode(), nil)
		r.Host = "127.0.0.1:8888"
		w := answered(h, r, "127.0.0.1:8888")
		if w.Code != 200 || w.Body.String() != string(data) {
			t.Errorf("status %d, %d bytes", w.Code, w.Body.Len())
		}
		time.Sleep(recentTime) // lets the proxy forget, and its timer end
	})
}

// F7
func TestFetchesAreBounded(t *testing.T) {
	n := newNetwork()
	uri := n.put(t, []byte("hello"), content.PutOptions{})
	started, gate := make(chan struct{}, 2), make(chan struct{})
	n.from(func(ctx context.Context, _ int) error {
		started <- struct{}{}
		<-gate
		return nil
	})
	origin := serve(t, n, func(c *Config) { c.Fetches = 2 })
	done := make(chan int)
	for range 2 {
		go func() {
			resp, err := http.Get(origin + "/" + uri.Encode())
			if err != nil {
				done <- 0
				return
			}
			resp.Body.Close()
			done <- resp.StatusCode
		}()
	}
	<-started
	<-started
	ask(t, "GET", origin+"/"+uri.Encode()).want(t, 503, "Too much at once")
	ask(t, "GET", origin+"/").want(t, 200)
	n.from(nil)
	close(gate)
	for range 2 {
		if status := <-done; status != 200 {
			t.Errorf("a fetch that was let in ended with %d", status)
		}
	}
	ask(t, "GET", origin+"/"+uri.Encode()).want(t, 200)
}
